"""The worker: given calls and handlers, never a queue.

``engine`` puts it together; ``pool`` claims and settles, ``slots`` run jobs, ``keeper`` keeps their
leases, ``pace`` says how much to claim ahead, ``gate`` what must not run now, ``suspects`` what
must not be held together.
"""

from gofastr_queue.worker.engine import Engine
from gofastr_queue.worker.options import Options

__all__ = ["Engine", "Options"]
