"""Clusters: where Envoy connects to."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from doorward.enforcement.envoy.filters import CHECK_CLUSTER
from doorward.enforcement.envoy.settings import ControlWeb, EnvoySettings
from doorward.enforcement.envoy.typed import Json, extension, typed
from doorward.errors import DoorwardError
from doorward.model.estate import EXTERNAL_UPSTREAM, OWN_UPSTREAMS, Resource
from doorward.model.snapshot import Snapshot

CONTROL_CLUSTER: Final = "doorward-control"
RELAY_CLUSTER: Final = "doorward-relay"

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_SOCKET_PATH_BYTES: Final = 100


def cluster_of(resource: Resource) -> str:
    """The name of the resource's cluster."""
    if resource.upstream in OWN_UPSTREAMS:
        return CONTROL_CLUSTER
    return f"resource-{resource.id}"


def clusters(snapshot: Snapshot, settings: EnvoySettings) -> list[Json]:
    """All clusters. Raises DoorwardError `envoy-uncompilable`."""
    timeout = f"{settings.limits.connect_timeout_seconds}s"
    return [
        _socket(CHECK_CLUSTER, settings.check_socket, timeout),
        _socket(RELAY_CLUSTER, settings.relay_socket, timeout),
        _control(settings.control, timeout),
        *(
            _upstream(resource, timeout)
            for resource in sorted(snapshot.resources.values(), key=lambda item: item.id)
            if resource.upstream not in {*OWN_UPSTREAMS, EXTERNAL_UPSTREAM}
        ),
    ]


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


def _socket(name: str, path: str, timeout: str) -> Json:
    if len(path.encode()) > _MAX_SOCKET_PATH_BYTES:
        raise _uncompilable(f"The socket path `{path}` is longer than the system allows.")
    return _cluster(name, "STATIC", {"pipe": {"path": path}}, timeout)


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


def _upstream(resource: Resource, timeout: str) -> Json:
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
    more: Json = {}
    if url.scheme == "https":
        more["transport_socket"] = _tls(
            host, {"filename": "/etc/ssl/certs/ca-certificates.crt"}, []
        )
    version = "http2_protocol_options" if resource.protocol == "http2" else "http_protocol_options"
    options = typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config={version: {}},
    )
    more["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
    }
    return _cluster(cluster_of(resource), "STRICT_DNS", _address(host, port), timeout, **more)


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
