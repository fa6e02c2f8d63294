"""Sign-in on the store in memory: the real authenticators, quick hashes, a clock that is set.

`desk()` has alice, bob and carol and two resources. Limits are those of the control plane.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import msgspec
import pyotp
from starlette.applications import Starlette

from doorward.adapters.attestation import AttestationRoots
from doorward.adapters.challenges import HmacChallenges
from doorward.adapters.leaked_passwords import NoLeakedPasswords
from doorward.adapters.password_judge import ZxcvbnJudge
from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.adapters.totp import PyotpCodes
from doorward.adapters.user_codes import HmacUserCodes
from doorward.adapters.webauthn import WebAuthnRelyingParty
from doorward.administrator.accept_invitation import (
    accept_with_passkey,
    accept_with_password,
    begin_registration,
    begin_totp,
)
from doorward.administrator.authentication import Authenticators, Browser, Proof
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.ports import ProviderHttp
from doorward.administrator.invite_user import invite_user
from doorward.administrator.mail import Mail
from doorward.administrator.open_session import open_session
from doorward.administrator.openid.provider import Provider
from doorward.administrator.sign_in_passkey import begin_passkey, sign_in_passkey
from doorward.administrator.sign_in_password import sign_in_password
from doorward.bootstrap import LIMITS
from doorward.entrypoints.login import app
from doorward.model.estate import Label, Policy, Resource, User
from doorward.model.identity import Session, Standing
from doorward.model.ids import LabelId, PolicyId, ResourceId, SessionId, UserId
from doorward.model.snapshot import Document, Kind, change
from tests.fakes.attestation import Maker
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.federation import federation_by
from tests.fakes.fleet import fleet_on
from tests.fakes.openid import KeptLogouts, QuickSigner
from tests.fakes.provider import Providers
from tests.fakes.store import KeptMail, MemoryStore, ObedientGateways, StoreLive

NOON = 1795435200.0
DOMAIN = "doorward.localhost"
AUTH_HOST = f"auth.{DOMAIN}"
AUTH = f"https://{AUTH_HOST}:8081"
PAYROLL = f"https://payroll.{DOMAIN}:8081"
HANDBOOK = f"https://handbook.{DOMAIN}:8081"
PASSWORD = "four words in a row"
STEP_SECONDS = 30

HERE = Browser(address="192.0.2.1", user_agent="Test", flow="f1" * 32)
ELSEWHERE = Browser(address="203.0.113.9", user_agent="Test", flow="e2" * 32)
ALICE = UserId("alice")
BOB = UserId("bob")


class CountingHasher:
    """Port `PasswordHasher` that counts its work instead of doing any."""

    def __init__(self) -> None:
        self.verified = 0
        self.meanwhile: Awaitable[object] | None = None
        """What somebody else does while the next password is verified."""

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, phc: str | None, password: str) -> bool:
        self.verified += 1
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile
        await asyncio.sleep(0)  # as long as a real hash takes, others have their turn
        return phc == f"hash of {password}"


@dataclass
class Desk:
    store: MemoryStore
    gateways: ObedientGateways
    authenticators: Authenticators
    hasher: CountingHasher
    openid: Provider
    federation: Federation
    now: float = NOON
    totp_secrets: dict[str, str] = field(default_factory=dict)
    fleet: Fleet = field(init=False)

    def __post_init__(self) -> None:
        self.fleet = fleet_on(self.control)

    @property
    def control(self) -> ControlPlane:
        return self.authenticators.control

    def app(self, security_contact: str = "") -> Starlette:
        return app(
            self.authenticators,
            clock=lambda: self.now,
            federation=replace(self.federation, authenticators=self.authenticators),
            auth_origins=(f"http://{AUTH_HOST}:8080", AUTH),
            session_seconds=3600,
            security_contact=security_contact,
            openid=self.openid,
            fleet=self.fleet,
        )

    def client(self, origin: str = AUTH, address: str = "192.0.2.1") -> httpx.AsyncClient:
        """A browser on `origin` that has cookies; each call is another browser."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app()),
            base_url=origin,
            headers={"x-forwarded-for": f"198.51.100.99, {address}", "user-agent": "Test"},
        )

    async def invite(self, user: UserId) -> str:
        return await invite_user(self.control, Act("operator", self.now), user, ttl_seconds=3600)

    def device(self, **changed: Any) -> SoftwareAuthenticator:
        return SoftwareAuthenticator(AUTH, AUTH_HOST, **changed)

    def trust(self, *makers: Maker) -> None:
        """Believe what these makers say of their devices."""
        party = WebAuthnRelyingParty(
            rp_id=AUTH_HOST,
            name="example",
            origins=[AUTH],
            roots=AttestationRoots([maker.root for maker in makers]),
        )
        self.authenticators = replace(self.authenticators, relying_party=party)

    async def publish(self, kind: Kind, document: Document) -> None:
        async with self.store.transaction() as transaction:
            await transaction.snapshot.publish([change(kind, document)])

    async def with_passkey(
        self, user: UserId, device: SoftwareAuthenticator | None = None
    ) -> SoftwareAuthenticator:
        device, secret = device or self.device(), await self.invite(user)
        options = await begin_registration(self.authenticators, HERE, secret, self.now)
        await accept_with_passkey(
            self.authenticators, HERE, secret, device.create(options), self.now
        )
        return device

    async def with_password(self, user: UserId, password: str = PASSWORD) -> None:
        secret = await self.invite(user)
        new = await begin_totp(self.authenticators, HERE, secret, self.now)
        self.totp_secrets[user] = new.enrolment.secret
        await accept_with_password(
            self.authenticators,
            HERE,
            secret,
            ticket=new.ticket,
            password=password,
            code=self.code(user),
            now=self.now,
        )
        self.now += STEP_SECONDS

    def code(self, user: UserId, steps: int = 0) -> str:
        """What the person's app shows, `steps` time steps from now."""
        return pyotp.TOTP(self.totp_secrets[user]).at(int(self.now) + steps * STEP_SECONDS)

    async def disable(self, user: UserId) -> None:
        await self.publish("standing", Standing(id=user, disabled=True))

    async def session(
        self, proof: Proof, browser: Browser = HERE, *, age_seconds: float = 0
    ) -> SessionId:
        """A session of whoever proved that, so long ago."""
        act = Act(f"user:{proof.user}", self.now - age_seconds)
        opened = await open_session(
            self.control, act, proof=proof, browser=browser, lifetime_seconds=3600
        )
        return opened.session

    async def at_desk(
        self, user: UserId, *, age_seconds: float = 0, phishing_resistant: bool = True
    ) -> SessionId:
        """A session at the console, authenticated so long ago; one for each person."""
        session = Session(
            id=SessionId(f"ses_desk_{user}"),
            user=user,
            started_at=self.now - age_seconds,
            expires_at=self.now + 3600,
            authenticated_at=self.now - age_seconds,
            methods=("passkey",) if phishing_resistant else ("password", "totp"),
            phishing_resistant=phishing_resistant,
            multi_factor=True,
            aal=2,
            address=HERE.address,
            user_agent=HERE.user_agent,
        )
        await self.publish("session", session)
        return session.id

    async def by_passkey(self, device: SoftwareAuthenticator, browser: Browser = HERE) -> Proof:
        """What signing in with that device proves."""
        options = await begin_passkey(self.authenticators, browser, user=None, now=self.now)
        return await sign_in_passkey(
            self.authenticators, browser, device.get(options), user=None, now=self.now
        )

    async def by_password(self, user: UserId, code: str | None = None) -> Proof:
        """What signing in with the password proves; a code works once, so the clock goes on."""
        proof = await sign_in_password(
            self.authenticators,
            HERE,
            name=user,
            password=PASSWORD,
            code=self.code(user) if code is None else code,
            now=self.now,
        )
        self.now += STEP_SECONDS
        return proof

    @property
    def mailed(self) -> list[Mail]:
        """Every message that was sent, oldest first."""
        mailer = self.control.mailer
        assert isinstance(mailer, KeptMail)
        return mailer.sent

    async def audited(self, act: str) -> list[dict[str, str]]:
        """The details of every audit entry of that act, with its target, oldest first."""
        async with self.store.transaction() as transaction:
            entries = await transaction.audit.entries(after=0, limit=100_000)
        return [{"target": e.target, **e.detail} for e in entries if e.act == act]


