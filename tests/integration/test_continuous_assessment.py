"""Each kind of fact, when it changes, cuts an open WebSocket within a second: all of it for real.

So it does an answer that lasts; the kinds that end a session, or leave it alone, stand for all.

Control, gateway and Envoy are processes; each person has a device, with a certificate of the
device CA and a key that signs reports. The application's policy reads every kind of fact. What
time alone changes inside control, a fact that grew too old, takes a quarter of an hour: it is in
tests/unit/test_device_reports.py.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.installation import Installation, running
from doorward.adapters import installation as files_of
from doorward.adapters import keys
from doorward.adapters.device_authority import LocalDeviceAuthority
from doorward.adapters.nonces import HmacNonces
from doorward.adapters.store.store import open_store
from doorward.administrator.credentials.assurance import passkey_credential
from doorward.administrator.fleet.ports import DeviceRecord
from doorward.administrator.ports import Passkey, Store
from doorward.config import load_control
from doorward.model.device import Device
from doorward.model.identity import ResourceCookie, Session, Standing
from doorward.model.ids import DeviceId, ResourceId, SessionId, UserId
from doorward.model.posture import Fact
from doorward.model.snapshot import Change, change
from doorward.model.spiffe import device_spiffe_id
from doorward.protocol.agent import DEVICES, SIGNATURE_HEADER, Report, Taken
from tests.fakes.fleet import SoftwareDevice
from tests.integration.gateway_upstream import Upstream
from tests.integration.lasting_upstream import LastingUpstream

DOMAIN = "doorward.localhost"
LONG = 3600.0
ESTATE = """
[[label]]
id = "internal"
name = "Internal"
sensitivity = 10

[[group]]
id = "staff"
name = "Staff"

[[resource]]
id = "app"
name = "App"
host = "app"
label = "internal"
owner = "owner"
upstream = "http://127.0.0.1:{port}"

[[resource]]
id = "news"
name = "News"
host = "news"
label = "internal"
owner = "owner"
upstream = "http://127.0.0.1:{events}"

[[compliance]]
id = "base"
name = "Basics"
mode = "enforce"

