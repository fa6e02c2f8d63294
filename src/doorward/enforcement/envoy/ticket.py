"""The ticket as Envoy checks it. Its claims are `protocol.ticket.TicketClaims`, all required.

A ticket is a JWS (RFC 7515) signed ES256 with the key whose public half is
`EnvoySettings.ticket_jwk`; a `kid` is not needed. Envoy accepts it until `exp` plus
`CLOCK_SKEW_SECONDS`, so a minter subtracts these. `bnd` is `check.binding(...)`, `epo` the decimal
epoch that the routes were compiled with, `act` `read` or `write`, `res` the resource's id.
"""

from __future__ import annotations

from typing import Final

SESSION_COOKIE: Final = "__Host-doorward-session"
TICKET_COOKIE: Final = "__Host-doorward-ticket"
COOKIE_PREFIX: Final = "__Host-doorward-"
"""No cookie with a name of this prefix reaches an upstream."""

SERVICE_TOKEN_PREFIX: Final = "dwt_"

CLOCK_SKEW_SECONDS: Final = 1