async def desk(http: ProviderHttp | None = None) -> Desk:
    """`http` reaches identity providers; without it none answers."""
    store, gateways, hasher = MemoryStore(), ObedientGateways(), CountingHasher()
    control = ControlPlane(store, StoreLive(store), gateways, SystemSecrets(), KeptMail())
    async with store.transaction() as transaction:
        await transaction.snapshot.publish(
            [
                *(change("user", _person(name)) for name in ("alice", "bob", "carol")),
                change("label", Label(id=LabelId("internal"), name="Internal", sensitivity=20)),
                change("resource", _resource("payroll")),
                change("resource", _resource("handbook")),
                change("policy", _POLICY),
            ]
        )
    authenticators = Authenticators(
        control=control,
        hasher=hasher,
        sealer=AesGcmSealer(bytes(32)),
        throttle=SlidingWindowThrottle(LIMITS),
        challenges=HmacChallenges(bytes(32)),
        relying_party=WebAuthnRelyingParty(rp_id=AUTH_HOST, name="example", origins=[AUTH]),
        totp=PyotpCodes("example"),
        judge=ZxcvbnJudge(),
        leaked=NoLeakedPasswords(),
        codes=HmacUserCodes(bytes(32)),
    )
    openid = Provider(
        control=control,
        signer=QuickSigner(),
        logouts=KeptLogouts(),
        throttle=authenticators.throttle,
        issuer=AUTH,
        session_seconds=3600,
        country={"198.51.100.49": "DE"}.get,
    )
    federation = federation_by(authenticators, http or Providers())
    return Desk(store, gateways, authenticators, hasher, openid, federation)


def browser_at(address: str) -> Browser:
    return replace(HERE, address=address)


_POLICY = Policy(
    id=PolicyId("handbook"),
    text='@id("handbook") permit (principal, action, resource == Resource::"handbook");',
    file="policies.cedar",
    line=1,
)


def _person(name: str) -> User:
    return User(id=UserId(name), name=f"{name.title()} Adams", email=f"{name}@example.test")


def _resource(name: str) -> Resource:
    return Resource(
        id=ResourceId(name),
        name=name.title(),
        host=name,
        upstream="http://127.0.0.1:9",
        label=LabelId("internal"),
        owner=BOB,
        description=f"The {name} of the company.",
    )


def as_json(response: httpx.Response) -> dict[str, str]:
    return msgspec.json.decode(response.content, type=dict[str, str])
