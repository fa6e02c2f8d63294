"""Who a provider's subject is here, and what that changes: links and asserted groups."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.accept_invitation import use_up
from doorward.administrator.authentication import (
    AttemptRejectedError,
    Browser,
    digest,
    require_enabled,
)
from doorward.administrator.federation.asserted_groups import asserted_groups, groups_after
from doorward.administrator.federation.email_match import person_by_address, shown_address
from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.flow import Wish
from doorward.administrator.federation.id_token import IdClaims
from doorward.administrator.federation.refusals import FederationRejectedError, taken, unlinked
from doorward.administrator.federation_table import FederatedIdentity
from doorward.administrator.ports import Transaction
from doorward.administrator.settled import settled
from doorward.administrator.targets import standing_of
from doorward.errors import DoorwardError
from doorward.model.estate import IdentityProvider, User
from doorward.model.ids import UnixSeconds, UserId
from doorward.model.snapshot import Snapshot, change


@dataclass(frozen=True, slots=True)
class Recognised:
    """The person, and whether this sign-in linked them."""

    person: User
    linked: bool


async def recognise(
    federation: Federation,
    browser: Browser,
    provider: IdentityProvider,
    claims: IdClaims,
    wish: Wish,
    now: UnixSeconds,
) -> Recognised:
    """The person whom `claims` are about, as `wish` lets it be found; all of it or nothing is kept.

    Raises AttemptRejectedError (`identity-unlinked`, `identity-conflict`, `user-disabled`,
    `federation-refused`, `invitation-invalid`).
    """
    control = federation.control
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        if snapshot.providers.get(provider.id) != provider:
            raise FederationRejectedError("provider-declared-otherwise-meanwhile")
        known = await transaction.federation.identity(provider.id, claims.subject)
        if known is not None and known.issuer != provider.issuer:
            known = None
        person = _person(snapshot, provider, claims, known, wish, now)
        if known is None:
            await _require_free(transaction, provider, person.id)
        if wish.invitation:
            await use_up(transaction, wish.invitation, person, "federated", browser, now)
        await transaction.federation.put(_identity(provider, claims, known, person.id, now))
        if known is None:
            await _audit(transaction, "identity-linked", provider, claims, person.id, now)
        await _set_groups(transaction, provider, claims, person.id, now)
    return Recognised(person, linked=known is None)


def _person(
    snapshot: Snapshot,
    provider: IdentityProvider,
    claims: IdClaims,
    known: FederatedIdentity | None,
    wish: Wish,
    now: UnixSeconds,
) -> User:
    """1. Whoever links or accepts an invitation is who they are here already.

    2. Whoever steps up must be the person of the session.
    3. Whoever signs in is whom the subject is linked to, else whom the verified address names
       where the estate lets this provider say so, else nobody.
    """
    if wish.intent in {"link", "step-up"}:
        session = snapshot.sessions.get(wish.session)
        if session is None or session.expires_at <= now:
            raise FederationRejectedError("session-ended")
        user = session.user
    elif wish.intent == "invitation":
        user = UserId(wish.user)
    elif known is not None:
        user = known.user
    elif provider.match == "email":
        user = person_by_address(provider, claims.others, snapshot.users.values()).id
    else:
        raise unlinked(provider, "subject-unlinked")
    if known is not None and known.user != user:
        raise taken(provider, "subject-of-another-person")
    if wish.intent == "step-up" and known is None:
        raise unlinked(provider, "subject-unlinked")
    return _enabled(snapshot, user)


def _enabled(snapshot: Snapshot, user: UserId) -> User:
    try:
        return require_enabled(snapshot, user)
    except DoorwardError as error:
        refused = AttemptRejectedError(
            "user-disabled", error.detail, error.remedy, why="user-disabled"
        )
        refused.person = user
        raise refused from None


async def _require_free(transaction: Transaction, provider: IdentityProvider, user: UserId) -> None:
    """A person has one account at a provider: a second with their address is somebody else's."""
    for other in await transaction.federation.identities(user):
        if (other.provider, other.issuer) == (provider.id, provider.issuer):
            raise taken(provider, "person-has-another-subject")


def _identity(
    provider: IdentityProvider,
    claims: IdClaims,
    known: FederatedIdentity | None,
    user: UserId,
    now: UnixSeconds,
) -> FederatedIdentity:
    return FederatedIdentity(
        provider=provider.id,
        issuer=provider.issuer,
        subject=claims.subject,
        user=user,
        linked_at=now if known is None else known.linked_at,
        last_used_at=now,
        email=shown_address(claims.others) or ("" if known is None else known.email),
    )


async def _set_groups(
    transaction: Transaction,
    provider: IdentityProvider,
    claims: IdClaims,
    user: UserId,
    now: UnixSeconds,
) -> None:
    if not provider.groups:
        return
    standing = await standing_of(transaction, user)
    asserted = asserted_groups(provider, claims.others.get(provider.groups_claim))
    groups = groups_after(standing.groups, provider, asserted)
    if groups == standing.groups:
        return
    after = msgspec.structs.replace(standing, groups=groups)
    await transaction.snapshot.publish([change("standing", after)])
    await transaction.audit.append(
        at=now,
        actor=f"provider:{provider.id}",
        act="groups-asserted",
        target=f"user:{user}",
        detail={"groups": " ".join(groups)},
    )


async def _audit(
    transaction: Transaction,
    act: str,
    provider: IdentityProvider,
    claims: IdClaims,
    user: UserId,
    now: UnixSeconds,
) -> None:
    await transaction.audit.append(
        at=now,
        actor=f"user:{user}",
        act=act,
        target=f"user:{user}",
        detail={"provider": provider.id, "subject": digest(claims.subject)[:16]},
    )
