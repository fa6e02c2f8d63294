"""What a transaction changed is in the outbox in that very transaction, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import msgspec
import pytest

from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.store.migrate import upgrade
from doorward.adapters.store.store import open_store
from doorward.administrator.ports import Password, Store
from doorward.administrator.signal_ports import PendingKind, Stream
from doorward.administrator.signals.transmitting.bell import Bell
from doorward.administrator.signals.transmitting.recorder import Recorder
from doorward.administrator.signals.transmitting.supported import SUPPORTED
from doorward.model.estate import User
from doorward.model.identity import Session
from doorward.model.ids import ServiceId, SessionId, UserId
from doorward.model.snapshot import change, removal
from tests.contract.conftest import _empty
from tests.fakes.store import MemoryStore

ALICE = UserId("alice")
EVENTS: tuple[PendingKind, ...] = ("event",)
STREAM = Stream(
    id="stm_1", receiver=ServiceId("crm"), method="poll", created_at=1.0, requested=SUPPORTED
)
SESSION = Session(
    id=SessionId("ses_1"),
    user=ALICE,
    started_at=1.0,
    expires_at=99.0,
    authenticated_at=1.0,
    methods=("passkey",),
    phishing_resistant=True,
    multi_factor=True,
    address="192.0.2.1",
)


class Rung(Bell):
    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def ring(self) -> None:
        self.times += 1


@pytest.fixture
def bell() -> Rung:
    return Rung()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def recording(
    request: pytest.FixtureRequest, tmp_path: Path, bell: Rung
) -> AsyncIterator[Store]:
    recorder = Recorder("https://auth.example", SystemSecrets(), lambda: 5.0, bell)
    if request.param == "memory":
        yield MemoryStore(recorder)
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'doorward.db'}"
        await asyncio.to_thread(upgrade, url)
    else:
        url = cast("str", request.getfixturevalue("postgresql"))
        await asyncio.to_thread(_empty, url)
    opened = open_store(url, poll_seconds=0.2, recorder=recorder)
    yield opened
    await opened.close()


async def told(store: Store) -> list[str]:
    async with store.transaction() as transaction:
        waiting = await transaction.signals.outbox.waiting("stm_1", 99, EVENTS)
    events = [msgspec.json.decode(item.claims)["events"] for item in waiting]
    return [uri.rsplit("/", 1)[-1] for event in events for uri in event]


async def begin(store: Store) -> None:
    async with store.transaction() as transaction:
        alice = User(id=ALICE, name="Alice", email="alice@example.org")
        await transaction.snapshot.publish([change("user", alice), change("session", SESSION)])
        await transaction.signals.streams.put(STREAM)


async def test_documents_and_credentials_of_one_transaction(recording: Store, bell: Rung) -> None:
    await begin(recording)
    assert bell.times == 0
    async with recording.transaction() as transaction:
        await transaction.credentials.put(Password(user=ALICE, hash="h"))
        number = await transaction.snapshot.publish([removal("session", "ses_1")])
        await transaction.audit.append(
            at=7.0, actor="user:alice", act="signed-out", target="x", detail={}
        )
    assert number == 2
    assert await told(recording) == ["session-revoked", "credential-change"]
    assert bell.times == 1
    assert "ses_1" not in (await recording.load()).sessions
    async with recording.transaction() as transaction:
        (first, _) = await transaction.signals.outbox.waiting("stm_1", 9, EVENTS)
    assert first.at == 7.0


async def test_nothing_is_told_of_what_was_rolled_back(recording: Store, bell: Rung) -> None:
    await begin(recording)

    async def half_done() -> None:
        async with recording.transaction() as transaction:
            await transaction.snapshot.publish([removal("session", "ses_1")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half_done()
    assert await told(recording) == []
    assert bell.times == 0


async def test_the_same_document_again_is_no_change(recording: Store, bell: Rung) -> None:
    await begin(recording)
    async with recording.transaction() as transaction:
        await transaction.snapshot.publish([change("session", SESSION)])
    assert await told(recording) == []
    assert bell.times == 0
