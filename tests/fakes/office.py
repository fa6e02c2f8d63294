"""A small company on the store in memory: what tests of the API and the console look at.

`office()` makes it: people, resources, policies, sessions, a device, a service token, decisions
and administrative acts. `Office.context(authenticator)` is what the applications are made with;
`Office.assertion(...)` is what the gateway would add to a request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from starlette.types import ASGIApp, Receive, Scope, Send

from doorward.adapters.assertion_verifier import AssertionVerifier
from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.adapters.ticket_signer import Es256Signer
from doorward.adapters.user_codes import HmacUserCodes
from doorward.administrator.audit_chain import head_of
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.directory.entries import Address, Details
from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.ports import ProviderHttp
from doorward.administrator.federation_table import FederatedIdentity
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.administrator.identity.records import Training
from doorward.administrator.openid.provider import Provider
from doorward.administrator.openid.signing_keys import ALGORITHMS
from doorward.administrator.openid_ports import ClientSession
from doorward.administrator.ports import Passkey, Password, Totp
from doorward.administrator.provisioning.provision_person import provision_person
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.receiver_ports import NewSignal, Outcome, StreamRecord
from doorward.administrator.recovery.approval_code import sealed_for
from doorward.administrator.recovery_ports import Recovery
from doorward.administrator.set_standing import set_user_risk
from doorward.administrator.sign_ins.ports import NewSignIn
from doorward.administrator.signals.transmitting.bell import Bell
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.engine import classify
from doorward.entrypoints.actors import Authenticator, GatewayAssertion
from doorward.entrypoints.api.context import Context
from doorward.entrypoints.console import app as console_host
from doorward.model.decision import DecisionRecord, ReasonCode, Remedy
from doorward.model.device import Device
from doorward.model.estate import (
    ActionRule,
    Client,
    Group,
    Label,
    Policy,
    Resource,
    Role,
    Service,
    User,
)
from doorward.model.identity import ResourceCookie, ServiceToken, Session
from doorward.model.ids import (
    ClientId,
    DecisionId,
    DeviceId,
    GatewayId,
    GroupId,
    LabelId,
    PolicyId,
    ProviderId,
    ResourceId,
    RoleId,
    ServiceId,
    ServiceTokenId,
    SessionId,
    TransmitterId,
    UnixSeconds,
    UserId,
)
from doorward.model.snapshot import Change, Document, Kind, change
from doorward.model.transmitter import SignalName, Transmitter
from doorward.protocol.ticket import AssertionClaims
from tests.fakes.certificates import key_of
from tests.fakes.federation import federation_on
from tests.fakes.fleet import fleet_on
from tests.fakes.openid import KeptLogouts, QuickSigner
from tests.fakes.osquery_desk import osquery_on
from tests.fakes.proofing import (
    VERIFIER_ROLE,
    a_case,
    a_verification,
    an_evidence,
    proofing_on,
)
from tests.fakes.provider import WORK_ISSUER, OidcProvider, Providers, declared
from tests.fakes.receiver import SignalWire, receiver_on
from tests.fakes.signals_desk import KeptPushes, office_streams, transmitter_on
from tests.fakes.signals_transmitter import Transmitter as SignalsThere
from tests.fakes.store import MemoryHeads, MemoryStore, ObedientGateways, control_plane

NOON: UnixSeconds = 1795435200.0
"""2026-11-23T12:00:00Z, a Monday."""
ISSUER = "https://auth.doorward.localhost"
CONSOLE = "http://console.doorward.localhost:8080"
APPROVAL_CODE = "48213905"
HOSTILE = '<script>alert("x")</script>'
"""What a stranger puts wherever they can: a path, a name, a user agent."""

PAYROLL_POLICY = """\
@id("payroll-at-work")
@description("Payroll staff, at work, by passkey, on a healthy device.")
permit (
  principal in Group::"payroll",
  action == Action::"read",
  resource == Resource::"payroll"
) when {
  context.session.phishing_resistant &&
  context has device && context.device has healthy && context.device.healthy
};"""

CONSOLE_POLICY = """\
@id("console-for-alice")
@description("Alice runs doorward.")
permit (principal == User::"alice", action, resource == Resource::"console");"""


@dataclass
class Office:
    """The company, at `now`."""

    store: MemoryStore
    control: ControlPlane
    gateways: ObedientGateways
    openid: Provider
    federation: Federation
    receiver: Receiver
    heads: MemoryHeads = field(default_factory=MemoryHeads)
    signer: Es256Signer = field(default_factory=lambda: Es256Signer("JWT"))
    now: UnixSeconds = NOON

    @property
    def transmitter(self) -> Transmitting:
        return transmitter_on(self.control, self.openid.signer, KeptPushes(), Bell())

    def gateway_assertion(self) -> GatewayAssertion:
        """How the console's host knows its callers."""
        verifier = AssertionVerifier(ISSUER, lambda: [self.signer.jwk])
        return GatewayAssertion(verifier, self.control.live, [CONSOLE])

    def context(self, authenticator: Authenticator) -> Context:
        return Context(
            control=self.control,
            openid=self.openid,
            transmitter=self.transmitter,
            federation=self.federation,
            receiver=self.receiver,
            directory=self.store.directory,
            proofing=proofing_on(self.control),
            osquery=osquery_on(self.control),
            fleet=fleet_on(self.control),
            heads=self.heads,
            sealer=AesGcmSealer(bytes(32)),
            authenticator=authenticator,
            clock=lambda: self.now,
            auth_origin="http://auth.doorward.localhost:8080",
            invitation_seconds=3600,
        )

    async def provision(self, count: int) -> None:
        """Have a directory add `count` people, `person-000` and on, every seventh inactive."""
        act = Act("service:reports", self.now - 90.0)
        for number in range(count):
            details = Details(
                user_name=f"person-{number:03d}",
                display_name=f"{('Zoë', 'Łukasz', 'Ολγα')[number % 3]} Müller {number}",
                active=number % 7 != 0,
                addresses=(Address(value=f"person-{number:03d}@example.test"),),
            )
            await provision_person(self.control, act, b"{}", details)

    async def receive_signals(self) -> None:
        """Declare two transmitters, one with a stream, and have received three signals of it."""
        events: tuple[SignalName, ...] = ("session-revoked", "account-disabled")
        domains = ("example.test",)
        first = Transmitter(
            id=TransmitterId("work"),
            name="Work sign-in",
            issuer="https://login.work.example",
            events=events,
            domains=domains,
        )
        second = Transmitter(
            id=TransmitterId("fleet"),
            name="Device fleet",
            issuer="https://fleet.example",
            delivery="poll",
            events=("device-compliance-change",),
            effects=("device-health",),
        )
        stream = StreamRecord(
            transmitter=first.id,
            issuer=first.issuer,
            stream="s-1",
            status="enabled",
            verified_at=self.now - 3600,
            heard_at=self.now - 40,
        )
        signals: tuple[tuple[str, str, Outcome, str], ...] = (
            ("caep/event-type/session-revoked", "user:bob", "applied", "2 sessions ended"),
            ("risc/event-type/account-disabled", "user:carol", "effect-not-allowed", ""),
            ("caep/event-type/session-revoked", "unknown iss_sub", "subject-unknown", ""),
        )
        async with self.store.transaction() as transaction:
            await transaction.snapshot.publish(
                [change("transmitter", first), change("transmitter", second)]
            )
            await transaction.receiver.streams.put(stream)
            for number, (uri, subject, outcome, detail) in enumerate(signals):
                signal = NewSignal(
                    transmitter=first.id,
                    jti=f"jti-{number}",
                    type=f"https://schemas.openid.net/secevent/{uri}",
                    subject=subject,
                    at=self.now - 60,
                    received_at=self.now - 50,
                    outcome=outcome,
                    detail=detail,
                )
                await transaction.receiver.signals.append(signal)

    def console(self) -> ASGIApp:
        """The console's host, API included, behind a gateway that lets everything in."""
        return self.behind(console_host.app(self.context(self.gateway_assertion())))

    def behind(self, application: ASGIApp) -> ASGIApp:
        """`application` behind a gateway that lets everything in and says what it decided.

        An assertion of ours that names no action and no area is signed anew with those of the
        request; everything else stays as it was sent.
        """

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            resources = self.control.live.current.resources
            path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
            headers = []
            for name, sent in scope["headers"]:
                value = sent
                said = self._said(value.decode()) if name == b"doorward-assertion" else None
                resource = resources.get(ResourceId(said.aud)) if said else None
                if said and resource and not (said.action or said.area):
                    action, area = classify(resource, scope["method"], path)
                    decided = msgspec.structs.replace(said, action=action, area=area)
                    value = self.signer.sign(decided).encode()
                headers.append((name, value))
            await application({**scope, "headers": headers}, receive, send)

        return served

    def _said(self, assertion: str) -> AssertionClaims | None:
        try:
            key = ECKey.import_key({**self.signer.jwk})
            token = jws.deserialize_compact(assertion, key, ["ES256"])
            return msgspec.json.decode(token.payload, type=AssertionClaims)
        except (JoseError, ValueError):
            return None

    def claims(self, **changed: object) -> AssertionClaims:
        """What the gateway says of alice at the console, with some of it changed."""
        claims = AssertionClaims(
            iss=ISSUER,
            aud="console",
            sub="alice",
            sid="ses_alice",
            email="alice@example.test",
            name="Alice Adams",
            groups=("platform",),
            iat=int(self.now),
            exp=int(self.now) + 60,
        )
        return msgspec.structs.replace(claims, **changed)

    def headers(self, **changed: object) -> dict[str, str]:
        """The gateway's header; add Sec-Fetch-Site to be one of the console's own pages."""
        return {"doorward-assertion": self.signer.sign(self.claims(**changed))}


