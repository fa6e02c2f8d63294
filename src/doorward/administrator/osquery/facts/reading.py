"""What readers of osquery's rows share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from doorward.model.posture import FactName, FactValue
from doorward.protocol.osquery import Row

ASKED: Final = "asked"
"""`what` of a row that a query adds itself: no row at all means that nothing was looked at."""


class Unknown(NamedTuple):
    """Why a fact is not known."""

    why: str


Answer = FactValue | Unknown


class Reader(NamedTuple):
    """Reads these facts, and no others, from the rows of a query."""

    facts: tuple[FactName, ...]
    read: Callable[[Sequence[Row]], Mapping[FactName, Answer]]


NOTHING: Final = Unknown("osquery found nothing to look at.")
UNCLEAR: Final = Unknown("What osquery answered is not understood.")


def one(name: FactName, read: Callable[[Sequence[Row]], Answer]) -> Reader:
    """A reader of a single fact."""
    return Reader((name,), lambda rows: {name: read(rows)})


def flag(cell: str) -> bool | Unknown:
    """`1` or `0`; what else is there is unknown."""
    return {"1": True, "0": False}.get(cell, UNCLEAR)


def every(answers: Sequence[bool | Unknown]) -> bool | Unknown:
    """Whether all are true: one that is false decides, then one that is unknown."""
    if any(answer is False for answer in answers):
        return False
    unknown = next((answer for answer in answers if isinstance(answer, Unknown)), None)
    return unknown or bool(answers) or NOTHING


def version(text: str) -> str | Unknown:
    """The numbers with dots between them with which `text` begins."""
    found = re.match(r"\d{1,9}(\.\d{1,9}){0,7}", text, re.ASCII)
    return found[0] if found else UNCLEAR


def labelled(rows: Sequence[Row], what: str) -> Sequence[Row]:
    """The rows of a query of several parts that came from this part."""
    return [row for row in rows if row.get("what") == what]
