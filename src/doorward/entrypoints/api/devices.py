"""Devices: enrolment, health and risk."""

from __future__ import annotations

import base64

from fastapi import APIRouter

from doorward.administrator import manage_devices
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.bodies import Body, ReasonBody, RiskBody
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import DeviceView, EffectView, EnrolledDeviceView
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, UserId
from doorward.model.spiffe import is_device_id

router = APIRouter(prefix="/devices", tags=["devices"])


class EnrolmentBody(Body):
    """A new device and the person it belongs to."""

    id: str
    owner: str


class PostureBody(ReasonBody):
    """A posture signal; None for unknown."""

    healthy: bool | None


@router.get("")
async def list_devices(ports: Ports, _: Caller, owner: str | None = None) -> list[DeviceView]:
    """Enrolled devices, by id."""
    return reads.devices(ports.control.live.current, owner)


@router.post("", status_code=201)
async def enrol_device(ports: Ports, caller: Caller, body: EnrolmentBody) -> EnrolledDeviceView:
    """Issue a device its certificate and know it from now on; its health is unknown."""
    act, device = caller.act(ports.clock()), DeviceId(body.id)
    if not is_device_id(device):
        raise DoorwardError(
            "device-invalid",
            "The device's id is not an identifier.",
            "Use letters, digits, `.`, `-` and `_`, at most 128.",
        )
    password = ports.control.secrets.token()
    certificate = ports.device_authority.issue(device, password, act.at)
    done = await manage_devices.enrol_device(
        ports.control,
        act,
        device=device,
        owner=UserId(body.owner),
        key=certificate.key,
    )
    return EnrolledDeviceView(
        id=device,
        owner=body.owner,
        key=certificate.key,
        pkcs12=base64.b64encode(certificate.pkcs12).decode(),
        password=password,
        effect=EffectView.model_validate(done),
    )


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
    """Forget a device; its certificate counts no more."""
    act = caller.act(ports.clock())
    done = await manage_devices.remove_device(ports.control, act, DeviceId(device))
    return EffectView.model_validate(done)
