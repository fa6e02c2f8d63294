"""Links and secrets of federation, on every store."""

from __future__ import annotations

import pytest

from doorward.administrator.federation_table import FederatedIdentity
from doorward.administrator.ports import Store
from doorward.errors import DoorwardError
from doorward.model.ids import ProviderId, UserId

WORK, OTHER = ProviderId("work"), ProviderId("other")
ALICE, BOB = UserId("alice"), UserId("bob")


def link(
    provider: ProviderId, subject: str, user: UserId, linked_at: float = 1.5
) -> FederatedIdentity:
    return FederatedIdentity(
        provider=provider,
        issuer="https://login.example.org",
        subject=subject,
        user=user,
        linked_at=linked_at,
        last_used_at=2.25,
        email="a@example.org",
    )


async def put(store: Store, *links: FederatedIdentity) -> None:
    async with store.transaction() as transaction:
        for item in links:
            await transaction.federation.put(item)


async def test_a_link_is_found_by_subject_and_by_person(store: Store) -> None:
    first, second = link(WORK, "s1", ALICE), link(OTHER, "s1", ALICE)
    await put(store, first, second, link(WORK, "s2", BOB))
    async with store.transaction() as transaction:
        assert await transaction.federation.identity(WORK, "s1") == first
        assert await transaction.federation.identity(WORK, "S1") is None
        assert await transaction.federation.identities(ALICE) == [second, first]


async def test_a_link_is_replaced_for_its_person(store: Store) -> None:
    later = link(WORK, "s1", ALICE, linked_at=9.0)
    await put(store, link(WORK, "s1", ALICE), later)
    async with store.transaction() as transaction:
        assert await transaction.federation.identities(ALICE) == [later]


async def test_a_subject_of_another_person_is_a_conflict(store: Store) -> None:
    kept = link(WORK, "s1", ALICE)
    await put(store, kept)
    with pytest.raises(DoorwardError, match="store-conflict"):
        await put(store, link(WORK, "s1", BOB))
    async with store.transaction() as transaction:
        assert await transaction.federation.identity(WORK, "s1") == kept
        assert await transaction.federation.identities(BOB) == []


async def test_links_are_removed_by_provider_by_person_and_by_both(store: Store) -> None:
    everything = [link(p, f"{p}-{u}", u) for p in (WORK, OTHER) for u in (ALICE, BOB)]
    for provider, user, left in (
        (WORK, ALICE, 3),
        (WORK, None, 2),
        (None, ALICE, 2),
        (None, None, 0),
    ):
        await put(store, *everything)
        async with store.transaction() as transaction:
            await transaction.federation.remove(provider, user)
            found = [
                *await transaction.federation.identities(ALICE),
                *await transaction.federation.identities(BOB),
            ]
            assert len(found) == left
            assert not any(
                provider in (None, item.provider) and user in (None, item.user) for item in found
            )


async def test_a_secret_is_kept_replaced_and_forgotten(store: Store) -> None:
    async with store.transaction() as transaction:
        assert await transaction.federation.secret(WORK) is None
        await transaction.federation.put_secret(WORK, b"\x00first")
        await transaction.federation.put_secret(WORK, b"\x00second")
        await transaction.federation.put_secret(OTHER, b"other")
    async with store.transaction() as transaction:
        assert await transaction.federation.secret(WORK) == b"\x00second"
        await transaction.federation.put_secret(WORK, None)
        assert await transaction.federation.secret(WORK) is None
        assert await transaction.federation.secret(OTHER) == b"other"


async def test_what_a_failed_transaction_did_is_undone(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as transaction:
            await transaction.federation.put(link(WORK, "s1", ALICE))
            await transaction.federation.put_secret(WORK, b"secret")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.transaction() as transaction:
        assert await transaction.federation.identity(WORK, "s1") is None
        assert await transaction.federation.secret(WORK) is None
