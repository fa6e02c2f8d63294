"""Sign-in on the store in memory: the real authenticators, quick hashes, a clock that is set.

`desk()` has alice, bob and carol and two resources. Limits are those of the control plane.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import httpx
import msgspec
import pyotp
from starlette.applications import Starlette

from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.adapters.totp import PyotpCodes
from doorward.adapters.webauthn import WebAuthnRelyingParty
from doorward.administrator.accept_invitation import (
    accept_with_passkey,
    accept_with_password,
    begin_registration,
    begin_totp,
)
from doorward.administrator.authentication import Authenticators, Browser
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.ports import ProviderHttp
from doorward.administrator.invite_user import invite_user
from doorward.administrator.openid.provider import Provider
from doorward.bootstrap import _LIMITS
from doorward.entrypoints.login import app
from doorward.model.estate import Label, Policy, Resource, User
from doorward.model.ids import LabelId, PolicyId, ResourceId, UserId
from doorward.model.snapshot import change
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.federation import federation_by
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
LIMITS = _LIMITS


class CountingHasher:
    """Port `PasswordHasher` that counts its work instead of doing any."""

    def __init__(self) -> None:
        self.verified = 0

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, phc: str | None, password: str) -> bool:
        self.verified += 1
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

    def device(self) -> SoftwareAuthenticator:
        return SoftwareAuthenticator(AUTH, AUTH_HOST)

    async def with_passkey(self, user: UserId) -> SoftwareAuthenticator:
        device, secret = self.device(), await self.invite(user)
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
        from doorward.model.identity import Standing

        async with self.store.transaction() as transaction:
            await transaction.snapshot.publish(
                [change("standing", Standing(id=user, disabled=True))]
            )

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
        throttle=SlidingWindowThrottle(_LIMITS),
        relying_party=WebAuthnRelyingParty(rp_id=AUTH_HOST, name="example", origins=[AUTH]),
        totp=PyotpCodes("example"),
    )
    openid = Provider(
        control=control,
        signer=QuickSigner(),
        logouts=KeptLogouts(),
        throttle=authenticators.throttle,
        issuer=AUTH,
        session_seconds=3600,
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
