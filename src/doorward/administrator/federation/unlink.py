"""Take a link between a person and a provider away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.credentials.assurance import ways
from doorward.administrator.credentials.held import held_by
from doorward.administrator.credentials.own_change import last_way
from doorward.administrator.federation.asserted_groups import groups_after
from doorward.administrator.federation_table import FederatedIdentity
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.ids import ProviderId, UserId
from doorward.model.snapshot import Change, Snapshot, change


async def unlink(control: ControlPlane, act: Act, user: UserId, provider: ProviderId) -> Effect:
    """Forget who `user` is at `provider`, end their sessions by it, take the groups it asserted.

    Raises DoorwardError `identity-unknown` where there is no such link, and `last-credential`
    where the person takes their own only way in away.
    """
    async with control.store.transaction() as transaction:
        links = await transaction.federation.identities(user)
        if all(link.provider != provider for link in links):
            raise DoorwardError(
                "identity-unknown",
                f"`{user}` has no account at `{provider}` linked.",
                "List the links with doorward provider links.",
            )
        snapshot = await settled(control, transaction)
        if act.actor == f"user:{user}":
            await _require_another_way(transaction, snapshot, user, provider, links)
        await transaction.federation.remove(provider, user)
        number = await transaction.snapshot.publish(_changes(snapshot, user, provider))
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="identity-unlinked",
            target=f"user:{user}",
            detail={"provider": provider},
        )
    return await effect(control, number)


async def unlink_all(
    transaction: Transaction, snapshot: Snapshot, user: UserId
) -> Sequence[Change]:
    """Forget every link of `user`: the change that takes the groups that were asserted by them."""
    links = await transaction.federation.identities(user)
    await transaction.federation.remove(None, user)
    return _without_groups(snapshot, user, [link.provider for link in links])


async def _require_another_way(
    transaction: Transaction,
    snapshot: Snapshot,
    user: UserId,
    provider: ProviderId,
    links: Sequence[FederatedIdentity],
) -> None:
    live = {(item.id, item.issuer) for item in snapshot.providers.values()}
    usable = {link.provider for link in links if (link.provider, link.issuer) in live}
    held = await held_by(transaction, user)
    if usable == {provider} and not ways(held, snapshot.authenticators):
        raise last_way()


def _changes(snapshot: Snapshot, user: UserId, provider: ProviderId) -> list[Change]:
    sessions = [
        session.id
        for session in snapshot.sessions.values()
        if (session.user, session.provider) == (user, provider)
    ]
    return [*end_sessions(snapshot, sessions), *_without_groups(snapshot, user, [provider])]


def _without_groups(
    snapshot: Snapshot, user: UserId, providers: Iterable[ProviderId]
) -> list[Change]:
    """The change that takes the groups that these providers asserted; none where there are none."""
    standing = snapshot.standings.get(user)
    if standing is None:
        return []
    groups = standing.groups
    for declared in filter(None, map(snapshot.providers.get, providers)):
        groups = groups_after(groups, declared, frozenset())
    if groups == standing.groups:
        return []
    return [change("standing", msgspec.structs.replace(standing, groups=groups))]
