"""Snapshot and settings in, Envoy's files out."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.enforcement.envoy.clusters import clusters
from doorward.enforcement.envoy.filters import ticket_filter, ticket_filter_of
from doorward.enforcement.envoy.listeners import listeners
from doorward.enforcement.envoy.routes import route_configuration
from doorward.enforcement.envoy.settings import EnvoySettings
from doorward.enforcement.envoy.typed import Json, extension, typed
from doorward.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class EnvoyFiles:
    """The files of one Envoy, JSON text. Their names in the folder are `NAME.json`.

    `complete` is the same as one static configuration: what `envoy --mode validate` can check.
    """

    bootstrap: str
    lds: str
    cds: str
    rds: str
    epoch: str
    complete: str


def compile_envoy(snapshot: Snapshot, settings: EnvoySettings, epoch: int) -> EnvoyFiles:
    """The whole configuration; `epoch` is also the version of its routes.

    Raises DoorwardError `envoy-uncompilable`.
    """
    all_clusters = clusters(snapshot, settings)
    routes = route_configuration(snapshot, settings, epoch)
    inside = listeners(settings, ticket_filter_of(epoch), routes)
    return EnvoyFiles(
        bootstrap=_text(_bootstrap(settings)),
        lds=_discovery("config.listener.v3.Listener", listeners(settings, ticket_filter(settings))),
        cds=_discovery("config.cluster.v3.Cluster", all_clusters),
        rds=_discovery("config.route.v3.RouteConfiguration", [routes]),
        epoch=compile_epoch(epoch),
        complete=_text(_complete(settings, inside, all_clusters)),
    )


def compile_epoch(epoch: int) -> str:
    """The ticket filter's file, for a new epoch; 20 microseconds, whatever the estate's size."""
    tickets = ticket_filter_of(epoch)
    return _discovery("config.core.v3.TypedExtensionConfig", [tickets], str(epoch))


def _discovery(message: str, resources: list[Json], version: str | None = None) -> str:
    body: Json = {"resources": [typed(message, **resource) for resource in resources]}
    if version is not None:
        body = {"version_info": version, **body}
    return _text(body)


def _bootstrap(settings: EnvoySettings) -> Json:
    def file(name: str) -> Json:
        return {
            "resource_api_version": "V3",
            "path_config_source": {"path": f"{settings.folder}/{name}.json"},
        }

    return {
        "node": {"id": "doorward", "cluster": "doorward"},
        "admin": {"address": {"pipe": {"path": settings.admin_socket, "mode": 0o600}}},
        "bootstrap_extensions": [
            extension(
                "envoy.bootstrap.internal_listener",
                "extensions.bootstrap.internal_listener.v3.InternalListener",
                buffer_size_kb=settings.limits.buffer_bytes // 1024,
            )
        ],
        "dynamic_resources": {"lds_config": file("lds"), "cds_config": file("cds")},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": typed(
                        "extensions.resource_monitors.downstream_connections.v3"
                        ".DownstreamConnectionsConfig",
                        max_active_downstream_connections=settings.limits.connections,
                    ),
                }
            ]
        },
    }


def _complete(settings: EnvoySettings, all_listeners: list[Json], all_clusters: list[Json]) -> Json:
    bootstrap = _bootstrap(settings)
    del bootstrap["dynamic_resources"]
    return {
        **bootstrap,
        "static_resources": {"listeners": all_listeners, "clusters": all_clusters},
    }


def _text(value: Json) -> str:
    return msgspec.json.encode(value).decode()
