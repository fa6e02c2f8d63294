"""Route configuration: a virtual host for each resource, ordered routes with their action class.

In each resource's virtual host the first route that matches wins:

1. `/.doorward/`: doorward's own pages, no decision.
2. What goes through the relay, never by ticket: an upgrade; a request that asks for events
   (`text/event-stream`) or is gRPC; where the resource says `streams`, every request.
3. A path that `engine.classify` reads twice: always to the decision process.
4. One route for each `ActionRule`, in order; at the console two for each of `AREA_RULES`, after
   what rules of an estate from before say of writing, which leads to the decision process.
5. GET, HEAD and OPTIONS: read. Everything else: write.

Unknown hosts are answered 421.
"""

from __future__ import annotations

from typing import Final

from doorward.enforcement.envoy.check import (
    CERTIFICATE_FORMAT,
    CERTIFICATE_HEADER,
    RELAYED,
    STREAM_HEADER,
)
from doorward.enforcement.envoy.clusters import (
    CONTROL_CLUSTER,
    RELAY_CLUSTER,
    carried_cluster_of,
    cluster_of,
)
from doorward.enforcement.envoy.filters import (
    ROUTED,
    trailer_mutations,
    with_stream_id,
    without_authorization,
)
from doorward.enforcement.envoy.settings import EnvoySettings
from doorward.enforcement.envoy.ticket import (
    CLAIM_HEADERS,
    PROBE_HEADER,
    RBAC_FILTER,
    SHADOW_POLICY,
    scope,
)
from doorward.enforcement.envoy.typed import Json
from doorward.model.areas import AREA_RULES
from doorward.model.estate import (
    CONTROL_UPSTREAM,
    EXTERNAL_UPSTREAM,
    OWN_UPSTREAMS,
    Action,
    Resource,
)
from doorward.model.snapshot import Snapshot

ROUTES: Final = "doorward"
PROBE_HOST: Final = "probe.doorward.invalid"
"""Answers with the epoch and the version of the routes; asked on the probe socket only."""

_TRICKY_PATH: Final = r".*[^!-$&-:<-\[\]-~].*"
"""A path with a character outside printable ASCII, or with `%`, `;` or a backslash."""

_REVALIDATED: Final[Json] = {
    "header": {"key": "cache-control", "value": "private, no-cache"},
    "append_action": "ADD_IF_ABSENT",
}
"""Unless the application says otherwise, a browser asks again before it shows a copy it kept."""

_LONGEST: Final[Json] = {"max_stream_duration": {"max_stream_duration": "900s"}}
"""An answer that does not go through the relay, which could cut it, ends after so long."""

_UPGRADE: Final[Json] = {"name": "upgrade", "present_match": True}
_EVENTS: Final[Json] = {
    "name": "accept",
    "string_match": {"contains": "text/event-stream", "ignore_case": True},
}
_GRPC: Final[Json] = {
    "name": "content-type",
    "string_match": {"prefix": "application/grpc", "ignore_case": True},
}

_READ_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_BY_METHOD: Final[tuple[tuple[Action, tuple[str, ...]], ...]] = (
    ("read", _READ_METHODS),
    ("write", ()),
)