[[compliance.checks]]
fact = "firewall"
want = true
words = "Turn the firewall on."
"""
PERSON = """
[[user]]
id = "{name}"
name = "{name}"
email = "{name}@example.com"
groups = ["staff"]
"""
POLICY = """
@id("app-for-staff")
permit (principal is User in Group::"staff", action, resource) when {
  [Resource::"app", Resource::"news"].contains(resource) &&
  principal.risk < 50 && principal.ial >= 2 &&
  context has session && context.session.risk < 50 && context has device &&
  context.device has healthy && context.device.healthy &&
  context.device.complies.contains("base") && context.device.risk < 50
};
"""


@dataclass
class Person:
    """Somebody with a device, who is signed in."""

    name: str
    laptop: SoftwareDevice = field(init=False)
    counter: int = 0

    def __post_init__(self) -> None:
        self.laptop = SoftwareDevice(DeviceId(f"{self.name}-laptop"))

    def secret_at(self, resource: str) -> str:
        return hashlib.sha256(f"cookie of {self.name} at {resource}".encode()).hexdigest()

    def cookie_at(self, resource: str) -> str:
        return f"__Host-doorward-session={self.secret_at(resource)}"

    @property
    def passkey(self) -> Passkey:
        return Passkey(
            id=f"passkey-of-{self.name}",
            user=UserId(self.name),
            name="Key",
            public_key=b"k",
            sign_count=0,
            transports=(),
            aaguid="",
            created_at=1.0,
        )

    def changes(self, now: float) -> list[Change]:
        user, session = UserId(self.name), SessionId(f"ses_{self.name}")
        cookies = [
            ResourceCookie(
                id=hashlib.sha256(self.secret_at(resource).encode()).hexdigest(),
                session=session,
                resource=ResourceId(resource),
            )
            for resource in ("app", "news")
        ]
        return [
            change(
                "session",
                Session(
                    id=session,
                    user=user,
                    started_at=now,
                    expires_at=now + LONG,
                    authenticated_at=now,
                    methods=("passkey",),
                    phishing_resistant=True,
                    multi_factor=True,
                    address="127.0.0.1",
                    credential=passkey_credential(self.passkey.id),
                ),
            ),
            *(change("cookie", cookie) for cookie in cookies),
            change("standing", Standing(id=user, ial=2, ial_until=now + LONG)),
            change(
                "device",
                Device(id=self.laptop.id, owner=user, key=self.laptop.key, platform="linux"),
            ),
        ]


class Place:
    """The running installation, as people, devices and operators reach it."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        data, self._folder = installation.folder, folder
        settings = load_control(data.settings)
        self._url = data.store_url(settings)
        self._port = settings.https_port
        self._ca = data.keys / "server-ca.pem"
        self._devices = LocalDeviceAuthority(files_of.read_pair(data.keys, "device-ca"))
        self._nonces = HmacNonces(keys.read_secret(data.keys / "seal.key"))
        self._plain = ssl.create_default_context(cafile=self._ca)
        transport = httpx.HTTPTransport(uds=str(data.api_socket))
        self.api = httpx.Client(transport=transport, base_url="http://x/api/v1", timeout=20)

    def report(self, person: Person, *, firewall: bool) -> Taken:
        """The device reports, through Envoy."""
        person.counter += 1
        now, laptop = time.time(), person.laptop
        path = f"{DEVICES}/{laptop.id}/reports"
        report = Report(
            counter=person.counter,
            nonce=self._nonces.nonce(laptop.id, person.counter, now),
            at=now,
            platform="linux",
            facts=(Fact(name="firewall", value=firewall, at=now, method="nft"),),
        )
        message = laptop.signed(path, report)
        with httpx.Client(verify=self._plain, timeout=20) as client:
            answer = client.post(
                f"https://127.0.0.1:{self._port}{path}",
                content=message.body,
                headers={"host": f"auth.{DOMAIN}", SIGNATURE_HEADER: message.signature},
                extensions={"sni_hostname": f"auth.{DOMAIN}"},
            )
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=Taken)

    def websocket(self, person: Person, seconds: float = LONG) -> ClientConnection:
        """Open one with the device's certificate, which lasts so long."""
        tls = self._shown(person, seconds)
        return connect(
            f"wss://app.{DOMAIN}:{self._port}/live",
            sock=socket.create_connection(("127.0.0.1", self._port)),
            ssl=tls,
            additional_headers={"Cookie": person.cookie_at("app")},
            proxy=None,
        )

    def events(self, person: Person) -> socket.socket:
        """Ask for events with the device's certificate, and read the first."""
        host = f"news.{DOMAIN}"
        raw = socket.create_connection(("127.0.0.1", self._port), 10)
        stream = self._shown(person, LONG).wrap_socket(raw, server_hostname=host)
        stream.sendall(
            f"GET /events?every=0.05 HTTP/1.1\r\nhost: {host}\r\naccept: text/event-stream\r\n"
            f"cookie: {person.cookie_at('news')}\r\n\r\n".encode()
        )
        read = b""
        while b"data: " not in read:
            read += (received := stream.recv(4096))
            assert received, read
        return stream

    def do(self, method: str, path: str, body: dict[str, object] | None = None) -> None:
        """An operator's act."""
        self.api.request(method, path, json=body).raise_for_status()

    def publish(self, *changes: Change) -> None:
        """As another control process would."""

        async def put() -> None:
            store = open_store(self._url)
            async with store.transaction() as transaction:
                await transaction.snapshot.publish(changes)
            await store.close()

        asyncio.run(put())

    def _shown(self, person: Person, seconds: float) -> ssl.SSLContext:
        tls = ssl.create_default_context(cafile=self._ca)
        tls.load_cert_chain(self._certificate(person, seconds))
        return tls

    def _certificate(self, person: Person, seconds: float) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        csr = request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        name = device_spiffe_id(DOMAIN, person.laptop.id, person.laptop.key)
        issued = self._devices.issue(csr, name, time.time(), seconds)
        pem = serialization.Encoding.PEM
        file = self._folder / f"{person.name}.pem"
        file.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + x509.load_der_x509_certificate(issued.certificate).public_bytes(pem)
        )
        return file


Signal = Callable[[Place, Person], float]
"""Changes a fact; the moment from which it counts, by the monotonic clock."""


def act(method: str, path: str, body: dict[str, object] | None = None) -> Signal:
    def signal(place: Place, person: Person) -> float:
        began = time.monotonic()
        named = path.format(user=person.name, device=person.laptop.id, passkey=person.passkey.id)
        place.do(method, named, body)
        return began

    return signal


def firewall_off(place: Place, person: Person) -> float:
    began = time.monotonic()
    [failing] = place.report(person, firewall=False).failing
    assert failing.words == "Turn the firewall on."
    return began


