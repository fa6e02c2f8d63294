"""By what else than a passkey people sign in, on every store."""

from __future__ import annotations

from contextlib import suppress

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.federation_table import FederatedIdentity
from doorward.administrator.other_ways import Link
from doorward.administrator.ports import Password, Store, Totp
from doorward.errors import DoorwardError
from doorward.model.ids import ProviderId, UserId

OWN, BELOW = "password-of-person", 100


async def test_only_a_password_with_totp_that_is_not_off_counts(store: Store) -> None:
    async with store.transaction() as transaction:
        assert set(await transaction.other_ways.passwords(OWN, BELOW)) == set()
        for name in ("both", "tried", "off", "elsewhere", "alone"):
            await transaction.credentials.put(Password(user=UserId(name), hash="x"))
        for name in ("both", "tried", "off", "elsewhere", "app"):
            await transaction.credentials.put(
                Totp(user=UserId(name), sealed_secret=b"x", last_step=0)
            )
        for name, purpose, in_a_row in (
            ("tried", OWN, 99),
            ("off", OWN, 100),
            ("elsewhere", "another", 100),
        ):
            await transaction.attempts.put(
                Attempts(purpose=purpose, subject=name, in_a_row=in_a_row)
            )
        found = await transaction.other_ways.passwords(OWN, BELOW)
    assert set(found) == {"both", "tried", "elsewhere"}


async def test_links_are_those_of_the_transaction(store: Store) -> None:
    def linked(provider: str, subject: str, user: str) -> FederatedIdentity:
        return FederatedIdentity(
            provider=ProviderId(provider),
            issuer=f"https://{provider}.example",
            subject=subject,
            user=UserId(user),
            linked_at=1.0,
            last_used_at=1.0,
        )

    work = Link(UserId("alice"), ProviderId("work"), "https://work.example")
    async with store.transaction() as transaction:
        await transaction.federation.put(linked("work", "a", "alice"))
        await transaction.federation.put(linked("work", "b", "alice"))
        assert set(await transaction.other_ways.links()) == {work}
    with suppress(DoorwardError):
        async with store.transaction() as transaction:
            await transaction.federation.put(linked("home", "c", "bob"))
            assert len(set(await transaction.other_ways.links())) == 2
            raise DoorwardError("undone", "All of it is taken back.")
    async with store.transaction() as transaction:
        assert set(await transaction.other_ways.links()) == {work}
