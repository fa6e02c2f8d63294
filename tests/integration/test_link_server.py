"""Control's end of the link, met by gateways over real TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from doorward.adapters.ca import KeyPair, create_authority, issue_gateway, issue_server
from doorward.adapters.link_server import LinkIdentity, LinkServer
from doorward.adapters.live_snapshot import StoreReplica
from doorward.adapters.ticket_signer import Es256Signer
from doorward.administrator.idleness.activity import Activity
from doorward.administrator.idleness.limits import IdleLimit
from doorward.administrator.ports import Revision
from doorward.errors import DoorwardError
from doorward.model.decision import DecisionRecord
from doorward.model.estate import Group
from doorward.model.ids import GatewayId, GroupId, SessionId
from doorward.model.snapshot import Snapshot, change
from doorward.protocol import framing
from doorward.protocol.link import (
    VERSION,
    Applied,
    Decisions,
    DecisionsStored,
    Frame,
    FromControl,
    FromGateway,
    Health,
    Hello,
    Refused,
    SignedFrame,
)
from doorward.protocol.replica import Replica, accept
from tests.contract.test_store_contract import record
from tests.fakes.store import MemoryStore

SNAPSHOT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
TTL_SECONDS = 30.0
AUTHORITY = create_authority("gateway CA", time.time())
STRANGER = create_authority("gateway CA", time.time())
SERVER_CA = create_authority("server CA", time.time())
SERVER = issue_server(SERVER_CA, ["control.doorward.localhost"], time.time())
JWK = Es256Signer("doorward-assertion+jwt").jwk


class Store(MemoryStore):
    """A store whose decision log can fail, and that can be cut off from its followers."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.answering = asyncio.Event()
        self.answering.set()

    async def revisions(self, after: int) -> AsyncIterator[Revision]:
        async for revision in super().revisions(after):
            await self.answering.wait()
            yield revision

    async def append_decisions(self, records: Sequence[DecisionRecord]) -> None:
        if self.full:
            raise DoorwardError("store-full", "The store has no room left.")
        await super().append_decisions(records)

    async def put(self, *names: str) -> int:
        async with self.transaction() as transaction:
            groups = [Group(id=GroupId(name), name="x") for name in names]
            return await transaction.snapshot.publish([change("group", item) for item in groups])


