"""The HTTP filters, in the order in which a request passes them.

1. `jwt_authn` reads the ticket; missing or invalid is no error, it only leaves no claims.
2. `rbac` compares it with route, client and epoch; shadow rules only, so it writes a result and
   refuses nothing. It is read from a file of its own: a new epoch costs the same for a thousand
   resources as for one, and takes effect on open connections.
3. `ext_authz` asks the decision process, unless that result is `allowed`.
4. `lua` takes doorward's own credentials out of `Cookie` and `Authorization`.
5. `set_filter_state` hands a stream's id to the connection that will carry it; it is switched on
   only on routes through the relay.
6. `header_mutation` drops from a client's trailers what it may not say in headers; it is switched
   on only where the upstream speaks HTTP/2, as nothing else passes trailers on.
7. `router`.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from doorward.enforcement.envoy.check import (
    ADDRESS_HEADER,
    ASSERTION_HEADER,
    CERTIFICATE_FORMAT,
    CERTIFICATE_HEADER,
    CHECK_TIMEOUT_SECONDS,
    CLIENT_HEADERS,
    DECISION_HEADER,
    DENIED_CLIENT_HEADERS,
    EMAIL_HEADER,
    GROUPS_HEADER,
    NAME_HEADER,
    RESOURCE_HEADER,
    ROUTE_HEADER,
    SCHEME_HEADER,
    SESSION_HEADER,
    STREAM_HEADER,
    SUCCESS_CLIENT_HEADERS,
    UPSTREAM_HEADERS,
    USER_HEADER,
)
from doorward.enforcement.envoy.settings import EnvoySettings
from doorward.enforcement.envoy.ticket import (
    CLAIM_HEADERS,
    CLOCK_SKEW_SECONDS,
    JWT_FILTER,
    PROBE_HEADER,
    PROVIDER,
    RBAC_FILTER,
    SHADOW_RESULT,
    TICKET_COOKIE,
    ticket_rules,
)
from doorward.enforcement.envoy.typed import Json, extension, typed

RBAC: Final = "extensions.filters.http.rbac.v3.RBAC"
AUTHZ_FILTER: Final = "envoy.filters.http.ext_authz"
CREDENTIALS_FILTER: Final = "envoy.filters.http.lua"
STREAM_FILTER: Final = "envoy.filters.http.set_filter_state"
STREAM_STATE: Final = "doorward.stream"
"""Where Envoy keeps the id of a stream, for its connection to the relay."""
TRAILERS_FILTER: Final = "envoy.filters.http.header_mutation"
_MUTATION: Final = "extensions.filters.http.header_mutation.v3.HeaderMutation"
CHECK_CLUSTER: Final = "doorward-check"
ROUTED: Final = "doorward.routed"
"""The metadata of a virtual host that holds the id of its `resource`."""
_IDENTITY_CLAIMS: Final = (
    ("sub", USER_HEADER),
    ("email", EMAIL_HEADER),
    ("name", NAME_HEADER),
    ("groups", GROUPS_HEADER),
    ("sid", SESSION_HEADER),
    ("asr", ASSERTION_HEADER),
    ("dec", DECISION_HEADER),
)
_CREDENTIALS_SCRIPT: Final = (files(__package__) / "credentials.lua").read_text(encoding="utf-8")

_REFUSED_HEADERS: Final = (
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-real-ip",
    "forwarded",
    "remote-user",
    "x-remote-user",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-webauth-user",
    "x-client-ip",
    "true-client-ip",
    "x-cluster-client-ip",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-uri",
    "x-original-host",
)
"""Headers by which applications take another method, path, address or person than was decided on:
those of frameworks, and those by which other proxies say who asks."""

_OWN_NAMES: Final[Json] = {
    "remove_on_match": {"key_matcher": {"prefix": "doorward-", "ignore_case": True}}
}

TICKETED: Final[Json] = {
    "filter": RBAC_FILTER,
    "path": [{"key": SHADOW_RESULT}],
    "value": {"string_match": {"exact": "allowed"}},
}
"""Metadata that says: let in by a ticket."""


def http_filters(settings: EnvoySettings, ticket: Json) -> list[Json]:
    """All filters, `ticket` the second. But for the router they are authorization."""
    return [
        _jwt_authn(settings.ticket_jwk),
        ticket,
        _ext_authz(),
        _credentials(),
        {**_stream_id(), "disabled": True},
        {**extension(TRAILERS_FILTER, _MUTATION), "disabled": True},
        router(),
    ]


def ticket_filter(settings: EnvoySettings) -> Json:
    """The `rbac` filter, by extension config discovery: until its file is read, nobody passes."""
    return {
        "name": RBAC_FILTER,
        "config_discovery": {
            "config_source": {
                "resource_api_version": "V3",
                "path_config_source": {"path": f"{settings.folder}/epoch.json"},
            },
            "type_urls": [f"type.googleapis.com/envoy.{RBAC}"],
        },
    }


def ticket_filter_of(epoch: int) -> Json:
    """The `rbac` filter itself."""
    return extension(RBAC_FILTER, RBAC, shadow_rules=ticket_rules(epoch))


def router() -> Json:
    """The last filter."""
    return extension(
        "envoy.filters.http.router",
        "extensions.filters.http.router.v3.Router",
        suppress_envoy_headers=True,
    )


def front_mutations() -> list[Json]:
    """What a client may not say is dropped before any filter or route sees it."""
    return _early([_OWN_NAMES, *({"remove": name} for name in _REFUSED_HEADERS)])


def trailer_mutations() -> Json:
    """Per-route configuration for an upstream that gets the client's trailers."""
    refused = [{"remove": name} for name in (*_REFUSED_HEADERS, "authorization", "cookie")]
    mutations = {"request_trailers_mutations": [_OWN_NAMES, *refused]}
    return {TRAILERS_FILTER: typed(f"{_MUTATION}PerRoute", mutations=mutations)}


