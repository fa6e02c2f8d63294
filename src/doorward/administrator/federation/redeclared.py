"""What an estate that declares providers otherwise takes away. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from doorward.model.estate import IdentityProvider
from doorward.model.ids import ProviderId, SessionId
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
    """Standings without the groups that no provider of `after` speaks for."""
    spoken_for = {row.group for provider in after.values() for row in provider.groups}
    return [
        change("standing", msgspec.structs.replace(standing, groups=kept))
        for standing in snapshot.standings.values()
        if (kept := tuple(g for g in standing.groups if g in spoken_for)) != standing.groups
    ]