async def office(http: ProviderHttp | None = None, signals: SignalsThere | None = None) -> Office:
    store = MemoryStore()
    control = control_plane(store)
    gateways = control.gateways
    assert isinstance(gateways, ObedientGateways)
    async with store.transaction() as transaction:
        await transaction.snapshot.publish(_documents())
        for entry in _sign_ins():
            await transaction.sign_ins.append(entry)
        await transaction.federation.put(
            FederatedIdentity(
                provider=ProviderId("work"),
                issuer=WORK_ISSUER,
                subject="s-bob",
                user=UserId("bob"),
                linked_at=NOON - 90_000,
                last_used_at=NOON - 600,
                email="bob@work.example",
            )
        )
        await transaction.credentials.put(_passkey())
        await transaction.credentials.put(Password(user=UserId("bob"), hash="phc"))
        await transaction.credentials.put(
            Totp(user=UserId("bob"), sealed_secret=b"sealed", last_step=0)
        )
        await transaction.recovery_codes.replace(UserId("bob"), ["5e" * 32], NOON - 86400)
        await transaction.recoveries.put(_recovery())
        await transaction.devices.attestations.put([_attestation("laptop-7")])
        for stream in office_streams(NOON):
            await transaction.signals.streams.put(stream)
    gateways.waited.append(1)
    openid = Provider(
        control=control,
        signer=QuickSigner(),
        logouts=KeptLogouts(),
        throttle=SlidingWindowThrottle({}),
        issuer="http://auth.doorward.localhost:8080",
        session_seconds=3600,
        country={"198.51.100.49": "DE"}.get,
    )
    reached = http or Providers(OidcProvider(WORK_ISSUER, lambda: NOON))
    there = signals or SignalsThere("https://signals.work.example", lambda: NOON)
    receiver = receiver_on(control, SignalWire(there))
    company = Office(store, control, gateways, openid, federation_on(control, reached), receiver)
    await set_user_risk(
        control, Act("operator", NOON - 900), UserId("carol"), 72, "impossible travel"
    )
    await _identities(store)
    async with store.transaction() as transaction:
        for algorithm in ALGORITHMS:
            made = openid.signer.generate(algorithm, NOON - 86_400, NOON - 86_400)
            await transaction.openid.keys.put(made)
        for sid, user in (("sid_0001", "alice"), ("sid_0002", "bob")):
            signed_in = ClientSession(
                sid=sid,
                client=ClientId("wiki"),
                session=SessionId(f"ses_{user}"),
                user=UserId(user),
                since=NOON - 300,
            )
            await transaction.openid.sessions.put(signed_in)
    async with store.transaction() as transaction:
        company.heads.head = head_of((await transaction.audit.latest(1))[0])
    await store.append_decisions(decisions())
    return company


