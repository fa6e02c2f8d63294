"""Devices: enrolment, health and risk."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.devices import enrolment_codes, manage_devices
from doorward.administrator.devices.suspend import suspend_device
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.bodies import Body, ReasonBody, RiskBody
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import DeviceView, EffectView, EnrolmentCodeView
from doorward.model.ids import DeviceId, UserId

router = APIRouter(prefix="/devices", tags=["devices"])


class EnrolmentCodeBody(Body):
    """Whose device it will be; its name, and its id where one is to be chosen.

    Where a device of the owner has this id, its key is replaced.
    """

    owner: str
    name: str = Field(default="", max_length=64)
    device: str = ""


class PostureBody(ReasonBody):
    """A posture signal; None for unknown."""

    healthy: bool | None


@router.get("")
async def list_devices(ports: Ports, _: Caller, owner: str | None = None) -> list[DeviceView]:
    """Enrolled devices, by id."""
    return reads.devices(ports.control.live.current, owner)


@router.post("/enrolment-codes", status_code=201)
async def make_enrolment_code(
    ports: Ports, caller: Caller, body: EnrolmentCodeBody
) -> EnrolmentCodeView:
    """A code by which one device is enrolled without a person in front of it."""
    act = caller.act(ports.clock())
    code = await enrolment_codes.make_enrolment_code(
        ports.control, act, owner=UserId(body.owner), name=body.name, device=body.device
    )
    ends_at = datetime.fromtimestamp(act.at + enrolment_codes.LIFETIME_SECONDS, UTC)
    return EnrolmentCodeView(code=code, expires_at=ends_at)


@router.put("/{device}/lost")
async def suspend_lost_device(ports: Ports, caller: Caller, device: str) -> EffectView:
    """Say that a device is lost: it counts as none until it is enrolled again."""
    act = caller.act(ports.clock())
    done = await suspend_device(ports.control, act, DeviceId(device), "lost")
    return EffectView.model_validate(done)


@router.put("/{device}/posture")
async def report_posture(
    ports: Ports, caller: Caller, device: str, body: PostureBody
) -> EffectView:
    """Signal the health of a device."""
    act = caller.act(ports.clock())
    done = await manage_devices.report_posture(
        ports.control, act, DeviceId(device), healthy=body.healthy, reason=body.reason
    )
    return EffectView.model_validate(done)


@router.put("/{device}/risk")
async def set_device_risk(ports: Ports, caller: Caller, device: str, body: RiskBody) -> EffectView:
    """Signal how risky a device is."""
    act = caller.act(ports.clock())
    done = await manage_devices.set_device_risk(
        ports.control, act, DeviceId(device), body.risk, body.reason
    )
    return EffectView.model_validate(done)


@router.delete("/{device}")
async def remove_device(ports: Ports, caller: Caller, device: str) -> EffectView:
    """Forget a device; its certificates count no more, and the sessions on it end."""
    act = caller.act(ports.clock())
    done = await manage_devices.remove_device(ports.control, act, DeviceId(device))
    return EffectView.model_validate(done)
