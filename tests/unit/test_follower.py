"""The follower: in what order a frame takes effect, and what fails closed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from doorward.adapters.believed_clock import BelievedClock
from doorward.enforcement.envoy.compiler import EnvoyFiles
from doorward.enforcement.envoy.settings import ControlWeb, EnvoySettings, PlainListener
from doorward.entrypoints.gateway.envoy_configuration import (
    CannotEnforceError,
    EnvoyConfiguration,
    Held,
)
from doorward.entrypoints.gateway.follower import Follower
from doorward.errors import DoorwardError
from doorward.model.identity import Standing
from doorward.model.ids import UserId
from doorward.model.snapshot import Change, change, removal
from doorward.protocol.link import Applied, Frame
from doorward.protocol.signing import sign_frame
from tests.unit.gateway_world import ACCESS, ESTATE, NOW, SESSION, World, header, signed_in

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
SETTINGS = EnvoySettings(
    domain="doorward.localhost",
    folder="/envoy",
    plain=PlainListener("127.0.0.1", 8080),
    tls=None,
    control=ControlWeb("127.0.0.1", 8082, "doorward-control", "/c.pem", "/c.key", "/ca.pem"),
    check_socket="/run/check.sock",
    relay_socket="/run/relay.sock",
    admin_socket="/run/admin.sock",
    probe_socket="/run/probe.sock",
    ticket_jwk='{"kty":"EC"}',
    access_log_path="/spool/live.log",
)
DISABLED = change("standing", Standing(id=UserId("alice"), disabled=True))


class Gateway:
    """A follower whose Envoy is a dictionary."""

    def __init__(self) -> None:
        self.world = World()
        self.world.point.prepared = None
        self.wall = NOW
        self.monotonic = 0.0
        self.files: dict[str, str] = {}
        self.sent: list[Applied] = []
        self.told = asyncio.Event()
        self.refuse = False
        self.checking: list[asyncio.Event] = []
        self.slow = False
        self.unwritable = False
        self.envoy_epoch = 0
        self.envoy_routes = 0
        self.envoy_follows = True
        self.envoy_reads_routes = True
        self.clock = BelievedClock(lambda: self.wall, lambda: self.monotonic)
        self.envoy = EnvoyConfiguration(
            self.world.point,
            SETTINGS,
            100,
            write=self.write,
            validate=self.validate,
            held=self.held,
        )
        self.follower = Follower(
            KEY.public_key(),
            self.clock,
            self.world.point,
            self.world.streams,
            self.envoy,
            self.send,
        )
        self.envoy.begin()

    def write(self, path: Path, text: str) -> None:
        if self.unwritable:
            raise OSError(28, "No space left on device")
        self.files[path.name] = text

    async def validate(self, files: EnvoyFiles) -> None:
        refuse = self.refuse
        if self.slow:
            self.checking.append(done := asyncio.Event())
            await done.wait()
        if refuse:
            raise DoorwardError("envoy-refuses", "Envoy refuses it.")

    async def held(self) -> Held:
        if self.envoy_follows:
            self.envoy_epoch = self.epoch
        if self.envoy_follows and self.envoy_reads_routes:
            self.envoy_routes = self.routes
        return Held(self.envoy_epoch, self.envoy_routes)

    def send(self, message: Applied) -> bool:
        self.sent.append(message)
        self.told.set()
        return True

    @property
    def epoch(self) -> int:
        return self.envoy._epoch

    @property
    def routes(self) -> int:
        (version,) = re.findall(r"%DYNAMIC_METADATA\([^)]*\)% (\d+)", self.files["rds.json"])
        return int(version)

    async def says(self, *said: Applied) -> None:
        """Wait until these alone were sent."""
        async with asyncio.timeout(10):
            while len(self.sent) < len(said):
                self.told.clear()
                await self.told.wait()
        assert self.sent == list(said)

    async def frame(self, base: int, number: int, *changes: Change) -> None:
        frame = Frame(
            base=base,
            number=number,
            issued_at=self.wall,
            expires_at=self.wall + 60,
            changes=changes,
        )
        await self.follower.receive(sign_frame(frame, KEY))


async def following() -> Gateway:
    gateway = Gateway()
    await gateway.frame(0, 1, *ESTATE, *ACCESS)
    return gateway


async def turns() -> None:
    """Let the other tasks go as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_full_frame_fills_point_and_routes() -> None:
    gateway = await following()
    assert gateway.follower.number == 1
    assert gateway.world.ask(**signed_in()).status == 200
    assert "wiki.doorward.localhost" in gateway.files["rds.json"]
    assert gateway.world.point.epoch == gateway.epoch


async def test_whatever_may_revoke_moves_the_epoch_before_applied_is_said() -> None:
    gateway = await following()
    epoch = gateway.epoch
    announcing = asyncio.create_task(gateway.follower.announce())
    await gateway.frame(1, 2, DISABLED)
    assert gateway.epoch == epoch + 1
    assert str(gateway.epoch) in gateway.files["epoch.json"]
    assert gateway.world.ask(**signed_in()).status == 403
    await gateway.says(Applied(number=2))
    announcing.cancel()