def _sign_ins() -> list[NewSignIn]:
    """Bob's newest is a failure of a hostile browser."""
    signed_in = NewSignIn(
        at=NOON - 600,
        user=UserId("bob"),
        outcome="signed-in",
        methods=("passkey",),
        address="192.0.2.7",
        user_agent="Firefox",
        session=SessionId("ses_bob"),
        aal=2,
    )
    rejected = NewSignIn(
        at=NOON - 60,
        user=UserId("bob"),
        outcome="rejected",
        methods=("password",),
        address="203.0.113.9",
        user_agent=HOSTILE,
        why="wrong-code",
    )
    return [signed_in, rejected]


async def _identities(store: MemoryStore) -> None:
    """alice verifies: she works dave's case, and has verified bob."""
    evidence = an_evidence(id="ide_0001", recorded_by=UserId("alice"), recorded_at=NOON - 60)
    case = a_case(
        "idc_0001",
        subject=UserId("dave"),
        verifier=UserId("alice"),
        evidence=(evidence,),
        opened_at=NOON - 3600,
        expires_at=NOON + 86400,
    )
    verification = a_verification(
        "idv_0001",
        user=UserId("bob"),
        verifier=UserId("alice"),
        account_name="Bob Baker",
        at=NOON - 86400,
        until=NOON + 10 * 86400,
    )
    training = Training(
        user=UserId("alice"),
        trained_at=NOON - 86400,
        expires_at=NOON + 86400,
        recorded_by="operator",
    )
    async with store.transaction() as transaction:
        await transaction.identity.trainings.put(training)
        await transaction.identity.cases.put(case)
        await transaction.identity.verifications.add(verification)


