"""The log of sign-ins: each person's own, newest first, kept for a time."""

from __future__ import annotations

import msgspec
import pytest

from doorward.administrator.ports import Store
from doorward.administrator.sign_ins.ports import NewSignIn, SignIn
from doorward.model.ids import SessionId, UserId

ALICE = UserId("alice")
BOB = UserId("bob")


def entry(at: float, user: UserId = ALICE, **fields: object) -> NewSignIn:
    new = NewSignIn(
        at=at,
        user=user,
        outcome="signed-in",
        methods=("password", "totp"),
        address="192.0.2.1",
        user_agent='A "browser"; with 日本',
        session=SessionId("ses_1"),
        aal=2,
        provider="partner",
    )
    return msgspec.structs.replace(new, **fields)


async def written(store: Store, *entries: NewSignIn) -> list[SignIn]:
    async with store.transaction() as transaction:
        return [await transaction.sign_ins.append(item) for item in entries]


async def listed(store: Store, user: UserId = ALICE, **how: int) -> list[SignIn]:
    async with store.transaction() as transaction:
        return list(await transaction.sign_ins.of(user, **how))


async def test_what_is_read_is_what_was_written_newest_first(store: Store) -> None:
    failed = entry(2.5, outcome="rejected", methods=(), session="", aal=0, why="wrong-code")
    entries = await written(store, entry(1.5), failed)
    assert entries[0].seq < entries[1].seq
    assert await listed(store) == entries[::-1]
    assert entries[1] == SignIn(**msgspec.structs.asdict(failed), seq=entries[1].seq)


async def test_nobody_sees_another_persons(store: Store) -> None:
    (first,) = await written(store, entry(1, BOB))
    assert await listed(store) == []
    async with store.transaction() as transaction:
        assert await transaction.sign_ins.get(ALICE, first.seq) is None
        assert await transaction.sign_ins.get(BOB, first.seq) == first
        assert not await transaction.sign_ins.disown(ALICE, first.seq, 5.0)
    assert (await listed(store, BOB))[0].disowned_at is None


async def test_pages_follow_each_other_without_gap_or_repetition(store: Store) -> None:
    entries = await written(store, *(entry(at, (ALICE, BOB)[at % 2]) for at in range(10)))
    first = await listed(store, limit=3)
    second = await listed(store, limit=3, before=first[-1].seq)
    assert [*first, *second] == entries[0::2][::-1]
    assert await listed(store, limit=3, before=second[-1].seq) == []


async def test_a_sign_in_is_disowned_once(store: Store) -> None:
    first, second = await written(store, entry(1), entry(2))
    async with store.transaction() as transaction:
        assert await transaction.sign_ins.disown(ALICE, first.seq, 7.5)
        assert not await transaction.sign_ins.disown(ALICE, first.seq, 9.5)
    assert await listed(store) == [second, msgspec.structs.replace(first, disowned_at=7.5)]


async def test_the_oldest_go_first_a_bounded_number_at_a_time(store: Store) -> None:
    await written(store, *(entry(at) for at in (3.0, 1.0, 2.0, 4.0)))
    async with store.transaction() as transaction:
        assert await transaction.sign_ins.remove_before(4.0, 2) == 2
    assert [item.at for item in await listed(store)] == [4.0, 3.0]
    async with store.transaction() as transaction:
        assert await transaction.sign_ins.remove_before(4.0, 2) == 1
        assert await transaction.sign_ins.remove_before(4.0, 2) == 0


async def test_a_number_is_not_given_twice(store: Store) -> None:
    (first,) = await written(store, entry(1))
    async with store.transaction() as transaction:
        await transaction.sign_ins.remove_all(ALICE)
    (second,) = await written(store, entry(2))
    assert second.seq > first.seq


async def test_who_comes_after_a_person_sees_nothing_of_theirs(store: Store) -> None:
    await written(store, entry(1), entry(2, BOB))
    async with store.transaction() as transaction:
        await transaction.sign_ins.remove_all(ALICE)
    assert await listed(store) == []
    assert len(await listed(store, BOB)) == 1


async def test_what_is_rolled_back_was_never_there(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as transaction:
            await transaction.sign_ins.append(entry(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await listed(store) == []
