"""The in-memory backend: ``memory://`` and ``memory://name``."""

from gofastr_queue_memory.backend import MemoryBackend, connect

__all__ = ["MemoryBackend", "connect"]
