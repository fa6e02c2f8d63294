"""Devices: enrolment by certificate, posture and risk."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.manage_devices import (
    enrol_device,
    remove_device,
    report_posture,
    set_device_risk,
)
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.acts import Because, RiskSignal, effect_view
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import DeviceView, EffectView, View
from doorward.model.ids import DeviceId, UserId

router = APIRouter(prefix="/devices", tags=["devices"])


class Enrolment(View):
    """A device, its owner, and the hex SHA-256 of its certificate."""

    id: Annotated[str, Field(max_length=128)]
    owner: str
    thumbprint: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Posture(Because):
    """Whether a device is healthy; null for unknown."""

    healthy: bool | None


@router.get("")
async def list_devices(ports: Ports, _: Caller) -> list[DeviceView]:
    """Enrolled devices."""
    return reads.devices(ports.control.live.current)


@router.post("")
async def enrol(ports: Ports, caller: Caller, enrolment: Enrolment) -> EffectView:
    """Know a device by its certificate."""
    return effect_view(
        await enrol_device(
            ports.control,
            caller.act(ports.clock()),
            device=DeviceId(enrolment.id),
            owner=UserId(enrolment.owner),
            thumbprint=enrolment.thumbprint,
        )
    )


@router.put("/{device}/posture")
async def signal_posture(ports: Ports, caller: Caller, device: str, signal: Posture) -> EffectView:
    """Record whether a device is healthy."""
    return effect_view(
        await report_posture(
            ports.control,
            caller.act(ports.clock()),
            DeviceId(device),
            healthy=signal.healthy,
            reason=signal.reason,
        )
    )


@router.put("/{device}/risk")
async def signal_risk(ports: Ports, caller: Caller, device: str, signal: RiskSignal) -> EffectView:
    """Record how risky a device is."""
    act = caller.act(ports.clock())
    return effect_view(
        await set_device_risk(ports.control, act, DeviceId(device), signal.risk, signal.reason)
    )


@router.delete("/{device}")
async def remove(ports: Ports, caller: Caller, device: str) -> EffectView:
    """Forget a device: its certificate means nothing any more."""
    act = caller.act(ports.clock())
    return effect_view(await remove_device(ports.control, act, DeviceId(device)))
