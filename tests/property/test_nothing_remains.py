"""After leaving, nothing that could let a person in names them; after an `apply` without them too.

Whatever the person held before: any mix of sessions, cookies, credentials, one-time secrets,
devices, services with tokens, asserted groups, verifications, cases, addresses and training.
"""

from __future__ import annotations

import asyncio

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.administrator.accept_invitation import newest
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.ending import Leaver, end_person
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.administrator.fleet.ports import DeviceRecord
from doorward.administrator.identity.records import Contact, Training
from doorward.administrator.invite_user import invite_user
from doorward.administrator.leave import leave
from doorward.administrator.ports import OneTime, Passkey, Password, Totp
from doorward.model.device import Device
from doorward.model.estate import Group, Label, Resource, Service, User
from doorward.model.identity import ResourceCookie, ServiceToken, Session, Standing
from doorward.model.ids import (
    DeviceId,
    GroupId,
    LabelId,
    ResourceId,
    ServiceId,
    ServiceTokenId,
    SessionId,
    UserId,
)
from doorward.model.snapshot import FIELDS, Change, change
from tests.fakes.proofing import VERIFIER_ROLE, a_case, a_verification
from tests.fakes.store import MemoryStore, control_plane

GONE, STAYS = UserId("alice"), UserId("alice2")
NOW = 1000.0

MOST = 3
few = st.integers(0, MOST)
COUNTED = (
    "sessions",
    "passkeys",
    "secrets",
    "invitations",
    "devices",
    "tokens",
    "verifications",
    "trainings",
)
holdings = st.fixed_dictionaries(
    dict.fromkeys(COUNTED, few)
    | {name: st.booleans() for name in ("password", "standing", "case", "contact", "notices")}
)


def devices_of(user: UserId, held: dict[str, int]) -> list[DeviceId]:
    return [DeviceId(f"d-{user}-{number}") for number in range(held["devices"])]


def documents(user: UserId, held: dict[str, int]) -> list[Change]:
    """What the snapshot holds of a person."""
    person = User(
        id=user,
        name=user,
        email=f"{user}@example.org",
        groups=(GroupId("g"),),
        roles=(VERIFIER_ROLE,),
    )
    found = [
        change("user", person),
        change(
            "resource",
            Resource(
                id=ResourceId(f"of-{user}"),
                name="x",
                host=user,
                upstream="http://127.0.0.1:9",
                label=LabelId("l"),
                owner=user,
            ),
        ),
        change("service", Service(id=ServiceId(f"s-{user}"), name="x", owner=user)),
    ]
    if held["standing"]:
        standing = Standing(id=user, groups=(GroupId("g"),), ial=2, ial_until=9999.0)
        found.append(change("standing", standing))
    for number in range(held["sessions"]):
        session = Session(
            id=SessionId(f"ses_{user}_{number}"),
            user=user,
            started_at=1.0,
            expires_at=9999.0,
            authenticated_at=1.0,
            methods=("passkey",),
            phishing_resistant=True,
            multi_factor=True,
            address="192.0.2.1",
        )
        cookie = ResourceCookie(id=f"{user}{number}", session=session.id, resource=ResourceId("r"))
        found += [change("session", session), change("cookie", cookie)]
    found += [
        change(
            "device",
            Device(id=item, owner=user, key=f"key of {item}"),
        )
        for item in devices_of(user, held)
    ]
    found += [
        change(
            "service_token",
            ServiceToken(
                id=ServiceTokenId(f"dwt_{user}_{number}"),
                service=ServiceId(f"s-{user}"),
                secret_hash="0",
                resources=(),
                issued_at=1.0,
                expires_at=9999.0,
            ),
        )
        for number in range(held["tokens"])
    ]
    return found


async def hold(control: ControlPlane, user: UserId, held: dict[str, int]) -> None:
    async with control.store.transaction() as transaction:
        await transaction.snapshot.publish(documents(user, held))
        await transaction.devices.records.put(
            [
                DeviceRecord(id=item, public_key=b"", storage="tpm", enrolled_at=1.0)
                for item in devices_of(user, held)
            ]
        )
        await transaction.devices.attestations.put(
            [
                AttestationRecord(
                    device=item, endorsement=item, certificate="", ak_public=b"", key="", since=1.0
                )
                for item in devices_of(user, held)
            ]
        )
        credentials, identity = transaction.credentials, transaction.identity
        for number in range(held["passkeys"]):
            await credentials.put(
                Passkey(
                    id=f"{user}-{number}",
                    user=user,
                    name="x",
                    public_key=b"",
                    sign_count=0,
                    transports=(),
                    aaguid="",
                    created_at=1.0,
                )
            )
        if held["password"]:
            await credentials.put(Password(user=user, hash="h"))
            await credentials.put(Totp(user=user, sealed_secret=b"", last_step=0))
        for number in range(held["secrets"]):
            data = msgspec.Raw(msgspec.json.encode({"user": user, "flow": str(number)}))
            key = f"{user}-{number}"
            await transaction.one_time.put(
                OneTime(purpose="anything", key=key, data=data, expires_at=9999.0)
            )
        for number in range(held["verifications"]):
            await identity.verifications.add(a_verification(f"idv_{user}_{number}", user=user))
        for number in range(held["trainings"]):
            await identity.trainings.put(
                Training(user=user, trained_at=number, expires_at=9999.0, recorded_by="operator")
            )
        if held["case"]:
            await identity.cases.put(a_case(f"idc_{user}", subject=user))
        if held["contact"]:
            await identity.contacts.put(Contact(user=user, value="x", verified_at=1.0))
        if held["notices"]:
            await identity.notice_addresses.put(Contact(user=user, value="y", verified_at=1.0))
    for _ in range(held["invitations"]):
        await invite_user(control, Act("operator", NOW), user, ttl_seconds=60)


