"""What another list of authenticators makes of passkeys and sessions that there are already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.credentials.assurance import passkey_aal, passkey_credential, ways
from doorward.administrator.credentials.held import held_by
from doorward.administrator.ports import Passkey, Transaction
from doorward.administrator.sessions_of import end_sessions
from doorward.errors import DoorwardError
from doorward.estate.parse import Estate
from doorward.model.estate import Authenticator
from doorward.model.identity import Session
from doorward.model.ids import SessionId, UserId
from doorward.model.snapshot import Change, Snapshot, change

_PEOPLE_PER_TRANSACTION = 200
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


def listed(wanted: Estate) -> dict[str, Authenticator]:
    """The list of authenticators that an estate declares."""
    declared = wanted.documents.get("authenticator", {})
    return {key: item for key, item in declared.items() if isinstance(item, Authenticator)}


async def shut_out(control: ControlPlane, wanted: Estate) -> ShutOut:
    """Whom applying `wanted` would shut out. Who is removed by it is told elsewhere."""
    snapshot, after = control.live.current, listed(wanted)
    if after == snapshot.authenticators:
        return ShutOut()
    async with control.store.transaction() as transaction:
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
    left = {item.user for item in passkeys if passkey_aal(item, after)}
    people = sorted({item.user for item in gone})
    sessions = [s for s in _other_aal(snapshot, passkeys, after) if s.user in stay]
    return ShutOut(
        passkeys=len(gone),
        people=tuple(people),
        no_way=await _without_another_way(control, [p for p in people if p not in left], wanted),
        ended=sum(not item.aal for item in sessions),
        lowered=sum(item.aal > 0 for item in sessions),
    )


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


async def relisted(
    transaction: Transaction,
    snapshot: Snapshot,
    after: Mapping[str, Authenticator],
    ended: Collection[str],
) -> list[Change]:
    """The changes to sessions that rest on a passkey of which `after` makes less.

    Those `ended` end already.
    """
    if after == snapshot.authenticators:
        return []
    passkeys = await transaction.credentials.passkeys(None)
    sessions = [s for s in _other_aal(snapshot, passkeys, after) if s.id not in ended]
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
    control: ControlPlane, people: Sequence[UserId], wanted: Estate
) -> tuple[UserId, ...]:
    """Those of `people` whom no passkey, no password and no provider lets in."""
    after = listed(wanted)
    providers = wanted.documents.get("provider", {})
    found: list[UserId] = []
    for start in range(0, len(people), _PEOPLE_PER_TRANSACTION):
        async with control.store.transaction() as transaction:
            for user in people[start : start + _PEOPLE_PER_TRANSACTION]:
                links = await transaction.federation.identities(user)
                declared = {
                    (key, getattr(provider, "issuer", "")) for key, provider in providers.items()
                }
                linked = any((link.provider, link.issuer) in declared for link in links)
                if not linked and not ways(await held_by(transaction, user), after):
                    found.append(user)
    return tuple(found)
