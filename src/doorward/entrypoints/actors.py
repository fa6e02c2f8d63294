"""Who asks the console or the API, and whether a browser asks by that person's own will.

Two ways lead to an `Actor`: the operator's Unix socket, which only its owner can open, and the
identity assertion that the gateway adds after its decision. There is no third.

The assertion says what was decided as well: at the console it opens no endpoint of another area,
and nothing that writes where reading was decided on. So whoever gets a request past Envoy's
routes by a spelling that they read otherwise than this application still gets nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from doorward.administrator.control_plane import Act, LiveSnapshot
from doorward.errors import DoorwardError
from doorward.model.areas import NO_AREA, Area
from doorward.model.estate import CONTROL_UPSTREAM
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot
from doorward.protocol.ticket import AssertionClaims

ASSERTION_HEADER = "doorward-assertion"
_SERVICE = "service:"
_SAFE_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `id` is `operator`, `user:ID` or `service:ID`; `session` is empty for machines."""

    id: str
    name: str
    session: str = ""

    def act(self, at: UnixSeconds) -> Act:
        """The act of this actor, for a use case."""
        return Act(self.id, at)


class Authenticator(Protocol):
    """Turns a request into the actor behind it."""

    def actor(
        self,
        method: str,
        headers: Mapping[str, str],
        now: UnixSeconds,
        area: Area | Literal[""] = NO_AREA,
    ) -> Actor:
        """`headers` by lower-case name; `area` is that of the console's endpoint.

        Raises `not-authenticated`, `other-area` or `cross-site-request`.
        """
        ...


class OperatorSocket:
    """For the Unix socket of mode 0600: whoever can open it is the operator."""

    def actor(
        self,
        method: str,
        headers: Mapping[str, str],
        now: UnixSeconds,
        area: Area | Literal[""] = NO_AREA,
    ) -> Actor:
        del method, headers, now, area
        return Actor("operator", "operator")


class Verifier(Protocol):
    """Verifies an identity assertion (`adapters.assertion_verifier`)."""

    def verify(
        self, assertion: str, audiences: Collection[str], now: UnixSeconds
    ) -> AssertionClaims: ...


class GatewayAssertion:
    """For doorward's own hosts: believes the gateway's assertion and nothing else.

    `origins` are the addresses of the console as browsers write them in `Origin`. Only resources
    whose upstream is `upstream` are asked for here: what opens one of them opens no other host.
    """

    def __init__(
        self,
        verifier: Verifier,
        live: LiveSnapshot,
        origins: Collection[str],
        upstream: str = CONTROL_UPSTREAM,
    ) -> None:
        self._verifier = verifier
        self._live = live
        self._origins = frozenset(origins)
        self._upstream = upstream

    def actor(
        self,
        method: str,
        headers: Mapping[str, str],
        now: UnixSeconds,
        area: Area | Literal[""] = NO_AREA,
    ) -> Actor:
        snapshot = self._live.current
        audiences = {
            resource.id
            for resource in snapshot.resources.values()
            if resource.upstream == self._upstream
        }
        claims = self._verifier.verify(headers.get(ASSERTION_HEADER, ""), audiences, now)
        _require_decided(claims, method, area)
        actor = _known(claims, snapshot)
        if actor.session and method not in _SAFE_METHODS:
            self._require_same_origin(headers)
        return actor

    def _require_same_origin(self, headers: Mapping[str, str]) -> None:
        # Another site can make a signed-in browser send a form here (CSRF). Our pages send no
        # referrer, so a browser may write `Origin: null`: the fetch metadata decides first.
        site = headers.get("sec-fetch-site")
        trusted = (
            site == "same-origin" if site is not None else headers.get("origin") in self._origins
        )
        if not trusted:
            raise DoorwardError(
                "cross-site-request",
                "This change was not sent by a page of this console, so it was not made.",
                "Open the console and try again; scripts use a service token.",
            )


def _require_decided(claims: AssertionClaims, method: str, area: Area | Literal[""]) -> None:
    action = "read" if method in _SAFE_METHODS else "write"
    if claims.area != area or (area and claims.action not in {action, "write"}):
        raise DoorwardError(
            "other-area",
            "The gateway decided on something else than this request would do.",
            "Open the console and go on from there; write the path as its pages do.",
        )


def _known(claims: AssertionClaims, snapshot: Snapshot) -> Actor:
    subject = claims.sub
    if subject.startswith(_SERVICE):
        service = snapshot.services.get(subject.removeprefix(_SERVICE))
        if service is not None and subject not in snapshot.users:
            return Actor(subject, service.name)
    else:
        user, standing = snapshot.users.get(subject), snapshot.standings.get(subject)
        if user is not None and (standing is None or not standing.disabled):
            return Actor(f"user:{user.id}", user.name, claims.sid)
    raise DoorwardError(
        "not-authenticated", "Whom this request names is not known here.", "Sign in again."
    )
