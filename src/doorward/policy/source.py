"""Reading `.cedar` files."""

from __future__ import annotations

from doorward.model.estate import Policy


def parse_policies(text: str, file: str) -> tuple[Policy, ...]:
    """The single policies of a `.cedar` file, in order. Raises SourceError."""
    raise NotImplementedError