async def test_applied_waits_for_envoy() -> None:
    gateway = await following()
    gateway.envoy_follows = False
    gateway.envoy_epoch = gateway.epoch
    announcing = asyncio.create_task(gateway.follower.announce())
    await gateway.frame(1, 2, DISABLED)
    await asyncio.sleep(0.05)
    assert gateway.sent == []
    gateway.envoy_follows = True
    await gateway.says(Applied(number=2))
    announcing.cancel()


async def test_applied_waits_for_the_routes_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doorward.entrypoints.gateway.envoy_configuration._PICK_UP_SECONDS", 0.02)
    gateway = await following()
    gateway.envoy_reads_routes = False
    announcing = asyncio.create_task(gateway.follower.announce())
    await gateway.frame(1, 2, removal("resource", "wiki"))
    await asyncio.sleep(0.05)
    assert gateway.envoy_epoch == gateway.epoch
    assert gateway.sent == []
    gateway.envoy_reads_routes = True
    await gateway.says(Applied(number=2))
    announcing.cancel()


async def test_the_epoch_of_another_process_is_no_pick_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("doorward.entrypoints.gateway.envoy_configuration._PICK_UP_SECONDS", 0.02)
    gateway = await following()
    gateway.envoy_follows = False
    gateway.envoy_epoch = 2**51
    with pytest.raises(CannotEnforceError) as caught:
        await gateway.envoy.picked_up()
    assert caught.value.envoy_at_fault


async def test_first_sign_ins_keep_the_tickets_of_others() -> None:
    gateway = await following()
    epoch = gateway.epoch
    second = type(SESSION)(
        **{name: getattr(SESSION, name) for name in SESSION.__struct_fields__} | {"id": "ses_2"}
    )
    await gateway.frame(1, 2, change("session", second))
    assert gateway.epoch == epoch
    await gateway.frame(2, 3, change("session", second))
    assert gateway.epoch == epoch + 1


async def test_a_heartbeat_moves_only_the_expiry() -> None:
    gateway = await following()
    epoch = gateway.epoch
    gateway.wall += 50
    gateway.monotonic += 50
    gateway.world.clock.time += 50
    await gateway.frame(1, 1)
    gateway.world.clock.time += 50
    assert gateway.world.ask(**signed_in()).status == 200
    assert gateway.epoch == epoch


async def test_a_refused_frame_changes_nothing() -> None:
    gateway = await following()
    with pytest.raises(DoorwardError):
        await gateway.frame(5, 6, DISABLED)
    assert gateway.follower.number == 1
    assert gateway.world.ask(**signed_in()).status == 200


async def test_an_expired_snapshot_voids_and_cuts() -> None:
    gateway = await following()
    gateway.world.ask(**signed_in(upgrade="websocket"))
    epoch = gateway.epoch
    gateway.wall += 60
    gateway.world.clock.time += 60
    await gateway.follower.tick(log_writable=True)
    await gateway.follower.tick(log_writable=True)
    assert gateway.epoch == epoch + 1
    assert len(gateway.world.streams) == 0


async def test_a_clock_that_ran_back_voids_until_a_frame_confirms_the_time() -> None:
    gateway = await following()
    epoch = gateway.epoch
    gateway.wall -= 3
    await gateway.follower.tick(log_writable=True)
    assert gateway.epoch == epoch + 1
    assert not gateway.clock.believed()
    await gateway.frame(1, 1)
    assert gateway.clock.believed()


async def test_an_unwritable_log_voids() -> None:
    gateway = await following()
    epoch = gateway.epoch
    await gateway.follower.tick(log_writable=False)
    assert gateway.epoch == epoch + 1


async def test_routes_that_cannot_be_written_end_the_process() -> None:
    gateway = await following()
    gateway.unwritable = True
    with pytest.raises(CannotEnforceError):
        await gateway.frame(1, 2, DISABLED)


async def test_a_configuration_that_envoy_refuses_leaves_the_old_one_without_tickets() -> None:
    gateway = await following()
    gateway.refuse = True
    before = gateway.files["cds.json"]
    await gateway.frame(1, 2, removal("resource", "payroll"))
    assert gateway.files["cds.json"] == before
    assert gateway.envoy.trouble == "Envoy refuses it."
    assert gateway.world.point.epoch == 0
    response = gateway.world.ask(**signed_in())
    assert (response.status, header(response, "set-cookie")) == (200, "")
    assert gateway.world.ask(host="payroll.doorward.localhost", **signed_in()).status == 403
    gateway.refuse = False
    await gateway.frame(2, 3, removal("resource", "none"))
    assert gateway.world.point.epoch == gateway.epoch


async def test_an_estate_put_back_to_what_envoy_has_ends_the_trouble() -> None:
    gateway = await following()
    gateway.refuse = True
    payroll = next(item for item in ESTATE if (item.kind, item.id) == ("resource", "payroll"))
    await gateway.frame(1, 2, removal("resource", "payroll"))
    assert gateway.world.point.epoch == 0
    await gateway.frame(2, 3, payroll)
    assert gateway.envoy.trouble == ""
    assert gateway.world.point.epoch == gateway.epoch