def _documents() -> list[Change]:
    documents: list[tuple[Kind, Document]] = [
        ("group", Group(id=GroupId("platform"), name="Platform")),
        ("group", Group(id=GroupId("payroll"), name="Payroll staff")),
        ("role", Role(id=RoleId("on-call"), name="On call")),
        ("role", Role(id=VERIFIER_ROLE, name="Verifies identities")),
        ("user", _person("alice", "Alice Adams", "platform", role=VERIFIER_ROLE)),
        ("user", _person("bob", "Bob Baker", "payroll")),
        ("user", _person("carol", f"Carol {HOSTILE}", "payroll")),
        ("user", _person("dave", "Dave Dunn")),
        ("service", Service(id=ServiceId("reports"), name="Nightly reports")),
        ("label", Label(id=LabelId("public"), name="Public", sensitivity=0)),
        ("label", Label(id=LabelId("restricted"), name="Restricted", sensitivity=80)),
        ("resource", _resource("console", "Console", "control", "restricted")),
        ("resource", _resource("payroll", "Payroll", "http://127.0.0.1:9001", "restricted")),
        (
            "client",
            Client(
                id=ClientId("wiki"),
                name="Wiki",
                resource=ResourceId("handbook"),
                redirect_uris=("https://wiki.example.org/openid/callback",),
                scopes=("profile", "groups", "offline_access"),
            ),
        ),
        ("resource", _resource("handbook", "Handbook", "http://127.0.0.1:9002", "public")),
        ("provider", declared("work", match="email", domains=("example.test",))),
        (
            "policy",
            Policy(
                id=PolicyId("payroll-at-work"),
                text=PAYROLL_POLICY,
                file="policies.cedar",
                line=12,
                description="Payroll staff, at work, by passkey, on a healthy device.",
            ),
        ),
        (
            "policy",
            Policy(
                id=PolicyId("console-for-alice"),
                text=CONSOLE_POLICY,
                file="policies.cedar",
                line=21,
                description="Alice runs doorward.",
            ),
        ),
        ("session", _session("ses_alice", "alice", 3600)),
        ("session", _session("ses_bob", "bob", 600)),
        (
            "cookie",
            ResourceCookie(
                id="c0" * 32, session=SessionId("ses_bob"), resource=ResourceId("payroll")
            ),
        ),
        ("device", _device("laptop-7", "bob", healthy=True)),
        ("device", _device("laptop-9", "dave", healthy=False)),
        (
            "service_token",
            ServiceToken(
                id=ServiceTokenId("dwt_0001"),
                service=ServiceId("reports"),
                secret_hash="5e" * 32,
                resources=(ResourceId("payroll"),),
                issued_at=NOON - 86400,
                expires_at=NOON + 30 * 86400,
            ),
        ),
    ]
    return [change(kind, document) for kind, document in documents]


def _passkey() -> Passkey:
    return Passkey(
        id="passkey-of-bob",
        user=UserId("bob"),
        name=f"Key {HOSTILE}",
        public_key=b"cose",
        sign_count=4,
        transports=("usb",),
        aaguid="2fc0579f-8113-47ea-b116-bb5a8db9202a",
        created_at=NOON - 86400,
        last_used_at=NOON - 600,
        attested=True,
        backup_eligible=False,
    )


