"""The ticket as Envoy checks it. Its claims are `protocol.ticket.TicketClaims`, all required.

A ticket is a JWS (RFC 7515) signed ES256 with the key whose public half is
`EnvoySettings.ticket_jwk`; a `kid` is not needed. Envoy accepts it until `exp` plus
`CLOCK_SKEW_SECONDS`, so a minter subtracts these. `bnd` is `check.binding(...)`, `scp` is
`scope(...)`, `epo` the decimal epoch.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from doorward.enforcement.envoy.typed import Json
from doorward.model.areas import AREA_RULES, NO_AREA, Area
from doorward.model.estate import Action, Resource

SESSION_COOKIE: Final = "__Host-doorward-session"
TICKET_COOKIE: Final = "__Host-doorward-ticket"
COOKIE_PREFIX: Final = "__Host-doorward-"
"""No cookie with a name of this prefix reaches an upstream."""

SERVICE_TOKEN_PREFIX: Final = "dwt_"  # noqa: S105 - a prefix, not a secret

CLOCK_SKEW_SECONDS: Final = 1

JWT_FILTER: Final = "envoy.filters.http.jwt_authn"
RBAC_FILTER: Final = "envoy.filters.http.rbac"
PROVIDER: Final = "ticket"
SHADOW_RESULT: Final = "shadow_engine_result"
SHADOW_POLICY: Final = "shadow_effective_policy_id"

SCOPE_HEADER: Final = "doorward-ticket-scope"
EPOCH_HEADER: Final = "doorward-ticket-epoch"
BINDING_HEADER: Final = "doorward-ticket-binding"
CLAIM_HEADERS: Final = (
    ("scp", SCOPE_HEADER),
    ("epo", EPOCH_HEADER),
    ("bnd", BINDING_HEADER),
)
"""Where Envoy puts claims of a verified ticket for its own filters; removed before the upstream.
As headers, since the whole payload as metadata costs 15 % of a ticketed request's time."""

PROBE_HEADER: Final = "doorward-probe"
"""Set on the probe socket; no client can send a header of this prefix."""


@lru_cache(maxsize=4096)
def scope(resource: Resource, action: Action, area: Area | Literal[""] = NO_AREA) -> str:
    """What a ticket opens, in the one string that Envoy compares: the name of the routes.

    It ends in a digest of the resource's rules, so that no ticket outlives the table that its
    action was read from, in whichever order Envoy takes new routes and a new epoch.
    """
    rules = sha256(msgspec.json.encode((*resource.rules, *AREA_RULES))).hexdigest()
    return f"{resource.id} {action}{area and f':{area}'} {rules[:16]}"


def ticket_rules(epoch: int) -> Json:
    """Shadow rules: allowed where the ticket has this epoch, the route's scope and the binding.

    A request that also brings a doorward bearer token goes to the decision process, which refuses
    two credentials at once. The second policy, whose name is the epoch, marks the probe's requests.
    """
    current = {"header": {"name": EPOCH_HEADER, "string_match": {"exact": str(epoch)}}}
    bearer = {
        "header": {
            "name": "authorization",
            "string_match": {"contains": SERVICE_TOKEN_PREFIX, "ignore_case": True},
        }
    }
    # Another site's page (CSRF): the decision process looks at Origin and method.
    foreign = {
        "header": {
            "name": "sec-fetch-site",
            "string_match": {"safe_regex": {"regex": "cross-site|same-site"}},
        }
    }
    probe = {"header": {"name": PROBE_HEADER, "present_match": True}}
    anyone = [{"any": True}]
    return {
        "action": "ALLOW",
        "policies": {
            "ticket": {
                "permissions": [
                    {"and_rules": {"rules": [current, {"not_rule": bearer}, {"not_rule": foreign}]}}
                ],
                "principals": anyone,
                "condition": _OPENS_AND_BOUND,
            },
            str(epoch): {"permissions": [probe], "principals": anyone},
        },
    }


def _opens_and_bound() -> Json:
    """The route's name is `scp`; the client's address begins with `bnd` or its certificate is it.

    `xds.route_name == scp && (source.address.startsWith(bnd) ||
    connection.sha256_peer_certificate_digest == bnd)`, the claims read from their headers, as an
    abstract syntax tree of the Common Expression Language. `bnd` holds either an address with its
    closing colon or a digest without one, so neither can be taken for the other.
    """
    ids = iter(range(1, 100))

    def node(**kind: Any) -> Json:  # noqa: ANN401 - JSON values
        return {"id": next(ids), **kind}

    def select(operand: Json, field: str) -> Json:
        return node(select_expr={"operand": operand, "field": field})

    def identifier(name: str) -> Json:
        return node(ident_expr={"name": name})

    def call(function: str, *args: Json) -> Json:
        return node(call_expr={"function": function, "args": list(args)})

    def header(name: str) -> Json:
        headers = select(identifier("request"), "headers")
        return call("_[_]", headers, node(const_expr={"string_value": name}))

    address = select(identifier("source"), "address")
    digest = select(identifier("connection"), "sha256_peer_certificate_digest")
    prefix = {"target": address, "function": "startsWith", "args": [header(BINDING_HEADER)]}
    bound = call("_||_", node(call_expr=prefix), call("_==_", digest, header(BINDING_HEADER)))
    opens = call("_==_", select(identifier("xds"), "route_name"), header(SCOPE_HEADER))
    return call("_&&_", opens, bound)


_OPENS_AND_BOUND: Final = _opens_and_bound()
