"""Which events a stream carries, and when. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from doorward.administrator.signal_ports import PendingKind
from doorward.protocol.signals.events import SUBJECT_EVENTS, StreamStatus

SUPPORTED: tuple[str, ...] = SUBJECT_EVENTS
"""`events_supported` of every stream."""

DELIVERABLE: Mapping[StreamStatus, tuple[PendingKind, ...]] = MappingProxyType(
    {
        "enabled": ("update", "verification", "event"),
        "paused": ("update",),
        "disabled": ("update",),
    }
)
"""What is sent on a stream of each status: that it was stopped is told though it was."""


def delivered(requested: Collection[str]) -> tuple[str, ...]:
    """`events_delivered`: what is supported and asked for. Nothing asked for is nothing told."""
    return tuple(uri for uri in SUPPORTED if uri in requested)
