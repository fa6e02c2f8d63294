"""A second person looks at requests for recovery, and approves or refuses one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.authentication import require_enabled
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.credentials.vouching import OPERATOR, require_vouching
from doorward.administrator.fleet.enrolment_ports import UserCodes
from doorward.administrator.guesses import RECOVERY_CODE, count
from doorward.administrator.ports import Sealer, Transaction
from doorward.administrator.recovery.approval_code import matches
from doorward.administrator.recovery_ports import Recovery
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId, UnixSeconds, UserId

MAX_TRIES = 3
APPROVED_SECONDS = 900
_PERSON = "user:"


async def waiting_recoveries(control: ControlPlane, now: UnixSeconds) -> Sequence[Recovery]:
    """Requests that nobody has decided, oldest first; of each person the newest."""
    async with control.store.transaction() as transaction:
        return await transaction.recoveries.waiting(now)


async def find_recovery(
    control: ControlPlane, act: Act, codes: UserCodes, code: str
) -> Sequence[Recovery]:
    """The request, hardly ever more than one, whose browser shows `code`.

    So it is found however many others asked in the same name. It decides nothing: whoever looks
    has to know that the person who speaks is the one it names.
    Raises DoorwardError `recovery-code-unknown`, `recovery-needs-person`, `too-many-attempts`.
    """
    _require_person(act)
    async with control.store.transaction() as transaction:
        refusal = await count(transaction, RECOVERY_CODE, act.actor, act.at)
    if refusal is not None:
        raise DoorwardError(
            "too-many-attempts",
            "You typed too many codes that nobody shows.",
            f"Try again in {max(refusal.whole_seconds // 60, 1)} minutes.",
        )
    async with control.store.transaction() as transaction:
        found = await transaction.recoveries.waiting(act.at, code_hash=codes.hash(code))
        if found:
            await transaction.attempts.forget(RECOVERY_CODE.purpose, act.actor)
        else:
            await transaction.audit.append(
                at=act.at, actor=act.actor, act="recovery-code-unknown", target="", detail={}
            )
    if not found:
        raise DoorwardError(
            "recovery-code-unknown",
            "No browser shows this code.",
            "Let the person read it again: eight digits, good for a quarter of an hour.",
        )
    return found


async def approve_recovery(
    control: ControlPlane,
    act: Act,
    session: SessionId,
    sealer: Sealer,
    recovery: str,
    *,
    code: str,
    keep: bool,
) -> UserId:
    """Let the browser that asked register a new way in; who that is for.

    `session` is the approver's, empty for the operator's. `code` is what the person read out.
    `keep` leaves what they could sign in with until now; without it all of that ends at the
    moment of the new registration. Raises DoorwardError `recovery-unknown`, `recovery-own`,
    `recovery-needs-person`, `approver-stale`, `recovery-code-wrong`, `user-disabled`.
    """
    async with control.store.transaction() as transaction:
        found = await _waiting(transaction, act, recovery)
        snapshot = await settled(control, transaction)
        require_vouching(snapshot, act, session)
        person = require_enabled(snapshot, UserId(found.user))
        right = matches(sealer, found.id, found.sealed_code, code)
        if right:
            decided = msgspec.structs.replace(
                found,
                state="approved",
                decided_by=act.actor,
                keep=keep,
                expires_at=act.at + APPROVED_SECONDS,
            )
        else:
            decided = _after_wrong_code(found, act)
        await transaction.recoveries.put(decided)
        detail = {"recovery": found.id, "kept": "yes" if keep else "no", "address": found.address}
        if not right:
            detail = {"recovery": found.id, "tries": str(decided.tries)}
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="recovery-approved" if right else "recovery-code-wrong",
            target=f"user:{found.user}",
            detail=detail,
        )
    if not right:
        raise _wrong_code(decided)
    await tell_person(
        control,
        person,
        "The recovery of your account was approved",
        f"{_name(act)} approved that a new way to sign in is registered for you.",
        act.at,
    )
    return person.id


async def refuse_recovery(
    control: ControlPlane, act: Act, recovery: str, reason: str = ""
) -> UserId:
    """End a request; who it was for. The browser that asked is not told.

    Raises DoorwardError `recovery-unknown`, `recovery-needs-person`.
    """
    async with control.store.transaction() as transaction:
        found = await _waiting(transaction, act, recovery, own=True)
        refused = msgspec.structs.replace(found, state="refused", decided_by=act.actor)
        await transaction.recoveries.put(refused)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="recovery-refused",
            target=f"user:{found.user}",
            detail={"recovery": found.id, "reason": reason},
        )
    return UserId(found.user)


async def _waiting(
    transaction: Transaction, act: Act, recovery: str, *, own: bool = False
) -> Recovery:
    """A request that `act` may decide; one's own may be refused, not approved."""
    found = await transaction.recoveries.get(recovery)
    live = found is not None and found.state == "waiting" and found.expires_at > act.at
    if found is None or not live or not found.user:
        raise DoorwardError(
            "recovery-unknown",
            "There is no such request, or it is over.",
            "List them again; the person can make a new one.",
        )
    _require_person(act)
    if act.actor == f"{_PERSON}{found.user}" and not own:
        raise DoorwardError(
            "recovery-own", "This is your own account.", "Somebody else has to approve it."
        )
    return found


def _require_person(act: Act) -> None:
    if act.actor != OPERATOR and not act.actor.startswith(_PERSON):
        raise DoorwardError(
            "recovery-needs-person",
            "Only a person can say that they know who is speaking.",
            "Sign in to the console, or use the doorward command.",
        )


def _after_wrong_code(found: Recovery, act: Act) -> Recovery:
    tries = found.tries + 1
    if tries < MAX_TRIES:
        return msgspec.structs.replace(found, tries=tries)
    return msgspec.structs.replace(found, tries=tries, state="refused", decided_by=act.actor)


def _wrong_code(decided: Recovery) -> DoorwardError:
    left = MAX_TRIES - decided.tries
    remedy = (
        f"Let the person read it again. You have {left} more."
        if left
        else "This request is over. Ask yourself who was speaking; the person can make a new one."
    )
    return DoorwardError("recovery-code-wrong", "This is not the code of this request.", remedy)


def _name(act: Act) -> str:
    return "An operator of doorward" if act.actor == OPERATOR else act.actor.removeprefix(_PERSON)
