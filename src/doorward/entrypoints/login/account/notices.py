"""What a page says after an act: sentences by code, so that no link can make it say more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SENTENCES: Mapping[str, str] = MappingProxyType({})
"""What the query parameter `done` may stand for."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, and whether some gateway has yet to enforce what it says."""

    text: str
    pending: bool


def notice(parameter: str) -> Notice | None:
    """The notice of `done=CODE`, or of `done=CODE.pending` while a gateway is behind."""
    code, _, rest = parameter.partition(".")
    text = SENTENCES.get(code)
    return None if text is None else Notice(text, rest == "pending")