def _attestation(device: str) -> AttestationRecord:
    return AttestationRecord(
        device=DeviceId(device),
        endorsement="ee" * 32,
        certificate="cc" * 32,
        ak_public=b"ak",
        key=key_of(device),
        since=NOON - 86400,
    )


def _recovery() -> Recovery:
    """Carol cannot sign in, and reads out `APPROVAL_CODE`."""
    return Recovery(
        id="rec_0001",
        user=UserId("carol"),
        flow="f1" * 32,
        sealed_code=sealed_for(AesGcmSealer(bytes(32)), "rec_0001", APPROVAL_CODE),
        code_hash=HmacUserCodes(bytes(32)).hash(APPROVAL_CODE),
        requested_at=NOON - 60,
        expires_at=NOON + 840,
        address="203.0.113.9",
        user_agent=f"Mozilla/5.0 {HOSTILE}",
    )


def _person(user: str, name: str, *groups: str, role: RoleId | None = None) -> User:
    return User(
        id=UserId(user),
        name=name,
        email=f"{user}@example.test",
        groups=tuple(GroupId(group) for group in groups),
        roles=() if role is None else (role,),
    )


def _resource(resource: str, name: str, upstream: str, label: str) -> Resource:
    return Resource(
        id=ResourceId(resource),
        name=name,
        host=resource,
        upstream=upstream,
        label=LabelId(label),
        owner=UserId("alice"),
        timezone="Europe/Berlin",
        description=f"{name} of the company.",
        rules=(ActionRule(path="/run/*", action="write", methods=("GET",)),),
    )


def _session(session: str, user: str, age_seconds: float) -> Session:
    return Session(
        id=SessionId(session),
        user=UserId(user),
        started_at=NOON - age_seconds,
        expires_at=NOON + 28800,
        authenticated_at=NOON - age_seconds,
        methods=("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        address="192.0.2.17",
        user_agent=f"Mozilla/5.0 (X11; Linux x86_64) {HOSTILE}",
    )


def _device(device: str, owner: str, *, healthy: bool | None) -> Device:
    return Device(
        id=DeviceId(device),
        owner=UserId(owner),
        key=key_of(device),
        healthy=healthy,
        risk=0 if healthy else 40,
        reason="" if healthy else "disk encryption is off",
    )


def decisions() -> list[DecisionRecord]:
    facts = {
        "principal": {"id": "bob", "groups": ["payroll"], "risk": 0},
        "resource": {"id": "payroll", "label": "restricted", "sensitivity": 80},
        "context": {"minute_of_day": 780, "weekday": 1, "device": {"healthy": True}},
    }
    first = decision_record(1, facts=facts, policies=("payroll-at-work",))
    return [
        first,
        decision_record(2, source="ticket", decision=first.id, facts={}),
        decision_record(
            3,
            subject="dave",
            session="ses_dave",
            reason="no-policy-permits",
            facts=facts,
            remedies=(Remedy(kind="ask-access", target="alice"), Remedy(kind="step-up")),
        ),
        decision_record(4, subject="", session="", reason="not-signed-in", path=f"/{HOSTILE}?q=1"),
        decision_record(5, subject="service:reports", session="", reason="token-out-of-scope"),
        decision_record(
            6, subject="alice", session="ses_alice", resource="console", path="/decisions"
        ),
    ]


def decision_record(
    number: int,
    *,
    subject: str = "bob",
    session: str = "ses_bob",
    resource: str = "payroll",
    reason: ReasonCode = "permitted",
    source: Literal["engine", "ticket", "stream"] = "engine",
    decision: str = "",
    facts: object = None,
    policies: tuple[str, ...] = (),
    remedies: tuple[Remedy, ...] = (),
    path: str = "/employees",
) -> DecisionRecord:
    own = f"dec_{number:04d}"
    return DecisionRecord(
        id=DecisionId(own),
        at=NOON - 600 + number * 10,
        gateway=GatewayId("gateway-1"),
        source=source,
        decision=DecisionId(decision or own),
        outcome="allow" if reason == "permitted" else "deny",
        reason=reason,
        snapshot=1,
        policies=tuple(PolicyId(policy) for policy in policies),
        remedies=remedies,
        facts=msgspec.Raw(msgspec.json.encode(facts or {})),
        subject=subject,
        session=session,
        device="laptop-7" if subject == "bob" else "",
        resource=resource,
        action="read",
        method="GET",
        path=path,
        address="192.0.2.17",
        country="DE",
        networks=("office",),
        latency_us=84,
    )
