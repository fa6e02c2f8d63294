"""When sessions were used, on every store."""

from __future__ import annotations

from doorward.administrator.ports import Store


async def test_the_later_moment_stays(store: Store) -> None:
    async with store.transaction() as transaction:
        table = transaction.activity
        await table.heard({"ses_1": 10.5, "ses_2": 20.0}, {"edge": 30.0})
        await table.heard({"ses_1": 9.0, "ses_2": 21.0, "ses_3": 1.0}, {"edge": 29.0, "b": 2.0})
    async with store.transaction() as transaction:
        table = transaction.activity
        assert await table.used(["ses_1", "ses_2", "nobody"]) == {"ses_1": 10.5, "ses_2": 21.0}
        assert await table.sources() == {"edge": 30.0, "b": 2.0}


async def test_nothing_is_asked_and_nothing_is_said(store: Store) -> None:
    async with store.transaction() as transaction:
        table = transaction.activity
        await table.heard({}, {})
        assert await table.used([]) == {}
        assert await table.sources() == {}


async def test_a_source_that_ends_and_what_is_old_are_forgotten(store: Store) -> None:
    async with store.transaction() as transaction:
        table = transaction.activity
        await table.heard({"old": 5.0, "new": 6.0}, {"gone": 9.0, "old": 5.0, "new": 6.0})
        await table.forget_source("gone")
        await table.forget_source("nobody")
        await table.remove_before(6.0)
        assert await table.used(["old", "new"]) == {"new": 6.0}
        assert await table.sources() == {"new": 6.0}


async def test_more_sessions_than_a_statement_takes(store: Store) -> None:
    many = {f"ses_{number}": float(number + 1) for number in range(1234)}
    async with store.transaction() as transaction:
        await transaction.activity.heard(many, {})
    async with store.transaction() as transaction:
        assert await transaction.activity.used(many) == many


async def test_everybodys_passkeys_are_those_of_each(store: Store) -> None:
    async with store.transaction() as transaction:
        assert await transaction.credentials.passkeys(None) == []
