"""Where the store is: `sqlite:///relative`, `sqlite:////absolute` or `postgresql://…`."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from doorward.errors import DoorwardError


def parse_url(url: str) -> URL:
    """The parsed URL. Raises `store-url-invalid`; the URL may hold a password and is not shown."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _invalid() from None
    known = parsed.drivername in {"sqlite", "postgresql"}
    # In memory every connection would have a database of its own, and all of it is lost.
    if not known or (parsed.drivername == "sqlite" and parsed.database in {None, "", ":memory:"}):
        raise _invalid()
    return parsed


def _invalid() -> DoorwardError:
    return DoorwardError(
        "store-url-invalid",
        "The store URL is not understood.",
        "Write sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
    )
