"""``python -m gofastr_queue`` is the command ``gofastr-queue``."""

import sys

from gofastr_queue.cli import main

if __name__ == "__main__":
    sys.exit(main())
