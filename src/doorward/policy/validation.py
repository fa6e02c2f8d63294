"""Holding policies against the schema."""

from __future__ import annotations

from collections.abc import Iterable

from doorward.model.estate import Policy


def validate(policies: Iterable[Policy]) -> None:
    """Refuse policies that the schema does not allow, or that share an id. Raises SourceError."""
    raise NotImplementedError
