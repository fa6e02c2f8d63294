"""The ticket as Envoy checks it. Its claims are `protocol.ticket.TicketClaims`, all required.

A ticket is a JWS (RFC 7515) signed ES256 with the key whose public half is
`EnvoySettings.ticket_jwk`; a `kid` is not needed. Envoy accepts it until `exp` plus
`CLOCK_SKEW_SECONDS`, so a minter subtracts these. `bnd` is `check.binding(...)`, `scp` is
`scope(...)` of the epoch that the routes were compiled with.
"""

from __future__ import annotations

from typing import Any, Final

from doorward.enforcement.envoy.typed import Json, typed
from doorward.model.estate import Action

SESSION_COOKIE: Final = "__Host-doorward-session"
TICKET_COOKIE: Final = "__Host-doorward-ticket"
COOKIE_PREFIX: Final = "__Host-doorward-"
"""No cookie with a name of this prefix reaches an upstream."""

SERVICE_TOKEN_PREFIX: Final = "dwt_"  # noqa: S105 - a prefix, not a secret

CLOCK_SKEW_SECONDS: Final = 1

JWT_FILTER: Final = "envoy.filters.http.jwt_authn"
RBAC_FILTER: Final = "envoy.filters.http.rbac"
PAYLOAD: Final = "ticket"
SHADOW_RESULT: Final = "shadow_engine_result"


def scope(epoch: int, resource: str, action: Action) -> str:
    """What a ticket opens, in the one string that Envoy compares."""
    return f"{epoch} {resource} {action}"


def ticket_opens(epoch: int, resource: str, action: Action) -> Json:
    """The route's shadow rule: allowed where the ticket has this scope and binding.

    A request that also brings a doorward bearer token goes to the decision process, which refuses
    two credentials at once.
    """
    in_scope = {
        "sourced_metadata": {
            "metadata_matcher": {
                "filter": JWT_FILTER,
                "path": [{"key": PAYLOAD}, {"key": "scp"}],
                "value": {"string_match": {"exact": scope(epoch, resource, action)}},
            }
        }
    }
    bearer = {
        "header": {
            "name": "authorization",
            "string_match": {"contains": SERVICE_TOKEN_PREFIX, "ignore_case": True},
        }
    }
    policy = {
        "permissions": [{"and_rules": {"rules": [in_scope, {"not_rule": bearer}]}}],
        "principals": [{"any": True}],
        "condition": _BOUND,
    }
    return _shadow({"ticket": policy})


def _shadow(policies: Json) -> Json:
    return typed(
        "extensions.filters.http.rbac.v3.RBACPerRoute",
        rbac={"shadow_rules": {"action": "ALLOW", "policies": policies}},
    )


def _bound() -> Json:
    """`source.address.startsWith(bnd) || connection.sha256_peer_certificate_digest == bnd`.

    An abstract syntax tree of the Common Expression Language. `bnd` holds either an address with
    its closing colon or a digest without one, so neither can be taken for the other.
    """
    ids = iter(range(1, 100))

    def node(**kind: Any) -> Json:  # noqa: ANN401 - JSON values
        return {"id": next(ids), **kind}

    def select(operand: Json, field: str) -> Json:
        return node(select_expr={"operand": operand, "field": field})

    def identifier(name: str) -> Json:
        return node(ident_expr={"name": name})

    def index(operand: Json, key: str) -> Json:
        constant = node(const_expr={"string_value": key})
        return node(call_expr={"function": "_[_]", "args": [operand, constant]})

    def binding() -> Json:
        metadata = select(identifier("metadata"), "filter_metadata")
        return index(index(index(metadata, JWT_FILTER), PAYLOAD), "bnd")

    address = select(identifier("source"), "address")
    digest = select(identifier("connection"), "sha256_peer_certificate_digest")
    by_address = node(call_expr={"target": address, "function": "startsWith", "args": [binding()]})
    by_certificate = node(call_expr={"function": "_==_", "args": [digest, binding()]})
    return node(call_expr={"function": "_||_", "args": [by_address, by_certificate]})


_BOUND = _bound()