def route_configuration(snapshot: Snapshot, settings: EnvoySettings, version: int) -> Json:
    """The one route configuration that all listeners share; the probe tells its `version`."""
    hosts = [
        _resource_host(resource, settings.domain)
        for resource in sorted(snapshot.resources.values(), key=lambda item: item.id)
        if resource.upstream != EXTERNAL_UPSTREAM
    ]
    return {
        "name": ROUTES,
        "virtual_hosts": [*hosts, _auth_host(settings.domain), _probe(version), _UNKNOWN],
        "ignore_port_in_host_matching": True,
        "request_headers_to_remove": [name for _, name in CLAIM_HEADERS],
        "request_headers_to_add": [
            _overwritten("x-forwarded-for", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
            _overwritten("x-forwarded-host", "%REQ(:AUTHORITY)%"),
        ],
        "max_direct_response_body_size_bytes": 4096,
    }


def _overwritten(name: str, value: str) -> Json:
    """A header with this value alone, whatever the client said."""
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


_CERTIFICATE: Final = _overwritten(CERTIFICATE_HEADER, CERTIFICATE_FORMAT)
"""Tells the control plane of the client's device: sign-ins to applications elsewhere are decided
there, and the console shows what its visitor may do."""


def _resource_host(resource: Resource, domain: str) -> Json:
    cluster = cluster_of(resource)
    routes = [
        _own_pages(),
        _relayed({"prefix": "/", "headers": [_UPGRADE]}, RELAY_CLUSTER),
        *_carried(resource),
        _route({"safe_regex": {"regex": _TRICKY_PATH}}, cluster),
        *_ruled(resource, cluster),
        _route({"prefix": "/", **_methods(_READ_METHODS)}, cluster, scope(resource, "read")),
        _route({"prefix": "/"}, cluster, scope(resource, "write")),
    ]
    own: Json = (
        {"request_headers_to_add": [_CERTIFICATE]} if resource.upstream == CONTROL_UPSTREAM else {}
    )
    trailers = trailer_mutations() if resource.protocol == "http2" else {}
    return {
        "name": f"resource {resource.id}",
        "typed_per_filter_config": trailers,
        "domains": [f"{resource.host}.{domain}"],
        "metadata": {"filter_metadata": {ROUTED: {"resource": resource.id}}},
        "routes": routes,
        **own,
        "response_headers_to_add": [_REVALIDATED],
    }


def _ruled(resource: Resource, cluster: str) -> list[Json]:
    """The routes of a table: the console's own, or the resource's."""
    if resource.upstream != CONTROL_UPSTREAM:
        return [
            _route(_match(rule.path, rule.methods), cluster, scope(resource, rule.action))
            for rule in resource.rules
        ]
    before = [
        _route(_match(rule.path, rule.methods), cluster)
        for rule in resource.rules
        if rule.action == "write"
    ]
    return before + [
        _route(_match(path, methods), cluster, scope(resource, action, area))
        for path, area in AREA_RULES
        for action, methods in _BY_METHOD
    ]


def _match(pattern: str, methods: tuple[str, ...]) -> Json:
    path = pattern.removesuffix("*")
    match: Json
    if path == pattern:
        match = {"path": path}
    elif path == "/":
        match = {"prefix": "/"}
    else:
        match = {"path_separated_prefix": path.removesuffix("/")}
    return {**match, "case_sensitive": False, **_methods(methods)}


def _methods(methods: tuple[str, ...]) -> Json:
    if not methods:
        return {}
    pattern = "|".join(methods)
    return {"headers": [{"name": ":method", "string_match": {"safe_regex": {"regex": pattern}}}]}


def _route(match: Json, cluster: str, name: str = "asked") -> Json:
    """A route. Where its name is a scope, a ticket of that scope opens it."""
    route = {"cluster": cluster, "timeout": "0s", **_LONGEST}
    return {"name": name, "match": match, "route": route}


def _relayed(match: Json, cluster: str) -> Json:
    """A route through the relay, which ends what it carries when the answer turns."""
    return {"name": RELAYED, "match": match, "route": {"cluster": cluster, "timeout": "0s"}}


def _carried(resource: Resource) -> list[Json]:
    """Routes of requests, other than upgrades, that the relay carries."""
    if resource.upstream in OWN_UPSTREAMS:
        return []
    matches: list[Json] = [{"prefix": "/", "headers": [header]} for header in (_EVENTS, _GRPC)]
    if resource.streams:
        matches = [{"prefix": "/"}]
    return [
        {
            **_relayed(match, carried_cluster_of(resource)),
            "typed_per_filter_config": with_stream_id(),
            "request_headers_to_remove": [STREAM_HEADER],
        }
        for match in matches
    ]


def _own_pages() -> Json:
    return {
        "match": {"prefix": "/.doorward/"},
        "route": {"cluster": CONTROL_CLUSTER, "timeout": "30s"},
        "typed_per_filter_config": without_authorization(),
    }


def _auth_host(domain: str) -> Json:
    return {
        "name": "auth",
        "domains": [f"auth.{domain}"],
        "request_headers_to_add": [
            _CERTIFICATE,
        ],
        "routes": [
            {
                "match": {"prefix": "/"},
                "route": {"cluster": CONTROL_CLUSTER, "timeout": "30s"},
                "typed_per_filter_config": without_authorization(),
            }
        ],
    }


def _probe(version: int) -> Json:
    epoch = f"%DYNAMIC_METADATA({RBAC_FILTER}:{SHADOW_POLICY})%"
    return {
        "name": "probe",
        "domains": [PROBE_HOST],
        "routes": [
            {
                "match": {
                    "path": "/epoch",
                    "headers": [{"name": PROBE_HEADER, "present_match": True}],
                },
                "direct_response": {
                    "status": 200,
                    "body_format": {"text_format_source": {"inline_string": f"{epoch} {version}"}},
                },
            }
        ],
    }


_UNKNOWN: Final[Json] = {
    "name": "unknown",
    "domains": ["*"],
    "routes": [
        {
            "match": {"prefix": "/"},
            "direct_response": {
                "status": 421,
                "body": {"inline_string": "No resource has this name.\n"},
            },
            "typed_per_filter_config": without_authorization(),
        }
    ],
}
