"""Ids that sort by the time of their making, so that inserts stay local in an index.

UUID version 7, RFC 9562 section 5.7; the 12 bits after the milliseconds are a fraction of the
millisecond (method 3 of section 6.2).
"""

from __future__ import annotations

import os
import time


def new_id() -> str:
    """Make a UUID version 7, as text of 36 characters."""
    millis, nanos = divmod(time.time_ns(), 1_000_000)
    fraction = nanos * 4096 // 1_000_000
    noise = int.from_bytes(os.urandom(8)) & (2**62 - 1)
    text = f"{millis << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | noise:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
