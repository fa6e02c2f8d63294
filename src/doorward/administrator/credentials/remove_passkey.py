"""Remove a passkey: its owner, or whoever administers people."""

from __future__ import annotations

from collections.abc import Iterable

from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.credentials.assurance import passkey_aal, passkey_credential
from doorward.administrator.credentials.own_change import ends_with, last_way, own_change
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.ports import Passkey
from doorward.administrator.settled import settled
from doorward.administrator.targets import user_named
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId, UnixSeconds, UserId


def passkey_of(passkeys: Iterable[Passkey], passkey_id: str) -> Passkey:
    """The one of that id. Raises DoorwardError `passkey-unknown`."""
    for passkey in passkeys:
        if passkey.id == passkey_id:
            return passkey
    raise DoorwardError(
        "passkey-unknown",
        "There is no such passkey.",
        "It may be removed already: reload the list.",
    )


async def remove_own_passkey(
    control: ControlPlane, session: SessionId, passkey: str, now: UnixSeconds
) -> Effect:
    """Forget it, and end every session that rests on it, also the one that asks.

    Raises what `own_change` raises, `passkey-unknown`, and `last-credential`.
    """
    async with own_change(control, session, now) as own:
        found = passkey_of(own.held.passkeys, passkey)
        if own.ways == 1 and passkey_aal(found, own.snapshot.authenticators):
            raise last_way()
        await own.transaction.credentials.remove(found)
        ended = ends_with(own.snapshot, own.user.id, {passkey_credential(found.id)})
        number = await own.transaction.snapshot.publish(ended)
        await own.note(now, "passkey-removed", passkey=found.id, name=found.name)
    done = await effect(control, number)
    await tell_person(control, own.user, _SUBJECT, _sentence(found, "you"), now)
    return done


async def revoke_passkey(control: ControlPlane, act: Act, user: UserId, passkey: str) -> Effect:
    """The same by an administrator, who may take the last one. Tells the person.

    Raises DoorwardError `user-unknown`, `passkey-unknown`.
    """
    async with control.store.transaction() as transaction:
        person = await user_named(transaction, user)
        found = passkey_of(await transaction.credentials.passkeys(user), passkey)
        await transaction.credentials.remove(found)
        ended = ends_with(await settled(control, transaction), user, {passkey_credential(found.id)})
        number = await transaction.snapshot.publish(ended)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="passkey-removed",
            target=f"user:{user}",
            detail={"passkey": found.id, "name": found.name},
        )
    done = await effect(control, number)
    await tell_person(control, person, _SUBJECT, _sentence(found, "an administrator"), act.at)
    return done


_SUBJECT = "A passkey was removed from your account"


def _sentence(passkey: Passkey, by: str) -> str:
    return f"The passkey “{passkey.name}” was removed by {by}. It no longer signs in."
