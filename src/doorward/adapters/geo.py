"""The country of an address, from an MMDB file where one is configured."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import maxminddb

from doorward.errors import DoorwardError

_CACHED_ADDRESSES = 20_000


class CountryDatabase:
    """Looks countries up in a file in MaxMind DB format, read into memory at start."""

    def __init__(self, path: Path) -> None:
        """Raises DoorwardError `country-database-unreadable`."""
        try:
            self._reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        except (OSError, TypeError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise DoorwardError(
                "country-database-unreadable",
                f"The country database {path} cannot be read.",
                "Give a file in MaxMind DB format, or leave the setting out.",
            ) from error
        self.country = lru_cache(_CACHED_ADDRESSES)(self._country)

    def _country(self, address: str) -> str | None:
        """The ISO 3166 code of the country of `address`; None where it is unknown."""
        try:
            found = self._reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return None
        country = found.get("country") if isinstance(found, dict) else None
        code = country.get("iso_code") if isinstance(country, dict) else None
        return code if isinstance(code, str) else None


def countries(path: str) -> Callable[[str], str | None]:
    """The country of an address by the file at `path`; unknown for all where that is empty.

    Raises DoorwardError `country-database-unreadable`.
    """
    return CountryDatabase(Path(path)).country if path else lambda _address: None
