"""Snapshot and settings in, Envoy's files out."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.enforcement.envoy.settings import EnvoySettings
from doorward.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class EnvoyFiles:
    """The four files of one Envoy, JSON text. Their names in the folder are `NAME.json`."""

    bootstrap: str
    lds: str
    cds: str
    rds: str


def compile_envoy(snapshot: Snapshot, settings: EnvoySettings, epoch: int) -> EnvoyFiles:
    """The whole configuration. Raises DoorwardError `envoy-uncompilable`."""
    raise NotImplementedError


def compile_routes(snapshot: Snapshot, settings: EnvoySettings, epoch: int) -> str:
    """The route file alone; fast while resources and settings stay the same objects.

    Raises DoorwardError `envoy-uncompilable`.
    """
    raise NotImplementedError
