"""Messages of osquery's remote API, as osqueryd sends them to its `tls` plugins' endpoints.

osqueryd reads the body of every answer, whatever its status: an answer without `error` and
without `node_invalid` counts as success. Older versions write every number, and an empty list, as
text. What is not used here is left out, since each version adds something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from doorward.errors import DoorwardError

PREFIX: Final = "/osquery/v1"
ENROL: Final = f"{PREFIX}/enroll"
CONFIG: Final = f"{PREFIX}/config"
LOG: Final = f"{PREFIX}/log"
READ: Final = f"{PREFIX}/distributed/read"
WRITE: Final = f"{PREFIX}/distributed/write"
KEY_SCHEME: Final = "NodeKey"
"""Of the header `Authorization`, in which newer versions send the node key as well."""

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Of a body as it came, and of what it inflates to."""

MAX_ENROLMENT_BYTES: Final = 128 * 1024
"""Of an enrolment, which anybody may send: a row of each of four tables."""

MAX_LOG_LINES: Final = 32
MAX_LINE_BYTES: Final = 64 * 1024
"""So many lines of so many bytes are sent at once: half of `MAX_BODY_BYTES`."""

Row = Mapping[str, str]
"""A row of a table: osquery knows no other value than text."""

_Cell = str | int | float | bool | None
_Cells = dict[str, _Cell]
_Rows = list[_Cells] | str
_Number = int | float | str

Message = TypeVar("Message")


class Enrolment(msgspec.Struct, frozen=True):
    """A host asks for a node key. `host_details` holds a row of each of some tables."""

    host_identifier: str
    enroll_secret: str = ""
    platform_type: _Number = 0
    host_details: dict[str, _Cells] = {}


class Caller(msgspec.Struct, frozen=True):
    """What every other message says: whose it is."""

    node_key: str = ""


class Log(msgspec.Struct, frozen=True):
    """Lines of one kind, `result` or `status`."""

    log_type: str
    data: list[msgspec.Raw] | str = []


class Difference(msgspec.Struct, frozen=True):
    """Rows that came and rows that went since the last run."""

    added: _Rows = []
    removed: _Rows = []


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A result of a scheduled query, in one of three forms.

    `snapshot` holds all rows. `diff_results`, and `columns` with `action`, hold what changed since
    the run before; the first run has `counter` 0, and all its rows count as added.
    """

    name: str
    unix_time: _Number
    host_identifier: str = ""
    action: str = ""
    snapshot: _Rows | None = None
    columns: _Cells | None = None
    diff_results: Difference | None = None
    epoch: _Number = 0
    counter: _Number = 0


class Written(msgspec.Struct, frozen=True):
    """Results of distributed queries by their names. A status other than 0 is a failure."""

    queries: dict[str, _Rows] | str = {}
    statuses: dict[str, _Number] | str = {}


def decoded(body: bytes, kind: type[Message]) -> Message:
    """The message. Raises DoorwardError `osquery-malformed`."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DoorwardError(
            "osquery-malformed",
            "The body is not a message of osquery's remote API.",
            "docs/how-to/use-osquery.md says which flags osqueryd needs.",
        ) from error


def rows_of(rows: _Rows) -> Sequence[Row]:
    """The rows as text; an empty list of an older version is the empty text."""
    return [] if isinstance(rows, str) else [row_of(cells) for cells in rows]


def row_of(cells: _Cells) -> Row:
    """The row as text, `logger_numerics` or not."""
    return {name: _text(cell) for name, cell in cells.items()}


def number(value: _Number) -> float | None:
    """A number that may be written as text; None where it is none."""
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < 2**63 else None


def _text(cell: _Cell) -> str:
    if isinstance(cell, bool):
        return "1" if cell else "0"
    return "" if cell is None else str(cell)
