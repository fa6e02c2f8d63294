"""A fleet for benchmarks: 50,000 devices with real keys, enrolled, that have reported already."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from doorward.adapters import keys
from doorward.adapters.nonces import HmacNonces
from doorward.administrator.fleet.conclude import conclude
from doorward.administrator.fleet.known import believed, packed
from doorward.administrator.fleet.ports import DeviceRecord
from doorward.administrator.fleet.posture_ports import PostureRecord
from doorward.administrator.ports import Store
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UserId
from doorward.model.posture import FACTS, Fact, FactName, FactValue, Trust
from doorward.model.snapshot import Snapshot, change
from doorward.protocol.agent import (
    DEVICES,
    SIGNATURE_HEADER,
    Report,
    signature_text,
    signed_bytes,
)

REPORT_SECONDS = 300
PEOPLE = 2_000
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BATCH = 1_000
_VALUES: dict[FactName, FactValue] = {
    "disk-encrypted": True,
    "os-name": "Debian GNU/Linux",
    "os-version": "13.2",
    "os-supported": True,
    "updates-pending": 2,
    "updates-age-days": 3,
    "firewall": True,
    "screen-lock": True,
    "secure-boot": True,
    "sshd-root-login": False,
    "sshd-password-login": False,
    "extra-uid0-accounts": 0,
    "listeners": ("tcp/22", "tcp/631", "udp/5353"),
    "reboot-needed": False,
    "agent-version": "0.1.0",
}
_CHECKS = {
    "disk-encrypted": "want = true",
    "os-supported": "want = true",
    "os-version": 'at_least = "12.4"',
    "updates-age-days": "at_most = 14",
    "firewall": "want = true",
    "screen-lock": "want = true",
    "sshd-root-login": "want = false",
    "extra-uid0-accounts": "at_most = 0",
}


def estate_files(upstream_port: int) -> dict[str, str]:
    """People, an application for healthy devices only, and two compliance policies."""
    tables = ['[[label]]\nid = "internal"\nname = "Internal"\nsensitivity = 10\n']
    tables += ['[[group]]\nid = "staff"\nname = "Staff"\n']
    tables += [
        f'[[user]]\nid = "u{n}"\nname = "User {n}"\nemail = "u{n}@example.com"\n'
        'groups = ["staff"]\n'
        for n in range(PEOPLE)
    ]
    tables.append(
        '[[resource]]\nid = "app"\nname = "App"\nhost = "app"\nlabel = "internal"\n'
        f'owner = "u0"\nupstream = "http://127.0.0.1:{upstream_port}"\n'
    )
    for name, mode in (("base", "enforce"), ("trial", "report")):
        tables.append(
            f'[[compliance]]\nid = "{name}"\nname = "{name}"\nmode = "{mode}"\ngroups = ["staff"]\n'
        )
        tables += [
            f'[[compliance.checks]]\nfact = "{fact}"\n{wanted}\n'
            for fact, wanted in _CHECKS.items()
        ]
    policy = (
        '@id("healthy-devices")\npermit (principal in Group::"staff", action, '
        'resource == Resource::"app") when { context has device && '
        "context.device has healthy && context.device.healthy };\n"
    )
    return {"estate.toml": "\n".join(tables), "policies.cedar": policy}


@functools.cache
def private_key(number: int) -> ec.EllipticCurvePrivateKey:
    """The enrolled key of device `number`, the same in every process."""
    digest = hashlib.sha512(f"benchmark device {number}".encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest) % (_P256_ORDER - 1) + 1, ec.SECP256R1())


def device_id(number: int) -> DeviceId:
    """Its name."""
    return DeviceId(f"d{number:05}")


def document(number: int) -> Device:
    """Its document, before anything is known of its health."""
    return Device(
        id=device_id(number),
        owner=UserId(f"u{number % PEOPLE}"),
        key=hashlib.sha256(_public(number)).hexdigest(),
        platform="linux",
    )


def facts(now: float, **changed: FactValue) -> tuple[Fact, ...]:
    """What an agent on Linux finds; `changed` by name with `_` for `-`."""
    values = _VALUES | {name.replace("_", "-"): value for name, value in changed.items()}
    return tuple(Fact(name=name, value=values[name], at=now, method="benchmark") for name in FACTS)


class Reporter:
    """Signs reports as devices do, with the nonce that each would have from its last answer."""

    def __init__(self, key_folder: Path) -> None:
        self._nonces = HmacNonces(keys.read_secret(key_folder / "seal.key"))

    def request(self, host: str, number: int, counter: int, report: Sequence[Fact]) -> bytes:
        """The HTTP request of one report, for a connection of its own."""
        now, device = report[0].at, device_id(number)
        path = f"{DEVICES}/{device}/reports"
        nonce = self._nonces.nonce(device, counter, now)
        body = msgspec.json.encode(
            Report(counter=counter, nonce=nonce, at=now, platform="linux", facts=tuple(report))
        )
        key = private_key(number)
        signature = key.sign(signed_bytes(path, body), ec.ECDSA(hashes.SHA256()))
        return (
            f"POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"{SIGNATURE_HEADER}: {signature_text(signature)}\r\n\r\n"
        ).encode() + body


async def enrol(store: Store, devices: int, now: float) -> None:
    """Enrol them in a store that is not in use, each healthy by a report of the last minutes."""
    snapshot = await store.load()
    for batch in _batches(devices):
        async with store.transaction() as transaction:
            records, postures, changes = [], [], []
            for number in batch:
                at = now - REPORT_SECONDS * (number % devices) / devices
                concluded, posture = _concluded(snapshot, document(number), at)
                changes.append(change("device", concluded))
                postures.append(posture)
                records.append(_record(number, at))
            await transaction.devices.records.put(records)
            await transaction.devices.posture.records.put(postures)
            await transaction.snapshot.publish(changes)


def _concluded(snapshot: Snapshot, device: Device, at: float) -> tuple[Device, PostureRecord]:
    known = believed(facts(at), Trust.SIGNED, (), at)
    record = PostureRecord(device=device.id, revision=1, key=device.key, facts=packed(known))
    found = conclude(snapshot, device, record, known, (), at)
    if not found.healthy:
        raise RuntimeError(f"the benchmark's devices are to be healthy: {found.reason}")
    return found.on(device), msgspec.structs.replace(record, seen_at=at, due_at=found.due_at)


def _record(number: int, at: float) -> DeviceRecord:
    return DeviceRecord(
        id=device_id(number),
        public_key=_public(number),
        storage="software",
        enrolled_at=at - 1,
        counter=1,
        digest="",
        last_seen_at=at,
    )


def _public(number: int) -> bytes:
    return (
        private_key(number)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _batches(devices: int) -> Iterator[range]:
    for start in range(0, devices, _BATCH):
        yield range(start, min(start + _BATCH, devices))
