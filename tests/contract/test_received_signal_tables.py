"""Signals, words and streams of transmitters, on every store."""

from __future__ import annotations

import msgspec
import pytest

from doorward.administrator.ports import Store
from doorward.administrator.receiver_ports import (
    NewSignal,
    ReceivedSignal,
    StreamRecord,
    Word,
)
from doorward.errors import DoorwardError
from doorward.model.ids import TransmitterId

WATCH, OTHER = TransmitterId("watch"), TransmitterId("other")


def signal(jti: str, at: float = 1.5, transmitter: TransmitterId = WATCH) -> NewSignal:
    return NewSignal(
        transmitter=transmitter,
        jti=jti,
        type="https://example.org/event",
        subject="user:alice",
        at=at,
        received_at=at + 0.25,
        outcome="applied",
        detail="disabled “now”",
    )


async def put(store: Store, *signals: NewSignal) -> list[ReceivedSignal]:
    async with store.transaction() as transaction:
        return [await transaction.receiver.signals.append(item) for item in signals]


async def test_what_is_read_is_what_was_written_newest_first(store: Store) -> None:
    first, second = await put(store, signal("a"), signal("b"))
    assert first.seq < second.seq
    assert first == ReceivedSignal(**msgspec.structs.asdict(signal("a")), seq=first.seq)
    async with store.transaction() as transaction:
        table = transaction.receiver.signals
        assert await table.latest() == [second, first]
        assert await table.latest(limit=1) == [second]
        assert await table.latest(before=second.seq) == [first]


async def test_an_id_counts_once_for_each_transmitter(store: Store) -> None:
    await put(store, signal("a"), signal("a", transmitter=OTHER))
    with pytest.raises(DoorwardError, match="store-conflict"):
        await put(store, signal("a"))
    async with store.transaction() as transaction:
        assert await transaction.receiver.signals.seen(WATCH, "a")
        assert not await transaction.receiver.signals.seen(WATCH, "A")
        assert len(await transaction.receiver.signals.latest()) == 2


async def test_the_oldest_go_first_and_some_at_a_time(store: Store) -> None:
    await put(store, *(signal(f"s{at}", at) for at in (3.0, 1.0, 2.0, 9.0)))
    async with store.transaction() as transaction:
        table = transaction.receiver.signals
        assert await table.remove_before(5.0, 2) == 2
        assert [item.jti for item in await table.latest()] == ["s9.0", "s3.0"]
        assert await table.remove_before(5.0, 2) == 1
        assert await table.remove_before(5.0, 2) == 0


def word(said: str, subject: str = "user:alice", transmitter: TransmitterId = WATCH) -> Word:
    return Word(transmitter=transmitter, series="account", subject=subject, at=2.5, said=said)


async def test_a_word_replaces_the_one_before(store: Store) -> None:
    async with store.transaction() as transaction:
        words = transaction.receiver.words
        for item in (word("disabled"), word("enabled"), word("disabled", transmitter=OTHER)):
            await words.put(item)
    async with store.transaction() as transaction:
        words = transaction.receiver.words
        assert await words.get(WATCH, "account", "user:alice") == word("enabled")
        assert await words.get(WATCH, "risk", "user:alice") is None
        about = await words.about("account", "user:alice")
        assert [item.transmitter for item in about] == ["other", WATCH]
        assert await words.about("risk", "user:alice") == []
        assert await words.get(WATCH, "account", "user:bob") is None


async def test_words_are_forgotten_by_subject_and_by_transmitter(store: Store) -> None:
    async with store.transaction() as transaction:
        words = transaction.receiver.words
        for by in (WATCH, OTHER):
            for subject in ("user:alice", "user:bob"):
                await words.put(word("x", subject, by))
        assert await words.remove_subject("user:alice") == 2
        assert await words.remove_subject("user:alice") == 0
        await words.remove_transmitter(WATCH)
        assert await words.get(WATCH, "account", "user:bob") is None
        assert await words.get(OTHER, "account", "user:bob") == word("x", "user:bob", OTHER)


FULL = StreamRecord(
    transmitter=WATCH,
    issuer="https://signals.example.org",
    push_hash="ab" * 32,
    management=b"\x00\xff",
    stream="s-1",
    audience=("a", "b"),
    poll_url="https://signals.example.org/poll",
    delivered=("https://example.org/event",),
    status="enabled",
    connected_at=1.5,
    state_hash="cd" * 32,
    asked_at=2.5,
    verified_at=3.5,
    heard_at=4.5,
)


async def test_a_stream_is_kept_replaced_and_forgotten(store: Store) -> None:
    bare = StreamRecord(transmitter=OTHER, issuer="https://other.example.org")
    async with store.transaction() as transaction:
        for record in (bare, FULL, FULL):
            await transaction.receiver.streams.put(record)
    async with store.transaction() as transaction:
        streams = transaction.receiver.streams
        assert await streams.get(WATCH) == FULL
        assert await streams.get(OTHER) == bare
        await streams.remove(WATCH)
        assert await streams.get(WATCH) is None
