"""A device asks to be enrolled, and waits for a person; or shows a code that one gave before.

Rules, in order; the first that a request breaks refuses it:

1. Not too many from one network: `too-many-attempts`.
2. It names itself in one line, and its key is on P-256, in the one form: `enrolment-invalid`.
3. That very key signed it: `signature-wrong`. Nobody enrols a key that they do not hold.
4. What a TPM says of the key holds (`attestation-refused`), where that can be judged
   (`attestation-unsupported`): a device that says it has a TPM is not enrolled without.
5. A code for enrolment without a person works, once: `enrolment-code-wrong`.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.attempts import network_of
from doorward.administrator.authentication import digest
from doorward.administrator.devices.accept import SignedMessage
from doorward.administrator.devices.admit import admit
from doorward.administrator.devices.enrolment_codes import PURPOSE, Granted
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.fleet.enrolment_ports import Enrolment
from doorward.administrator.ports import Transaction
from doorward.administrator.recovery.approval_code import new_approval_code
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.protocol.agent import (
    EnrolmentRequest,
    EnrolmentStarted,
    TpmChallenge,
    signature_holds,
)
from doorward.protocol.enrolled_key import is_enrollable

LIFETIME_SECONDS = 900
INTERVAL_SECONDS = 3.0
PAGE = "/account/devices/enrol"
_MAX_NAME = 64
_MAX_VERSION = 32


@dataclass(frozen=True, slots=True)
class _Origin:
    address: str
    now: UnixSeconds


async def request_enrolment(
    fleet: Fleet,
    request: EnrolmentRequest,
    message: SignedMessage,
    *,
    address: str,
    now: UnixSeconds,
) -> EnrolmentStarted:
    """Keep the request for a quarter of an hour. Raises DoorwardError as the rules above say."""
    await admit(fleet, f"enrolment-address:{network_of(address)}")  # 1
    _require_sense(request)  # 2
    if not signature_holds(request.public_key, message.signature, message.path, message.body):  # 3
        raise DoorwardError(
            "signature-wrong",
            "The request is not signed with the key that is in it.",
            "Use doorward agent enrol.",
        )
    origin = _Origin(address, now)
    challenge, remembered = await _challenge(fleet, request, origin)  # 4
    enrolment = Enrolment(
        id=fleet.control.secrets.id("enr"),
        public_key=request.public_key,
        name=request.name,
        platform=request.platform,
        agent_version=request.agent_version,
        address=address,
        asked_at=now,
        expires_at=now + LIFETIME_SECONDS,
        remembered=remembered,
    )
    if request.code:  # 5
        return _started(await _granted(fleet, enrolment, request.code, origin), "", "", challenge)
    async with fleet.control.store.transaction() as transaction:
        code = await _free_code(fleet, transaction, now)
        enrolment = msgspec.structs.replace(enrolment, code_hash=fleet.codes.hash(code))
        await transaction.devices.enrolments.put(enrolment)
        if await _noted(fleet, address):
            await _note(transaction, "enrolment-requested", enrolment.id, origin, name=request.name)
    return _started(enrolment, code, f"{fleet.auth_origin}{PAGE}", challenge)


def _require_sense(request: EnrolmentRequest) -> None:
    lines = ((request.name, _MAX_NAME), (request.agent_version, _MAX_VERSION))
    sound = all(
        text.isprintable() and text == text.strip() and 0 < len(text) <= longest
        for text, longest in lines
    )
    if not sound or not is_enrollable(request.public_key):
        raise DoorwardError(
            "enrolment-invalid",
            f"A device needs a name of one line, at most {_MAX_NAME} characters, and a P-256 key.",
            "Use doorward agent enrol; --name chooses the name.",
        )


async def _challenge(
    fleet: Fleet, request: EnrolmentRequest, origin: _Origin
) -> tuple[TpmChallenge | None, bytes]:
    if request.tpm is None:
        return None, b""
    if fleet.attestor is None:
        raise DoorwardError(
            "attestation-unsupported",
            "This installation trusts no maker of TPMs, so it cannot tell that one keeps the key.",
            "Ask the people who run doorward, or enrol with a key in software.",
        )
    try:
        return fleet.attestor.begin(request.tpm, request.public_key, origin.now)
    except DoorwardError as error:
        if await _noted(fleet, origin.address):
            async with fleet.control.store.transaction() as transaction:
                await _note(transaction, "enrolment-rejected", "", origin, why=error.code)
        raise


async def _granted(fleet: Fleet, enrolment: Enrolment, code: str, origin: _Origin) -> Enrolment:
    """The enrolment, approved by whoever made the code, which is used up with it."""
    async with fleet.control.store.transaction() as transaction:
        taken = await transaction.one_time.take(PURPOSE, digest(code), origin.now)
        if taken is not None:
            granted = msgspec.json.decode(taken.data, type=Granted)
            enrolment = msgspec.structs.replace(
                enrolment,
                state="approved",
                user=granted.user,
                by=granted.by,
                chosen=granted.device,
                name=granted.name or enrolment.name,
            )
            await transaction.devices.enrolments.put(enrolment)
            await _note(
                transaction, "enrolment-code-used", enrolment.id, origin, owner=granted.user
            )
            return enrolment
        if await _noted(fleet, origin.address):
            await _note(transaction, "enrolment-rejected", "", origin, why="enrolment-code-wrong")
    raise DoorwardError(
        "enrolment-code-wrong",
        "This code for enrolment is not known, was used, or its time is over.",
        "Get another one: doorward device enrol.",
    )


async def _free_code(fleet: Fleet, transaction: Transaction, now: UnixSeconds) -> str:
    """Digits that no other device waits for."""
    while True:
        code = new_approval_code(fleet.control.secrets)
        if await transaction.devices.enrolments.of_code(fleet.codes.hash(code), now) is None:
            return code


async def _noted(fleet: Fleet, address: str) -> bool:
    """Whether the audit log takes another entry about strangers: a flood is cut off."""
    return await fleet.throttle.allow(f"audit-address:{network_of(address)}", "audit:all")


async def _note(
    transaction: Transaction, act: str, enrolment: str, origin: _Origin, **detail: str
) -> None:
    await transaction.audit.append(
        at=origin.now,
        actor="anonymous",
        act=act,
        target=f"enrolment:{enrolment}",
        detail={"address": origin.address, **detail},
    )


def _started(
    enrolment: Enrolment, code: str, url: str, challenge: TpmChallenge | None
) -> EnrolmentStarted:
    return EnrolmentStarted(
        enrolment=enrolment.id,
        user_code=code,
        url=url,
        expires_at=enrolment.expires_at,
        interval_seconds=INTERVAL_SECONDS,
        challenge=challenge,
    )
