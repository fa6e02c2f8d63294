"""The hosts that this application answers for: pure arithmetic on host names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from doorward.errors import DoorwardError
from doorward.model.estate import Resource

AUTH_LABEL = "auth"


@dataclass(frozen=True, slots=True)
class Place:
    """One host as the browser reached it: DNS label, scheme, and domain with port."""

    label: str
    scheme: str
    suffix: str

    @property
    def origin(self) -> str:
        """What a browser writes in `Origin` on this host."""
        return self.beside(self.label)

    @property
    def is_auth(self) -> bool:
        return self.label == AUTH_LABEL

    def beside(self, label: str) -> str:
        """The origin of another host, reached by the same listener."""
        return f"{self.scheme}://{label}.{self.suffix}"

    def of(self, resource: Resource) -> str:
        """The origin of a resource."""
        return self.beside(resource.host)


class Site:
    """The domain, by every origin under which its sign-in host is reached."""

    def __init__(self, auth_origins: Iterable[str]) -> None:
        """`auth_origins` such as `http://auth.doorward.localhost:8080`, one for each listener."""
        self._schemes: dict[str, str] = {}
        for origin in auth_origins:
            parts = urlsplit(origin)
            label, _, suffix = parts.netloc.partition(".")
            if label != AUTH_LABEL or not suffix or parts.path not in {"", "/"}:
                raise ValueError(f"not an origin of the sign-in host: {origin}")
            self._schemes[suffix] = parts.scheme

    def place(self, host: str) -> Place:
        """Where a request with this `Host` arrived. Raises DoorwardError `host-unknown`.

        The scheme follows from domain and port, so no forwarded header has to be believed.
        """
        label, _, suffix = host.lower().partition(".")
        scheme = self._schemes.get(suffix)
        if scheme is None or not label:
            raise DoorwardError("host-unknown", "There is nothing at this address.")
        return Place(label, scheme, suffix)
