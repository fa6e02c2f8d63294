"""Listeners: plain HTTP on loopback, HTTPS, and the probe socket, all with the same routes.

And one inside Envoy, without a socket: what connects to it goes to the relay, in a tunnel that
names the stream.
"""

from __future__ import annotations

from typing import Any, Final

from doorward.enforcement.envoy.check import (
    DECISION_HEADER,
    SESSION_HEADER,
    STREAM_HEADER,
    USER_HEADER,
)
from doorward.enforcement.envoy.clusters import RELAY_CLUSTER, RELAY_LISTENER
from doorward.enforcement.envoy.filters import (
    STREAM_STATE,
    TICKETED,
    front_mutations,
    http_filters,
    probe_mutations,
    router,
)
from doorward.enforcement.envoy.routes import ROUTES
from doorward.enforcement.envoy.settings import EnvoySettings, TlsListener
from doorward.enforcement.envoy.typed import Json, extension

_LOG_FIELDS: Final = (
    f"%REQ({DECISION_HEADER})%",
    f"%REQ({SESSION_HEADER})%",
    f"%REQ({USER_HEADER})%",
    "%ROUTE_NAME%",
    "%START_TIME(%s.%9f)%",
    "%CONNECTION_ID%",
    "%REQ(:METHOD)%",
    "%PATH(NQ:PATH)%",
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%DOWNSTREAM_PEER_URI_SAN%",
    "%RESPONSE_CODE%",
    "%DURATION%",
)
"""A line of the log; the route's name is three fields: `ticket.scope`."""


def listeners(settings: EnvoySettings, ticket: Json, routes: Json | None = None) -> list[Json]:
    """Every listener with ticket filter `ticket`; `routes` inside, or else read from their file."""
    front: Json = {
        "stat_prefix": "front",
        "http_filters": http_filters(settings, ticket),
        "early_header_mutation_extensions": front_mutations(),
        "access_log": [_ticket_log(settings.access_log_path)],
    }
    result = []
    if settings.plain is not None:
        result.append(
            _listener(
                "plain",
                _socket_address(settings.plain.address, settings.plain.port),
                {"filters": [_connection_manager(settings, routes, **front)]},
                settings,
            )
        )
    if settings.tls is not None:
        seconds = settings.limits.tls_connection_seconds
        manager = _connection_manager(settings, routes, seconds, **front)
        result.append(
            _listener(
                "tls",
                _socket_address(settings.tls.address, settings.tls.port),
                {"filters": [manager], "transport_socket": _tls(settings.tls)},
                settings,
            )
        )
    probe = _connection_manager(
        settings,
        routes,
        stat_prefix="probe",
        http_filters=[ticket, router()],
        early_header_mutation_extensions=probe_mutations(),
    )
    result.append(
        _listener(
            "probe",
            {"pipe": {"path": settings.probe_socket, "mode": 0o600}},
            {"filters": [probe]},
            settings,
        )
    )
    return [*result, _relay(settings)]


def _relay(settings: EnvoySettings) -> Json:
    """What has no stream's id gets no tunnel. Idle streams are ended where clients connect."""
    tunnel = extension(
        "envoy.filters.network.tcp_proxy",
        "extensions.filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix="relay",
        cluster=RELAY_CLUSTER,
        idle_timeout="0s",
        tunneling_config={
            "hostname": "stream.doorward.invalid:0",
            "headers_to_add": [
                {
                    "header": {
                        "key": STREAM_HEADER,
                        "value": f"%FILTER_STATE({STREAM_STATE}:PLAIN)%",
                    },
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                }
            ],
        },
    )
    return {
        "name": RELAY_LISTENER,
        "internal_listener": {},
        "filter_chains": [{"filters": [tunnel]}],
        "per_connection_buffer_limit_bytes": settings.limits.buffer_bytes,
        "ignore_global_conn_limit": True,
    }


def _listener(name: str, address: Json, chain: Json, settings: EnvoySettings) -> Json:
    return {
        "name": name,
        "address": address,
        "filter_chains": [chain],
        "per_connection_buffer_limit_bytes": settings.limits.buffer_bytes,
    }


def _connection_manager(
    settings: EnvoySettings,
    routes: Json | None,
    longest_seconds: float | None = None,
    **own: Any,  # noqa: ANN401 - JSON values
) -> Json:
    limits = settings.limits
    longest = {} if longest_seconds is None else {"max_connection_duration": f"{longest_seconds}s"}
    file = {"path_config_source": {"path": f"{settings.folder}/rds.json"}}
    discovery = {
        "route_config_name": ROUTES,
        "config_source": {"resource_api_version": "V3", **file},
    }
    return extension(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        codec_type="AUTO",
        **({"rds": discovery} if routes is None else {"route_config": routes}),
        use_remote_address=True,
        skip_xff_append=True,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        strip_any_host_port=False,
        server_header_transformation="PASS_THROUGH",
        generate_request_id=False,
        max_request_headers_kb=limits.header_kilobytes,
        request_headers_timeout=f"{limits.headers_timeout_seconds}s",
        delayed_close_timeout=f"{limits.delayed_close_seconds}s",
        stream_idle_timeout=f"{limits.stream_idle_timeout_seconds}s",
        common_http_protocol_options={
            "headers_with_underscores_action": "DROP_HEADER",
            "max_headers_count": limits.header_count,
            "idle_timeout": f"{limits.idle_timeout_seconds}s",
            **longest,
        },
        http2_protocol_options={
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
            "allow_connect": True,
        },
        upgrade_configs=[{"upgrade_type": "websocket"}],
        **own,
    )


def _ticket_log(path: str) -> Json:
    """Ticketed requests, one a line; all others the decision process records.

    Plain text: as JSON it would cost a ticketed request a fifth of its processor time. No field
    holds a space, and the last, a full stop, tells a whole line from a part.
    """
    logger = extension(
        "envoy.access_loggers.file",
        "extensions.access_loggers.file.v3.FileAccessLog",
        path=path,
        log_format={"text_format_source": {"inline_string": " ".join(_LOG_FIELDS) + " .\n"}},
    )
    metadata = {"matcher": TICKETED, "match_if_key_not_found": False}
    return {**logger, "filter": {"metadata_filter": metadata}}


def _tls(listener: TlsListener) -> Json:
    """No session is resumed: a resumed one shows the certificate of the connection before it."""
    return extension(
        "envoy.transport_sockets.tls",
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        require_client_certificate=False,
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
        common_tls_context={
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "tls_certificates": [
                {
                    "certificate_chain": {"filename": listener.certificate_path},
                    "private_key": {"filename": listener.key_path},
                }
            ],
            "validation_context": {"trusted_ca": {"filename": listener.device_ca_path}},
        },
    )


def _socket_address(address: str, port: int) -> Json:
    return {"socket_address": {"address": address, "port_value": port}}
