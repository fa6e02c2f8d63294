"""The claims of the ticket (for this gateway's Envoy) and of the assertion (for upstreams).

Evolution: a ticket is read only by the Envoy of the process that signed it, so its claims may
change freely. An assertion's claims are a public interface: they may only be added to.
"""

from __future__ import annotations

import msgspec

TICKET_LIFETIME_SECONDS = 15
ASSERTION_LIFETIME_SECONDS = 60
ASSERTION_RENEWAL_SECONDS = 20
"""An assertion is handed out only while it has this long to live."""


class TicketClaims(msgspec.Struct, frozen=True, kw_only=True):
    """One allow that Envoy may reuse; see the ticket claims in ARCHITECTURE.md.

    `scp` is the resource, the action class and the rules that it follows from in one string, which
    Envoy compares whole; `epo` is the epoch in decimal; `dec` is the decision that is reused
    (`decision_reference`); `exp` is in whole Unix seconds; `groups` is joined by commas, as the
    header carries it.
    """

    sid: str
    scp: str
    epo: str
    bnd: str
    sub: str
    email: str
    name: str
    groups: str
    asr: str
    dec: str
    exp: int


def decision_reference(decision: str, snapshot: int) -> str:
    """The claim `dec`: a token with a parameter (RFC 8941, 3.3)."""
    return f"{decision};snapshot={snapshot}"


class AssertionClaims(msgspec.Struct, frozen=True, kw_only=True):
    """Who the upstream serves (RFC 7519). `sub` is a user id, or `service:ID`.

    `action` and `area` say what was decided: `read` or `write` and, for doorward's own console,
    in which area of it.
    """

    iss: str
    aud: str
    sub: str
    sid: str
    email: str
    name: str
    groups: tuple[str, ...]
    iat: int
    exp: int
    action: str = ""
    area: str = ""
