"""What another list of authenticators makes of passkeys and sessions that there are already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.credentials.assurance import passkey_aal, passkey_credential
from doorward.administrator.guesses import MOST_IN_A_ROW, PASSWORD_OF_PERSON
from doorward.administrator.ports import Passkey, Transaction
from doorward.administrator.sessions_of import end_sessions
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.estate.parse import Estate
from doorward.model.estate import Authenticator
from doorward.model.identity import Session
from doorward.model.ids import SessionId, UserId
from doorward.model.snapshot import Change, Snapshot, change

_NAMED = 5


@dataclass(frozen=True, slots=True)
class ShutOut:
    """Whom a list shuts out: `passkeys` of `people` that sign in now would do so no longer.

    `no_way` are those of them who could not sign in at all; `ended` and `lowered` say how many
    sessions end, and how many lose the AAL that they no longer have.
    """

    passkeys: int = 0
    people: tuple[UserId, ...] = ()
    no_way: tuple[UserId, ...] = ()
    ended: int = 0
    lowered: int = 0


@dataclass(frozen=True, slots=True)
class Relisted:
    """What a list does. `sessions` are those that it lowers, as they are then; AAL 0 ends one."""

    shut_out: ShutOut = ShutOut()
    sessions: tuple[Session, ...] = ()


def listed(wanted: Estate) -> dict[str, Authenticator]:
    """The list of authenticators that an estate declares."""
    declared = wanted.documents.get("authenticator", {})
    return {key: item for key, item in declared.items() if isinstance(item, Authenticator)}


async def shut_out(control: ControlPlane, wanted: Estate) -> ShutOut:
    """Whom applying `wanted` would shut out now. Who is removed by it is told elsewhere.

    A plan that leaves the list as it is waits for no writer.
    """
    if listed(wanted) == control.live.current.authenticators:
        return ShutOut()
    async with control.store.transaction() as transaction:
        return (await relist(transaction, await settled(control, transaction), wanted)).shut_out


async def relist(transaction: Transaction, snapshot: Snapshot, wanted: Estate) -> Relisted:
    """What the list of `wanted` does to `snapshot`, which is the transaction's `settled` one.

    Nothing can be registered, removed or turned off between this and what the transaction writes.
    """
    after = listed(wanted)
    if after == snapshot.authenticators:
        return Relisted()
    passkeys = await transaction.credentials.passkeys(None)
    stay = {
        user.id
        for user in snapshot.users.values()
        if user.source != "estate" or user.id in wanted.documents.get("user", {})
    }
    gone = [
        item
        for item in passkeys
        if item.user in stay
        and passkey_aal(item, snapshot.authenticators)
        and not passkey_aal(item, after)
    ]
    people = sorted({item.user for item in gone})
    left = {item.user for item in passkeys if passkey_aal(item, after)}
    sessions = tuple(s for s in _other_aal(snapshot, passkeys, after) if s.user in stay)
    found = ShutOut(
        passkeys=len(gone),
        people=tuple(people),
        no_way=await _without_another_way(
            transaction, [p for p in people if p not in left], wanted
        ),
        ended=sum(not item.aal for item in sessions),
        lowered=sum(item.aal > 0 for item in sessions),
    )
    return Relisted(found, sessions)


def require_a_way_left(found: ShutOut) -> None:
    """Raises DoorwardError `estate-shuts-out` where somebody could not sign in at all."""
    if not found.no_way:
        return
    named = ", ".join(found.no_way[:_NAMED])
    more = len(found.no_way) - _NAMED
    many = f"{len(found.no_way)} people" if len(found.no_way) > 1 else "One person"
    raise DoorwardError(
        "estate-shuts-out",
        f"{many} would have no way left to sign in: {named}{f' and {more} more' * (more > 0)}.",
        "Let them add a passkey that the new list takes first, or apply with --shut-out.",
    )


def without(snapshot: Snapshot, found: Relisted, ended: Collection[str]) -> list[Change]:
    """The changes to the sessions of `found`; those `ended` end already."""
    sessions = [item for item in found.sessions if item.id not in ended]
    return [
        *end_sessions(snapshot, [SessionId(item.id) for item in sessions if not item.aal]),
        *(change("session", item) for item in sessions if item.aal),
    ]


def _other_aal(
    snapshot: Snapshot, passkeys: Iterable[Passkey], after: Mapping[str, Authenticator]
) -> list[Session]:
    """The sessions whose AAL `after` lowers, as they are then; 0 where they end."""
    reached = {passkey_credential(item.id): passkey_aal(item, after) for item in passkeys}
    return [
        msgspec.structs.replace(item, aal=reached[item.credential])
        for item in snapshot.sessions.values()
        if reached.get(item.credential, item.aal) < item.aal
    ]


async def _without_another_way(
    transaction: Transaction, people: Sequence[UserId], wanted: Estate
) -> tuple[UserId, ...]:
    """Those of `people`, who have no passkey left, whom no password and no provider lets in."""
    if not people:
        return ()
    others, providers = transaction.other_ways, wanted.documents.get("provider", {})
    declared = {(key, getattr(provider, "issuer", "")) for key, provider in providers.items()}
    let_in = {
        *await others.passwords(PASSWORD_OF_PERSON.purpose, MOST_IN_A_ROW),
        *(link.user for link in await others.links() if (link.provider, link.issuer) in declared),
    }
    return tuple(user for user in people if user not in let_in)