async def test_tickets_voided_while_envoy_checks_the_routes_hold_no_applied_back() -> None:
    gateway = await following()
    announcing = asyncio.create_task(gateway.follower.announce())
    await gateway.says(Applied(number=1))
    gateway.slow = True
    receiving = asyncio.create_task(gateway.frame(1, 2, removal("resource", "payroll")))
    await turns()
    await gateway.follower.tick(log_writable=False)
    await gateway.says(Applied(number=1), Applied(number=1))
    gateway.checking[0].set()
    await receiving
    await gateway.says(Applied(number=1), Applied(number=1), Applied(number=2))
    announcing.cancel()


async def test_a_correction_that_comes_while_the_refused_is_tried_again_is_what_stays() -> None:
    gateway = await following()
    gateway.refuse = True
    await gateway.frame(1, 2, removal("resource", "payroll"))
    gateway.slow = True
    mending = asyncio.create_task(gateway.follower.mend())
    await turns()
    gateway.refuse = False
    receiving = asyncio.create_task(gateway.frame(2, 3, removal("resource", "wiki")))
    await turns()
    for _ in range(2):  # the later one is answered first, where both are asked at once
        gateway.checking.pop().set()
        await turns()
    await asyncio.gather(mending, receiving)
    assert gateway.envoy.trouble == ""
    assert "wiki.doorward.localhost" not in gateway.files["rds.json"]
    assert gateway.world.point.epoch == gateway.epoch


async def test_what_is_tried_again_does_not_replace_what_came_meanwhile() -> None:
    gateway = await following()
    gateway.refuse = True
    await gateway.frame(1, 2, removal("resource", "payroll"))
    gateway.refuse = False
    gateway.slow = True
    mending = asyncio.create_task(gateway.follower.mend())
    await turns()
    receiving = asyncio.create_task(gateway.frame(2, 3, removal("resource", "wiki")))
    await turns()
    for _ in range(2):
        gateway.checking.pop().set()
        await turns()
    await asyncio.gather(mending, receiving)
    assert "wiki.doorward.localhost" not in gateway.files["rds.json"]


async def test_applied_needs_no_routes_later_than_its_own() -> None:
    gateway = await following()
    announcing = asyncio.create_task(gateway.follower.announce())
    gateway.envoy_reads_routes = False
    await gateway.frame(1, 2, removal("resource", "wiki"))
    await turns()
    routes = gateway.routes
    await gateway.frame(2, 3, removal("resource", "payroll"))
    assert gateway.sent == []
    gateway.envoy_routes = routes
    await gateway.says(Applied(number=2))
    announcing.cancel()


async def test_a_later_epoch_is_watched_while_routes_are_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("doorward.entrypoints.gateway.envoy_configuration._PICK_UP_SECONDS", 0.05)
    gateway = await following()
    gateway.envoy_reads_routes = False
    announcing = asyncio.create_task(gateway.follower.announce())
    await gateway.frame(1, 2, removal("resource", "wiki"))
    await asyncio.sleep(0.02)
    gateway.envoy_follows = False
    await gateway.frame(2, 3, DISABLED)
    with pytest.raises(CannotEnforceError):
        await asyncio.wait_for(announcing, 5)


async def refused(gateway: Gateway) -> None:
    gateway.refuse = True
    await gateway.frame(1, 2, removal("resource", "payroll"))


async def unlogged(gateway: Gateway) -> None:
    await gateway.follower.tick(log_writable=False)


@pytest.mark.parametrize("voiding", [refused, unlogged])
async def test_every_epoch_is_watched(
    monkeypatch: pytest.MonkeyPatch, voiding: Callable[[Gateway], Awaitable[None]]
) -> None:
    monkeypatch.setattr("doorward.entrypoints.gateway.envoy_configuration._PICK_UP_SECONDS", 0.05)
    gateway = await following()
    announcing = asyncio.create_task(gateway.follower.announce())
    await gateway.says(Applied(number=1))
    gateway.envoy_follows = False
    await voiding(gateway)
    with pytest.raises(CannotEnforceError):
        await asyncio.wait_for(announcing, 5)


async def test_what_envoy_refuses_is_never_said_to_be_applied() -> None:
    gateway = await following()
    announcing = asyncio.create_task(gateway.follower.announce())
    await gateway.says(Applied(number=1))
    await refused(gateway)
    await gateway.frame(2, 3, DISABLED)
    await gateway.says(Applied(number=1), Applied(number=1))
    announcing.cancel()


def test_the_clock_tolerates_small_steps_and_any_jump_forward() -> None:
    gateway = Gateway()
    gateway.wall -= 1.9
    assert gateway.clock.believed()
    gateway.wall += 1000
    assert gateway.clock.believed()
    gateway.wall -= 2.1
    assert not gateway.clock.believed()
    gateway.wall += 10
    assert not gateway.clock.believed()