async def world(held: dict[str, int]) -> tuple[MemoryStore, ControlPlane]:
    store = MemoryStore()
    control = control_plane(store)
    async with store.transaction() as transaction:
        await transaction.snapshot.publish(
            [
                change("group", Group(id=GroupId("g"), name="G")),
                change("label", Label(id=LabelId("l"), name="L", sensitivity=0)),
            ]
        )
    await hold(control, GONE, held)
    await hold(control, STAYS, held)
    return store, control


def named_in(document: object) -> bool:
    """Whether the person's id stands in it as a whole word."""
    text = msgspec.json.encode(document).decode()
    return f'"{GONE}"' in text or f"_{GONE}_" in text or f"-{GONE}-" in text


async def remains(store: MemoryStore, control: ControlPlane) -> None:
    """Fails where anything but estate, ownership and the disabled standing names the person."""
    snapshot = control.live.current
    for kind, field in FIELDS.items():
        for document in getattr(snapshot, field).values():
            if kind not in {"user", "standing", "resource", "service"}:
                assert not named_in(document), document
    async with store.transaction() as transaction:
        assert await transaction.credentials.passkeys(GONE) == []
        assert await transaction.credentials.password(GONE) is None
        assert await transaction.credentials.totp(GONE) is None
        for device in devices_of(GONE, dict.fromkeys(COUNTED, MOST)):
            assert await transaction.devices.records.get(device) is None
            assert await transaction.devices.attestations.get(device) is None
        identity = transaction.identity
        assert await identity.contacts.of(GONE) is None
        assert await identity.notice_addresses.of(GONE) is None
        assert all(stored.end is not None for stored in await identity.verifications.of(GONE))
        assert all(case.state != "open" for case in await identity.cases.of(GONE))
        assert GONE not in {training.user for training in await identity.trainings.all()}
        key = newest(GONE, "", 0.0).key
        assert await transaction.one_time.peek("newest-invitation", key, NOW) is None
        assert await transaction.one_time.remove_of(GONE) == 0


async def untouched(store: MemoryStore, held: dict[str, int]) -> None:
    """Fails where anything of the other person is missing."""
    other = MemoryStore()
    await hold(control_plane(other), STAYS, held)
    snapshot, wanted = await store.load(), await other.load()
    for field in FIELDS.values():
        ours: dict[str, object] = getattr(snapshot, field)
        assert getattr(wanted, field).items() <= ours.items(), field
    async with store.transaction() as transaction:
        assert len(await transaction.credentials.passkeys(STAYS)) == held["passkeys"]
        found = await transaction.identity.verifications.of(STAYS)
        assert sum(stored.end is None for stored in found) == held["verifications"]
        assert (await transaction.identity.contacts.of(STAYS) is not None) == held["contact"]
        kept = await transaction.identity.notice_addresses.of(STAYS)
        assert (kept is not None) == held["notices"]
        invited = held["secrets"] + held["invitations"]
        assert await transaction.one_time.remove_of(STAYS) == invited


@settings(max_examples=60)
@given(holdings)
def test_nothing_names_who_left_but_estate_ownership_and_their_standing(
    held: dict[str, int],
) -> None:
    async def story() -> None:
        store, control = await world(held)
        await leave(control, Act("operator", NOW), GONE)
        await remains(store, control)
        snapshot = control.live.current
        assert snapshot.standings[GONE] == Standing(
            id=GONE, disabled=True, disabled_by=("doorward",), left=True
        )
        assert (snapshot.users[GONE].groups, snapshot.users[GONE].roles) == ((), ())
        await untouched(store, held)

    asyncio.run(story())


@settings(max_examples=60)
@given(holdings)
def test_the_same_steps_end_whoever_is_removed(held: dict[str, int]) -> None:
    async def story() -> None:
        store, control = await world(held)
        async with store.transaction() as transaction:
            leaver = Leaver(GONE, control.live.current, NOW, "operator")
            ended = await end_person(transaction, leaver)
            await transaction.snapshot.publish([c for item in ended for c in item.changes])
        await remains(store, control)
        await untouched(store, held)

    asyncio.run(story())