def proofing_runs_out(place: Place, person: Person) -> float:
    until = time.time() + 3
    place.publish(change("standing", Standing(id=UserId(person.name), ial=2, ial_until=until)))
    return time.monotonic() + until - time.time()


SIGNALS: dict[str, Signal] = {
    "posture": firewall_off,
    "operator": act("PUT", "/devices/{device}/posture", {"healthy": False, "reason": "stolen"}),
    "group": act("PUT", "/users/{user}/groups", {"groups": []}),
    "proofing": proofing_runs_out,
    "credential": act("DELETE", "/users/{user}/passkeys/{passkey}"),
    "person": act("PUT", "/users/{user}/risk", {"risk": 90}),
    "device": act("PUT", "/devices/{device}/risk", {"risk": 90}),
    "session": act("PUT", "/sessions/ses_{user}/risk", {"risk": 90}),
    "removed": act("DELETE", "/devices/{device}"),
}
ENDING = {
    "reading": firewall_off,
    "passkey": SIGNALS["credential"],
    "lost": SIGNALS["removed"],
}
PEOPLE = {name: Person(name) for name in (*SIGNALS, *ENDING, "certificate", "bystander")}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    upstream, lasting = Upstream(), LastingUpstream()
    folder = tmp_path_factory.mktemp("assessment")
    people = [PERSON.format(name=name) for name in ("owner", *PEOPLE)]
    files = {
        "estate.toml": ESTATE.format(port=upstream.websocket_port, events=lasting.port)
        + "".join(people),
        "policies.cedar": POLICY,
    }

    async def seed(store: Store) -> None:
        now = time.time()
        async with store.transaction() as transaction:
            changes = [item for person in PEOPLE.values() for item in person.changes(now)]
            await transaction.snapshot.publish(changes)
            for person in PEOPLE.values():
                await transaction.credentials.put(person.passkey)
            await transaction.devices.records.put(
                [
                    DeviceRecord(
                        id=person.laptop.id,
                        public_key=person.laptop.public_key,
                        storage="software",
                        enrolled_at=now,
                    )
                    for person in PEOPLE.values()
                ]
            )

    with running(folder / "data", files, upstream.port, 0, also=seed) as installation:
        place = Place(installation, folder)
        with place.api:
            yield place
    upstream.close()
    lasting.close()


def cut(stream: ClientConnection, since: float) -> None:
    """It is cut, and not a second after `since`."""
    with pytest.raises(ConnectionClosed) as closed:
        stream.recv(10)
    assert time.monotonic() - since < 1
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("kind", SIGNALS)
def test_a_fact_that_changes_cuts_what_rests_on_it(place: Place, kind: str) -> None:
    person, bystander = PEOPLE[kind], PEOPLE["bystander"]
    for reporting in (person, bystander):
        assert not place.report(reporting, firewall=True).failing
    with place.websocket(person) as stream, place.websocket(bystander) as other:
        stream.send("a")
        assert stream.recv(5) == "a"
        cut(stream, SIGNALS[kind](place, person))
        other.send("still here")
        assert other.recv(5) == "still here"


@pytest.mark.parametrize("kind", ENDING)
def test_a_fact_that_changes_ends_events_that_rest_on_it(place: Place, kind: str) -> None:
    person, bystander = PEOPLE[kind], PEOPLE["bystander"]
    for reporting in (person, bystander):
        place.report(reporting, firewall=True)
    with place.events(person) as stream, place.events(bystander) as other:
        since = ENDING[kind](place, person)
        with suppress(ConnectionResetError, ssl.SSLEOFError):
            while stream.recv(4096):
                assert time.monotonic() - since < 2
        assert time.monotonic() - since < 1
        assert other.recv(4096)
        assert other.recv(4096)


def test_a_certificate_that_ends_cuts_what_it_let_in(place: Place) -> None:
    person = PEOPLE["certificate"]
    place.report(person, firewall=True)
    issued, lifetime = time.time(), 4
    with place.websocket(person, lifetime) as stream:
        stream.send("a")
        assert stream.recv(5) == "a"
        ends = int(issued) + lifetime
        cut(stream, time.monotonic() + ends + 1 - time.time())


def test_a_repaired_device_is_let_in_again(place: Place) -> None:
    person = PEOPLE["posture"]
    place.report(person, firewall=True)
    with place.websocket(person) as stream:
        stream.send("a")
        assert stream.recv(5) == "a"
