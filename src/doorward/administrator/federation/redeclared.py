"""What an estate that declares providers otherwise takes away. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from doorward.model.estate import IdentityProvider
from doorward.model.ids import GroupId, ProviderId, SessionId
from doorward.model.snapshot import Change, Snapshot, change


def other_issuers(
    before: Mapping[str, IdentityProvider], after: Mapping[str, IdentityProvider]
) -> list[ProviderId]:
    """Providers that are gone or have another issuer: their subjects are nobody's any more."""
    return [
        provider.id
        for provider in before.values()
        if provider.id not in after or after[provider.id].issuer != provider.issuer
    ]


def other_clients(
    before: Mapping[str, IdentityProvider], after: Mapping[str, IdentityProvider]
) -> list[ProviderId]:
    """Those, and providers at which doorward is another client: their secret is no longer ours."""
    changed = [
        provider.id
        for provider in before.values()
        if provider.id in after and after[provider.id].client_id != provider.client_id
    ]
    return [*dict.fromkeys((*other_issuers(before, after), *changed))]


def sessions_by(snapshot: Snapshot, providers: list[ProviderId]) -> list[SessionId]:
    """The sessions that rest on the word of one of `providers`."""
    return [session.id for session in snapshot.sessions.values() if session.provider in providers]


def unasserted(snapshot: Snapshot, after: Mapping[str, IdentityProvider]) -> list[Change]:
    """Standings without the groups that no provider of `after` speaks for.

    Those of a provider that is gone or has another issuer go too, whoever else speaks for them:
    who else said so of this person is not known before their next sign-in there.
    """
    spoken_for = _groups(after.values())
    spoken_for -= _groups(
        snapshot.providers[provider] for provider in other_issuers(snapshot.providers, after)
    )
    return [
        change("standing", msgspec.structs.replace(standing, groups=kept))
        for standing in snapshot.standings.values()
        if (kept := tuple(g for g in standing.groups if g in spoken_for)) != standing.groups
    ]


def _groups(providers: Iterable[IdentityProvider]) -> set[GroupId]:
    return {row.group for provider in providers for row in provider.groups}
