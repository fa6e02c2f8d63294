"""Parameters of a request, as RFC 6749, 3.1 wants them read."""

from __future__ import annotations

from collections.abc import Iterable

from doorward.protocol.openid.errors import OpenidRefusedError

MAX_PARAMETERS = 40
MAX_VALUE_LENGTH = 4096


class Parameters:
    """Names and values. One without a value counts as left out; an unknown one is not looked at."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def get(self, name: str) -> str:
        """The value; empty where there is none, or more than one."""
        values = self._values.get(name, ())
        return values[0] if len(values) == 1 else ""

    def require_plain(self, names: Iterable[str]) -> None:
        """Raises OpenidRefusedError `invalid_request` where one of `names` can be read in two ways.

        Given twice, longer than any can be, or holding what is not printable ASCII.
        """
        for name in names:
            values = self._values.get(name, ())
            if len(values) > 1:
                raise OpenidRefusedError("invalid_request", f"{name} is given more than once.")
            for value in values:
                if len(value) > MAX_VALUE_LENGTH or not (value.isascii() and value.isprintable()):
                    raise OpenidRefusedError("invalid_request", f"{name} is malformed.")
