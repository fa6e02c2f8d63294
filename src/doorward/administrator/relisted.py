"""What another list of authenticators, or of providers, makes of ways in that there are already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.credentials.assurance import passkey_aal, passkey_credential
from doorward.administrator.federation.redeclared import other_issuers, providers_of
from doorward.administrator.guesses import MOST_IN_A_ROW, PASSWORD_OF_PERSON
from doorward.administrator.other_ways import Link
from doorward.administrator.ports import Passkey, Transaction
from doorward.administrator.sessions_of import end_sessions
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.estate.parse import Estate
from doorward.model.estate import Authenticator, IdentityProvider
from doorward.model.identity import Session
from doorward.model.ids import SessionId, UserId
from doorward.model.snapshot import Change, Snapshot, change

_NAMED = 5


@dataclass(frozen=True, slots=True)
class ShutOut:
    """Whom the lists shut out: `passkeys` of `people` that sign in now would do so no longer.

    `no_way` lose their passkeys or their account at a provider, and could not sign in at all.
    Whoever is disabled is in neither. `ended` and `lowered` say how many sessions end for their
    passkey, and how many lose the AAL that they no longer have.
    """

    passkeys: int = 0
    people: tuple[UserId, ...] = ()
    no_way: tuple[UserId, ...] = ()
    ended: int = 0
    lowered: int = 0


@dataclass(frozen=True, slots=True)
class Relisted:
    """What the lists do. `sessions` are those that it lowers, as they are then; AAL 0 ends one."""

    shut_out: ShutOut = ShutOut()
    sessions: tuple[Session, ...] = ()


def listed(wanted: Estate) -> dict[str, Authenticator]:
    """The list of authenticators that an estate declares."""
    declared = wanted.documents.get("authenticator", {})
    return {key: item for key, item in declared.items() if isinstance(item, Authenticator)}


async def shut_out(control: ControlPlane, wanted: Estate) -> ShutOut:
    """Whom applying `wanted` would shut out now. Who is removed by it is told elsewhere.

    A plan that leaves both lists as they are waits for no writer.
    """
    if not _relists(control.live.current, wanted):
        return ShutOut()
    async with control.store.transaction() as transaction:
        return (await relist(transaction, await settled(control, transaction), wanted)).shut_out


async def relist(transaction: Transaction, snapshot: Snapshot, wanted: Estate) -> Relisted:
    """What the lists of `wanted` do to `snapshot`, which is the transaction's `settled` one.

    Nothing can be registered, removed or turned off between this and what the transaction writes.
    """
    if not _relists(snapshot, wanted):
        return Relisted()
    after, providers = listed(wanted), providers_of(wanted)
    links = await transaction.other_ways.links()
    passkeys = await transaction.credentials.passkeys(None)
    stay = {
        user.id
        for user in snapshot.users.values()
        if user.source != "estate" or user.id in wanted.documents.get("user", {})
    }
    able = stay - {item.id for item in snapshot.standings.values() if item.disabled}
    gone = [
        item
        for item in passkeys
        if item.user in able
        and passkey_aal(item, snapshot.authenticators)
        and not passkey_aal(item, after)
    ]
    people = {item.user for item in gone}
    linked = {link.user for link in links if link.user in able and _names(snapshot.providers, link)}
    let_in = {
        *(item.user for item in passkeys if passkey_aal(item, after)),
        *(link.user for link in links if _names(providers, link)),
        *await transaction.other_ways.passwords(PASSWORD_OF_PERSON.purpose, MOST_IN_A_ROW),
    }
    sessions = tuple(s for s in _other_aal(snapshot, passkeys, after) if s.user in stay)
    found = ShutOut(
        passkeys=len(gone),
        people=tuple(sorted(people)),
        no_way=tuple(sorted((people | linked) - let_in)),
        ended=sum(not item.aal for item in sessions),
        lowered=sum(item.aal > 0 for item in sessions),
    )
    return Relisted(found, sessions)


def _relists(snapshot: Snapshot, wanted: Estate) -> bool:
    """Whether a way in that somebody may have now is taken away."""
    return listed(wanted) != snapshot.authenticators or bool(
        other_issuers(snapshot.providers, providers_of(wanted))
    )


def _names(providers: Mapping[str, IdentityProvider], link: Link) -> bool:
    """Whether a link is one to a provider of these, by the issuer that it has there."""
    provider = providers.get(link.provider)
    return provider is not None and provider.issuer == link.issuer


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
        "Let them add a way to sign in that stays first, or apply with --shut-out.",
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
