"""What an estate that declares providers otherwise takes away. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from doorward.administrator.federation.assurance import MULTI_FACTOR_AAL
from doorward.estate.parse import Estate
from doorward.model.estate import AssuranceRow, IdentityProvider
from doorward.model.ids import GroupId, ProviderId, SessionId
from doorward.model.snapshot import Change, Snapshot, change


def providers_of(wanted: Estate) -> dict[str, IdentityProvider]:
    """The providers that an estate declares."""
    declared = wanted.documents.get("provider", {}).values()
    return {item.id: item for item in declared if isinstance(item, IdentityProvider)}


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


def worth_less(snapshot: Snapshot, after: Mapping[str, IdentityProvider]) -> list[Change]:
    """The sessions of which `after` could make less than they were made, as a single factor.

    What the provider said at the time is not kept, so that is all that is left of it. A session
    that was strengthened by something of doorward's own since rests on that.
    """
    providers = [
        provider.id
        for provider in snapshot.providers.values()
        if provider.id in after and _counts_less(provider, after[provider.id])
    ]
    return [
        change(
            "session",
            msgspec.structs.replace(item, aal=1, multi_factor=False, phishing_resistant=False),
        )
        for item in snapshot.sessions.values()
        if item.provider in providers
        and not item.credential
        and (item.aal > 1 or item.multi_factor or item.phishing_resistant)
    ]


def _counts_less(before: IdentityProvider, after: IdentityProvider) -> bool:
    return _fewer(before.acr, after.acr) or _fewer(before.amr, after.amr)


def _fewer(before: Sequence[AssuranceRow], after: Sequence[AssuranceRow]) -> bool:
    """Whether a row is gone or lower, or a new one is lower than what RFC 8176 makes plain."""
    old, new = {row.value: row for row in before}, {row.value: row for row in after}
    return any(
        value not in new
        or new[value].aal < row.aal
        or new[value].phishing_resistant < row.phishing_resistant
        for value, row in old.items()
    ) or any(row.aal < MULTI_FACTOR_AAL for value, row in new.items() if value not in old)


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
