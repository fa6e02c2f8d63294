"""How many descriptors (files, sockets) this process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress

_UNLIMITED = 1_048_576


def allowed_descriptors() -> int:
    """As many as the system lets this process have, from now on, and what it starts.

    What a shell allows by itself, often 1024, is for programs that use `select`.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if allowed == resource.RLIM_INFINITY else allowed