@dataclass
class Control:
    store: Store
    replica: StoreReplica
    server: LinkServer
    port: int
    activity: Activity


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    files = {"server.pem": SERVER.certificate, "server.key": SERVER.key}
    for name, content in (files | {"ca.pem": AUTHORITY.certificate}).items():
        (tmp_path / name).write_bytes(content)
    store = Store()
    replica = StoreReplica(store)
    activity = Activity(IdleLimit(3600), "control")
    server = LinkServer(
        replica,
        store,
        SNAPSHOT_KEY,
        time.time,
        snapshot_ttl_seconds=TTL_SECONDS,
        heartbeat_seconds=0.2,
        activity=activity,
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    identity = LinkIdentity(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")
    tasks = [
        asyncio.create_task(replica.run()),
        asyncio.create_task(server.serve("127.0.0.1", port, identity)),
    ]
    await until(lambda: replica.confirmed)
    yield Control(store, replica, server, port, activity)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@dataclass
class Gateway:
    """A gateway's end: says what a test tells it to say, and keeps a replica."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    replica: Replica = field(default_factory=Replica)
    frames: list[Frame] = field(default_factory=list)
    splitter: framing.MessageSplitter = field(default_factory=framing.MessageSplitter)
    waiting: list[bytes] = field(default_factory=list)

    def say(self, message: FromGateway) -> None:
        self.writer.write(framing.encode(message))

    def hello(self, gateway: str = "edge", *, number: int = 0, version: int = VERSION) -> None:
        self.say(
            Hello(
                version=version,
                gateway=GatewayId(gateway),
                number=number,
                assertion_jwk=JWK,
            )
        )

    async def hear(self) -> FromControl:
        async with asyncio.timeout(5):
            while not self.waiting:
                data = await self.reader.read(65536)
                if not data:
                    raise EOFError
                self.waiting = self.splitter.feed(data)
        message = framing.decode_from_control(self.waiting.pop(0))
        if isinstance(message, SignedFrame):
            before = self.replica.snapshot.number
            accepted = accept(self.replica, message, SNAPSHOT_KEY.public_key(), time.time())
            base = 0 if accepted.full else before
            number = accepted.replica.snapshot.number
            self.replica = accepted.replica
            self.frames.append(
                Frame(
                    base=base,
                    number=number,
                    issued_at=0.0,
                    expires_at=accepted.replica.expires_at,
                    changes=accepted.changes,
                )
            )
        return message

    async def hear_for(self, seconds: float) -> list[FromControl]:
        heard = []
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    heard.append(await self.hear())
        return heard

    async def until(self, number: int) -> Snapshot:
        while self.replica.snapshot.number < number or not self.frames:
            await self.hear()
        return self.replica.snapshot


@asynccontextmanager
async def gateway(
    control: Control, folder: Path, pair: KeyPair | None, *, tls: ssl.TLSVersion | None = None
) -> AsyncIterator[Gateway]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls is not None:
        context.maximum_version = tls
    context.load_verify_locations(cadata=SERVER_CA.certificate.decode())
    if pair is not None:
        file = folder / "client.pem"
        file.write_bytes(pair.key + pair.certificate)
        context.load_cert_chain(file)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", control.port, ssl=context, server_hostname="control.doorward.localhost"
    )
    try:
        yield Gateway(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came true")


def edge(name: str = "edge", authority: KeyPair = AUTHORITY) -> KeyPair:
    return issue_gateway(authority, name, time.time())


async def test_a_gateway_gets_the_whole_and_then_what_changes(
    control: Control, tmp_path: Path
) -> None:
    await control.store.put("a")
    await control.replica.reached(1)
    async with gateway(control, tmp_path, edge()) as one:
        one.hello()
        assert set((await one.until(1)).groups) == {"a"}
        assert one.frames[0].base == 0
        await control.store.put("b")
        assert set((await one.until(2)).groups) == {"a", "b"}
        assert one.frames[-1].base == 1
        assert len(one.frames[-1].changes) == 1
        assert one.replica.expires_at == pytest.approx(time.time() + TTL_SECONDS, abs=2)


async def test_a_gateway_that_holds_it_already_gets_no_more_than_the_heartbeat(
    control: Control, tmp_path: Path
) -> None:
    await control.store.put("a")
    snapshot = await control.replica.reached(1)
    async with gateway(control, tmp_path, edge()) as one:
        one.replica = Replica(snapshot, time.time() + 1)
        one.hello(number=1)
        for _ in range(2):
            await one.hear()
        assert [(frame.base, frame.number) for frame in one.frames] == [(1, 1), (1, 1)]
        assert one.replica.expires_at > time.time() + TTL_SECONDS - 2


@pytest.mark.parametrize(
    "pair",
    [None, edge(authority=STRANGER), issue_server(AUTHORITY, ["edge"], time.time())],
    ids=["no certificate", "another CA", "not a client certificate"],
)
async def test_a_stranger_hears_nothing(
    control: Control, tmp_path: Path, pair: KeyPair | None
) -> None:
    async def try_to_hear() -> None:
        async with gateway(control, tmp_path, pair) as one:
            one.hello()
            await one.hear()

    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        await try_to_hear()
    assert control.server.connected() == []
    assert control.server.assertion_keys() == []


async def test_old_tls_is_refused(control: Control, tmp_path: Path) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        async with gateway(control, tmp_path, edge(), tls=ssl.TLSVersion.TLSv1_2):
            pass


async def refusal(one: Gateway) -> str:
    while not isinstance(message := await one.hear(), Refused):
        pass
    return message.code


async def test_a_gateway_is_who_its_certificate_says(control: Control, tmp_path: Path) -> None:
    async with gateway(control, tmp_path, edge("other")) as one:
        one.hello("edge")
        assert await refusal(one) == "gateway-mismatch"
    assert control.server.connected() == []


async def test_another_version_is_refused(control: Control, tmp_path: Path) -> None:
    async with gateway(control, tmp_path, edge()) as one:
        one.hello(version=VERSION + 1)
        assert await refusal(one) == "link-version"


@pytest.mark.parametrize("first", [Applied(number=1), b"\x00\x00\x00\x02{}", b"\xff\xff\xff\xff"])
async def test_what_does_not_begin_with_a_hello_is_refused(
    control: Control, tmp_path: Path, first: Applied | bytes
) -> None:
    async with gateway(control, tmp_path, edge()) as one:
        one.writer.write(first if isinstance(first, bytes) else framing.encode(first))
        assert await refusal(one) == "link-malformed"


async def test_a_gateway_ahead_of_the_store_is_refused(control: Control, tmp_path: Path) -> None:
    async with gateway(control, tmp_path, edge()) as one:
        one.hello(number=99)
        assert await refusal(one) == "gateway-ahead"


async def test_waiting_for_all_gateways(control: Control, tmp_path: Path) -> None:
    assert await control.server.wait_applied(1, 0.1)  # nobody enforces anything older
    async with (
        gateway(control, tmp_path, edge("one")) as one,
        gateway(control, tmp_path, edge("two")) as two,
    ):
        for name, gate in (("one", one), ("two", two)):
            gate.hello(name)
            await gate.hear()
        number = await control.store.put("a")
        waiting = asyncio.create_task(control.server.wait_applied(number, 5))
        await one.until(number)
        one.say(Applied(number=number))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await two.until(number)
        two.say(Applied(number=number))
        assert await waiting
        assert {state.id: state.applied for state in control.server.connected()} == {
            "one": number,
            "two": number,
        }
        assert not await control.server.wait_applied(number + 1, 0.1)


async def test_a_gateway_that_is_cut_off_meanwhile_counts_as_behind(
    control: Control, tmp_path: Path
) -> None:
    async with gateway(control, tmp_path, edge()) as one:
        one.hello()
        await one.hear()
        waiting = asyncio.create_task(control.server.wait_applied(5, 0.6))
        await asyncio.sleep(0.1)
    assert not await waiting
    assert control.server.connected() == []


async def test_a_gateway_that_reads_nothing_holds_up_nobody(
    control: Control, tmp_path: Path
) -> None:
    async with (
        gateway(control, tmp_path, edge("slow")) as slow,
        gateway(control, tmp_path, edge("quick")) as quick,
    ):
        slow.hello("slow")
        quick.hello("quick")
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for batch in range(20):
            started = time.monotonic()
            number = await control.store.put(*(f"g{batch}-{place}" for place in range(2000)))
            await quick.until(number)
            assert time.monotonic() - started < 2
        connection = control.server._connections["slow"]
        assert connection.outbox._count <= 10_000
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await slow.until(20) == quick.replica.snapshot


async def test_decisions_are_acknowledged_once_they_are_stored(
    control: Control, tmp_path: Path
) -> None:
    batch = Decisions(position="seg:1", records=(record(1, gateway="edge"),))
    control.store.full = True
    async with gateway(control, tmp_path, edge()) as one:
        one.hello()
        one.say(batch)
        assert not any(isinstance(item, DecisionsStored) for item in await one.hear_for(0.7))
        assert await control.store.decision(batch.records[0].id) is None
        control.store.full = False
        while not isinstance(message := await one.hear(), DecisionsStored):
            pass
        assert message.position == "seg:1"
        assert await control.store.decision(batch.records[0].id) is not None


async def test_a_gateway_cannot_speak_for_another_in_the_decision_log(
    control: Control, tmp_path: Path
) -> None:
    async with gateway(control, tmp_path, edge()) as one:
        one.hello()
        one.say(Decisions(position="p", records=(record(1, gateway="other"),)))
        assert await refusal(one) == "gateway-mismatch"
    assert await control.store.decision(record(1).id) is None


async def test_use_is_heard_from_decisions_and_from_what_browsers_say(
    control: Control, tmp_path: Path
) -> None:
    async with gateway(control, tmp_path, edge()) as one:
        one.hello()
        began = time.time()
        used = msgspec.structs.replace(record(1, gateway="edge"), session="ses_1", at=began - 30)
        one.say(Decisions(position="p", records=(used,)))
        spoken = (SessionId("ses_2"),)
        health = Health(parts={}, open_streams=1, spool_bytes=0, late_seconds=40, spoken=spoken)
        one.say(health)
        await until(lambda: control.activity.last("ses_2") > 0)
        assert control.activity.last("ses_1") == began - 30
        assert control.activity.last("ses_2") >= began
        told = control.activity.unwritten(began).sources
        assert began - 41 < told["edge"] < began - 35


async def test_health_and_keys_of_the_connected(control: Control, tmp_path: Path) -> None:
    async with gateway(control, tmp_path, edge()) as one:
        one.hello()
        one.say(Health(parts={"envoy": "ok"}, open_streams=3, spool_bytes=9))
        await until(lambda: any(state.parts for state in control.server.connected()))
        states = control.server.connected()
        assert (states[0].parts, states[0].open_streams) == ({"envoy": "ok"}, 3)
        assert control.server.assertion_keys() == [JWK]
    await asyncio.sleep(0.1)
    # What it signed before it went is still under way.
    assert control.server.assertion_keys() == [JWK]


async def test_a_gateway_that_comes_again_takes_the_place_of_its_old_connection(
    control: Control, tmp_path: Path
) -> None:
    async with gateway(control, tmp_path, edge()) as old:
        old.hello()
        await old.hear()
        async with gateway(control, tmp_path, edge()) as new:
            new.hello()
            await new.hear()
            with pytest.raises((EOFError, ConnectionError)):
                await old.hear_for(5)
            await asyncio.sleep(0.1)
            assert [state.id for state in control.server.connected()] == ["edge"]


async def test_no_heartbeat_while_the_store_does_not_confirm(
    control: Control, tmp_path: Path
) -> None:
    async with gateway(control, tmp_path, edge()) as one:
        one.hello()
        await one.hear()
        control.store.answering.clear()
        control.replica._elapsed = lambda: time.monotonic() + 60
        await one.hear_for(0.3)
        assert await one.hear_for(0.7) == []
