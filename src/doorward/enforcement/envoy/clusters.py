"""Clusters: where Envoy connects to.

An upstream has two: one that Envoy connects to itself, and one through the relay, for requests
that must end when their answer turns. The second keeps a connection for one request alone; its
bytes, TLS to the upstream included, go by the internal listener to the relay.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from doorward.enforcement.envoy.filters import CHECK_CLUSTER
from doorward.enforcement.envoy.settings import ControlWeb, EnvoySettings, Limits
from doorward.enforcement.envoy.typed import Json, extension, typed
from doorward.errors import DoorwardError
from doorward.model.estate import EXTERNAL_UPSTREAM, OWN_UPSTREAMS, Resource
from doorward.model.snapshot import Snapshot

CONTROL_CLUSTER: Final = "doorward-control"
RELAY_CLUSTER: Final = "doorward-relay"
RELAY_LISTENER: Final = "relay"
"""The internal listener that puts a connection's bytes into a tunnel to the relay."""

_SOCKETS: Final = "extensions.transport_sockets"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_SOCKET_PATH_BYTES: Final = 100


def cluster_of(resource: Resource) -> str:
    """The name of the resource's cluster."""
    if resource.upstream in OWN_UPSTREAMS:
        return CONTROL_CLUSTER
    return f"resource-{resource.id}"


def carried_cluster_of(resource: Resource) -> str:
    """The name of the cluster that reaches the resource's upstream through the relay."""
    return f"carried-{resource.id}"


def clusters(snapshot: Snapshot, settings: EnvoySettings) -> list[Json]:
    """All clusters. Raises DoorwardError `envoy-uncompilable`."""
    timeout = f"{settings.limits.connect_timeout_seconds}s"
    relayed = _relayed(settings.limits)
    return [
        _socket(CHECK_CLUSTER, settings.check_socket, timeout),
        _socket(RELAY_CLUSTER, settings.relay_socket, timeout, **relayed),
        _control(settings.control, timeout),
        *(
            cluster
            for resource in sorted(snapshot.resources.values(), key=lambda item: item.id)
            if resource.upstream not in {*OWN_UPSTREAMS, EXTERNAL_UPSTREAM}
            for cluster in _upstream(resource, timeout, relayed)
        ),
    ]


def _relayed(limits: Limits) -> Json:
    """For clusters whose requests may all last: each has a connection, and little under way."""
    most = dict.fromkeys(
        ("max_connections", "max_pending_requests", "max_requests"), limits.connections
    )
    return {
        "per_connection_buffer_limit_bytes": limits.buffer_bytes,
        "circuit_breakers": {"thresholds": [most]},
    }


def _cluster(name: str, kind: str, address: Json, timeout: str, **more: Json) -> Json:
    return {
        "name": name,
        "type": kind,
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": timeout,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        **more,
    }


def _socket(name: str, path: str, timeout: str, **more: Json) -> Json:
    if len(path.encode()) > _MAX_SOCKET_PATH_BYTES:
        raise _uncompilable(f"The socket path `{path}` is longer than the system allows.")
    return _cluster(name, "STATIC", {"pipe": {"path": path}}, timeout, **more)


def _control(control: ControlWeb, timeout: str) -> Json:
    return _cluster(
        CONTROL_CLUSTER,
        "STRICT_DNS",
        _address(control.address, control.port),
        timeout,
        transport_socket=_tls(
            control.server_name,
            {"filename": control.ca_path},
            [
                {
                    "certificate_chain": {"filename": control.certificate_path},
                    "private_key": {"filename": control.key_path},
                }
            ],
        ),
    )


def _upstream(resource: Resource, timeout: str, relayed: Json) -> tuple[Json, Json]:
    """The resource's two clusters."""
    try:
        url = urlsplit(resource.upstream)
        default = _DEFAULT_PORTS[url.scheme]
        port = url.port or default
        host = url.hostname
        if not host or url.path or url.query or url.fragment or url.username:
            raise ValueError  # noqa: TRY301 - one translation for every malformed form
    except (KeyError, ValueError):
        raise _uncompilable(
            f"Resource `{resource.id}` has an upstream that is no `http://address:port`."
        ) from None
    socket = extension("envoy.transport_sockets.raw_buffer", f"{_SOCKETS}.raw_buffer.v3.RawBuffer")
    if url.scheme == "https":
        socket = _tls(host, {"filename": "/etc/ssl/certs/ca-certificates.crt"}, [])
    direct = _cluster(
        cluster_of(resource),
        "STRICT_DNS",
        _address(host, port),
        timeout,
        transport_socket=socket,
        typed_extension_protocol_options=_protocol(resource),
    )
    carried = _cluster(
        carried_cluster_of(resource),
        "STATIC",
        {"envoy_internal_address": {"server_listener_name": RELAY_LISTENER}},
        timeout,
        transport_socket=extension(
            "envoy.transport_sockets.internal_upstream",
            f"{_SOCKETS}.internal_upstream.v3.InternalUpstreamTransport",
            transport_socket=socket,
        ),
        typed_extension_protocol_options=_protocol(
            resource, common_http_protocol_options={"max_requests_per_connection": 1}
        ),
        **relayed,
    )
    return direct, carried


def _protocol(resource: Resource, **more: Json) -> Json:
    version = "http2_protocol_options" if resource.protocol == "http2" else "http_protocol_options"
    message = "extensions.upstreams.http.v3.HttpProtocolOptions"
    return {f"envoy.{message}": typed(message, explicit_http_config={version: {}}, **more)}


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _tls(name: str, trusted: Json, certificates: list[Json]) -> Json:
    return extension(
        "envoy.transport_sockets.tls",
        "extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni=name,
        common_tls_context={
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
            },
            "tls_certificates": certificates,
            "validation_context": {
                "trusted_ca": trusted,
                "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": name}}],
            },
        },
    )


def _uncompilable(detail: str) -> DoorwardError:
    return DoorwardError(
        "envoy-uncompilable", detail, "Correct the estate and apply it; the old routes stay."
    )
