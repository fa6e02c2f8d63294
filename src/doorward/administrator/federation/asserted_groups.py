"""Which groups a provider puts a person into. Pure."""

from __future__ import annotations

from doorward.model.estate import IdentityProvider
from doorward.model.ids import GroupId


def asserted_groups(provider: IdentityProvider, claim: object) -> frozenset[GroupId]:
    """The groups of the estate's rows whose values the claim lists.

    A claim that is missing, or not a list of texts, asserts none.
    """
    if not isinstance(claim, list) or not all(isinstance(item, str) for item in claim):
        return frozenset()
    values = frozenset(claim)
    return frozenset(row.group for row in provider.groups if row.value in values)


def groups_after(
    before: tuple[GroupId, ...], provider: IdentityProvider, asserted: frozenset[GroupId]
) -> tuple[GroupId, ...]:
    """A person's asserted groups after a sign-in, where they were `before`.

    A provider speaks for the groups in its own rows, all of them each time, and for no other:
    what another provider asserted stays, unless both speak for it; then the latest is believed.
    """
    own = {row.group for row in provider.groups}
    kept = [group for group in before if group not in own or group in asserted]
    return tuple(dict.fromkeys((*kept, *sorted(asserted))))
