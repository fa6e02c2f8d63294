"""What the agent answers instead of a value that it does not have."""

from __future__ import annotations

from typing import NamedTuple


class Unknown(NamedTuple):
    """There is no answer; `why` is one sentence for the person whose device it is."""

    why: str
