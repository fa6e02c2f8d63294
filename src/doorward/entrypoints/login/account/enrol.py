"""`/account/devices/enrol`: a person lets a device be enrolled that shows them a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

from doorward.administrator.devices.answer_enrolment import (
    approve_enrolment,
    claim_enrolment,
    claimed_enrolments,
    refuse_enrolment,
)
from doorward.administrator.devices.request_enrolment import PAGE
from doorward.entrypoints.login.account import devices
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.entrypoints.login.account.words import place
from doorward.entrypoints.login.answers import error_status, redirect
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.protocol.enrolled_key import key_words

HERE = PAGE
PLATFORMS = {"linux": "Linux", "macos": "macOS", "windows": "Windows", "other": "Another system"}
_SHOWN_ERRORS = frozenset(
    {"enrolment-code-wrong", "enrolment-unknown", "too-many-attempts", "device-unknown"}
)
"""What the page itself says, so that the person can go on."""


@dataclass(frozen=True, slots=True)
class EnrolmentWords:
    """A device that waits, as its person reads it."""

    id: str
    name: str
    platform: str
    storage: Literal["software", "tpm"]
    proved: bool
    words: str
    place: str
    asked_at: UnixSeconds


async def show(visit: AccountVisit) -> Response:
    """Ask for the code, or whether the device that showed it is to be enrolled."""
    if need := await visit.unconfirmed():
        return visit.confirm(HERE, need)
    return await _page(visit)


async def claim(visit: AccountVisit) -> Response:
    """The code, typed."""
    code = (await visit.visit.form()).get("code", "")
    if need := await visit.unconfirmed():
        return visit.confirm(HERE, need)
    try:
        await claim_enrolment(visit.wiring.fleet, visit.act, visit.user.id, code)
    except DoorwardError as error:
        return await _refused(visit, error)
    return redirect(HERE)


async def approve(visit: AccountVisit) -> Response:
    """Yes, it is mine."""
    form = await visit.visit.form()
    if need := await visit.unconfirmed():
        return visit.confirm(HERE, need)
    try:
        await approve_enrolment(
            visit.wiring.fleet,
            visit.act,
            visit.user.id,
            form.get("enrolment", ""),
            replaces=DeviceId(form.get("replaces", "")),
        )
    except DoorwardError as error:
        return await _refused(visit, error)
    return visit.done(devices.HERE, "device-approved")


async def refuse(visit: AccountVisit) -> Response:
    """No. Whoever is signed in may say so at any time."""
    named = (await visit.visit.form()).get("enrolment", "")
    try:
        await refuse_enrolment(visit.wiring.fleet, visit.act, visit.user.id, named)
    except DoorwardError as error:
        return await _refused(visit, error)
    return visit.done(devices.HERE, "device-refused")


async def _refused(visit: AccountVisit, error: DoorwardError) -> Response:
    if error.code not in _SHOWN_ERRORS:
        raise error
    return await _page(visit, error)


async def _page(visit: AccountVisit, error: DoorwardError | None = None) -> Response:
    waiting = await claimed_enrolments(visit.wiring.fleet, visit.act, visit.user.id)
    own = sorted(devices.own_devices(visit), key=lambda device: (device.name, device.id))
    prepared = await visit.wiring.applications.prepared(visit.snapshot)
    words = [
        EnrolmentWords(
            id=item.id,
            name=item.name,
            platform=PLATFORMS[item.platform],
            storage=item.storage,
            proved=item.proved,
            words=key_words(item.public_key),
            place=place(item.address, prepared),
            asked_at=item.asked_at,
        )
        for item in waiting[:1]
    ]
    return visit.page(
        "account/enrol.html",
        status=200 if error is None else error_status(error),
        error=error,
        waiting=words[0] if words else None,
        own=own,
    )
