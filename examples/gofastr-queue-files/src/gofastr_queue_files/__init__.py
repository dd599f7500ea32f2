"""Jobs as files in a directory: a backend of gofastr-queue for many processes and no server."""

from gofastr_queue_files.backend import FilesBackend, connect

__all__ = ["FilesBackend", "connect"]