def probe_mutations() -> list[Json]:
    """Marks a request as one that came by the probe socket."""
    return _early([{"append": {"header": {"key": PROBE_HEADER, "value": "1"}}}])


def _early(mutations: list[Json]) -> list[Json]:
    return [
        extension(
            "envoy.http.early_header_mutation.header_mutation",
            "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            mutations=mutations,
        )
    ]


def _jwt_authn(ticket_jwk: str) -> Json:
    keys = '{"keys":[' + ticket_jwk + "]}"
    provider = {
        "local_jwks": {"inline_string": keys},
        "from_cookies": [TICKET_COOKIE],
        "forward": True,
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_SECONDS,
        "jwt_cache_config": {"jwt_cache_size": 4096, "jwt_max_token_size": 8192},
        "claim_to_headers": [
            {"claim_name": claim, "header_name": header}
            for claim, header in (*_IDENTITY_CLAIMS, *CLAIM_HEADERS)
        ],
    }
    either = [{"provider_name": PROVIDER}, {"allow_missing_or_failed": {}}]
    return extension(
        JWT_FILTER,
        "extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={PROVIDER: provider},
        rules=[{"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": either}}}],
    )


def _ext_authz() -> Json:
    def exactly(names: tuple[str, ...]) -> Json:
        return {"patterns": [{"exact": name} for name in names]}

    return extension(
        AUTHZ_FILTER,
        "extensions.filters.http.ext_authz.v3.ExtAuthz",
        http_service={
            "server_uri": {
                "uri": "http://decision",
                "cluster": CHECK_CLUSTER,
                "timeout": f"{CHECK_TIMEOUT_SECONDS}s",
            },
            "authorization_request": {
                "headers_to_add": [
                    {
                        "key": ADDRESS_HEADER,
                        "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
                    },
                    {"key": CERTIFICATE_HEADER, "value": CERTIFICATE_FORMAT},
                    {"key": SCHEME_HEADER, "value": "%REQ(:SCHEME)%"},
                    {
                        "key": RESOURCE_HEADER,
                        "value": f"%METADATA(VIRTUAL_HOST:{ROUTED}:resource)%",
                    },
                    {"key": ROUTE_HEADER, "value": "%ROUTE_NAME%"},
                ]
            },
            "authorization_response": {
                "allowed_upstream_headers": exactly(UPSTREAM_HEADERS),
                "allowed_client_headers": exactly(DENIED_CLIENT_HEADERS),
                "allowed_client_headers_on_success": exactly(SUCCESS_CLIENT_HEADERS),
            },
        },
        allowed_headers=exactly(CLIENT_HEADERS),
        failure_mode_allow=False,
        status_on_error={"code": 503},
        validate_mutations=True,
        filter_enabled_metadata={**TICKETED, "invert": True},
    )


def _credentials() -> Json:
    return extension(
        CREDENTIALS_FILTER,
        "extensions.filters.http.lua.v3.Lua",
        default_source_code={"inline_string": _CREDENTIALS_SCRIPT},
        # A route chosen anew after the decision could be one that nobody decided.
        clear_route_cache=False,
    )


def _stream_id() -> Json:
    """The id becomes part of what Envoy chooses a connection by, which makes it one of its own."""
    return extension(
        STREAM_FILTER,
        "extensions.filters.http.set_filter_state.v3.Config",
        on_request_headers=[
            {
                "object_key": STREAM_STATE,
                "factory_key": "envoy.hashable_string",
                "format_string": {
                    "text_format_source": {"inline_string": f"%REQ({STREAM_HEADER})%"},
                    "omit_empty_values": True,
                },
                "read_only": True,
                "shared_with_upstream": "ONCE",
            }
        ],
    )


def with_stream_id() -> Json:
    """Per-route configuration of a route to a cluster of `clusters.carried`."""
    return {STREAM_FILTER: typed("config.route.v3.FilterConfig", config={})}


def without_authorization() -> Json:
    """Per-route configuration of a route that asks nobody: sign-in, callbacks."""
    disabled = typed("config.route.v3.FilterConfig", disabled=True)
    return dict.fromkeys((JWT_FILTER, RBAC_FILTER, AUTHZ_FILTER, CREDENTIALS_FILTER), disabled)
