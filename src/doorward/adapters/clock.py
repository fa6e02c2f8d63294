"""The system clock."""

from __future__ import annotations

import time

from doorward.model.ids import UnixSeconds


def now() -> UnixSeconds:
    """The current time in seconds since 1970-01-01T00:00:00Z."""
    return time.time()
