"""Sign-in to applications by OpenID Connect, on the desk of `fakes.sign_in`.

Clients: `wiki` (confidential), `app` (public, on the person's machine), `vault` (asks for a
passkey), `abroad` (asks for a country) and `closed` (nobody may). `Round` is one authorization as
a well-behaved client does it; what a test changes is what an attacker would.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
from joserfc import jwt
from joserfc.jwk import KeySet

from doorward.administrator.control_plane import Act
from doorward.administrator.openid.clients import issue_client_secret
from doorward.administrator.openid.signing_keys import keep_keys
from doorward.model.estate import Client, Policy, Resource
from doorward.model.ids import ClientId, LabelId, PolicyId, ResourceId
from doorward.model.snapshot import Change, change
from doorward.protocol.openid.claims import code_challenge
from tests.fakes.certificates import certificate, header_of
from tests.fakes.openid import KeptLogouts
from tests.fakes.sign_in import ALICE, AUTH, BOB, PASSWORD, Desk, desk

SAME = {"origin": AUTH, "sec-fetch-site": "same-origin"}
CALLBACK = "https://wiki.example.org/cb"
APP_CALLBACK = "http://127.0.0.1/cb"
GOODBYE = "https://wiki.example.org/bye"
BACKCHANNEL = "https://wiki.example.org/backchannel"
VERIFIER = "a-verifier-of-the-well-behaved-client-0123456789"
SHOWN = header_of(certificate("laptop"))

_POLICIES = {
    "wiki": 'permit (principal == User::"alice", action, resource == Resource::"wiki");',
    "app": 'permit (principal, action, resource == Resource::"app");',
    "vault": 'permit (principal, action, resource == Resource::"vault")'
    " when { context.session.phishing_resistant };",
    "abroad": 'permit (principal, action, resource == Resource::"abroad")'
    ' when { context.origin has country && context.origin.country == "DE" };',
    "managed": 'permit (principal, action, resource == Resource::"managed")'
    " when { context has device && context.device has healthy && context.device.healthy };",
}


def client(name: str, **changed: Any) -> Client:
    """A client of that name on a resource of the same name."""
    fields: dict[str, Any] = {
        "id": ClientId(name),
        "name": name.title(),
        "resource": ResourceId(name),
        "redirect_uris": (CALLBACK,),
        "post_logout_redirect_uris": (GOODBYE,),
        "backchannel_logout_uri": BACKCHANNEL,
        "scopes": ("profile", "email", "groups", "offline_access"),
    }
    return Client(**{**fields, **changed})


CLIENTS = (
    client("wiki"),
    client("app", redirect_uris=(APP_CALLBACK,), public=True, id_token_alg="ES256"),
    *(client(name) for name in ("vault", "abroad", "managed", "closed")),
)


def declared() -> list[Change]:
    """The clients, a resource elsewhere for each, and the policies on these."""
    found = []
    for item in CLIENTS:
        resource = Resource(
            id=item.resource,
            name=item.name,
            upstream="external",
            label=LabelId("internal"),
            owner=BOB,
        )
        found += [change("client", item), change("resource", resource)]
    for name, text in _POLICIES.items():
        policy = Policy(id=PolicyId(name), text=f'@id("{name}") {text}', file="p.cedar", line=1)
        found.append(change("policy", policy))
    return found


@dataclass
class Round:
    """One authorization of `client`, in `browser`, and what the client holds of it."""

    stand: Stand
    browser: httpx.AsyncClient
    client: str = "wiki"
    redirect_uri: str = CALLBACK
    verifier: str = VERIFIER
    secret: str | None = None
    answer: dict[str, Any] = field(default_factory=dict)

    def query(self, **changed: str | None) -> str:
        fields = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile email groups offline_access",
            "state": "a-state",
            "nonce": "a-nonce",
            "code_challenge": code_challenge(self.verifier),
            "code_challenge_method": "S256",
            **changed,
        }
        return urlencode({name: value for name, value in fields.items() if value is not None})

    async def authorize(self, **changed: str | None) -> httpx.Response:
        return await self.browser.get(f"/openid/authorize?{self.query(**changed)}")

    async def code(self, **changed: str | None) -> str:
        return led(await self.authorize(**changed))["code"]

    async def post(self, path: str, **fields: str | None) -> httpx.Response:
        """The application's own request, with its own credentials and without the browser's."""
        secret = self.stand.secrets.get(self.client) if self.secret is None else self.secret
        headers = {"x-forwarded-for": "198.51.100.7"}
        if secret:
            pair = base64.b64encode(f"{self.client}:{secret}".encode()).decode()
            headers["authorization"] = f"Basic {pair}"
        else:
            fields = {"client_id": self.client, **fields}
        data = {name: value for name, value in fields.items() if value is not None}
        return await self.stand.desk.client().post(path, data=data, headers=headers)

    async def exchange(self, code: str, **changed: str | None) -> httpx.Response:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **changed,
        }
        answer = await self.post("/openid/token", **fields)
        if answer.status_code == 200:
            self.answer = msgspec.json.decode(answer.content)
        return answer

    async def refresh(self, token: str = "", **changed: str | None) -> httpx.Response:
        wanted = token or self.answer["refresh_token"]
        fields = {"grant_type": "refresh_token", "refresh_token": wanted, **changed}
        answer = await self.post("/openid/token", **fields)
        if answer.status_code == 200:
            self.answer = msgspec.json.decode(answer.content)
        return answer

    async def signed_in(self, **changed: str | None) -> dict[str, Any]:
        """The whole round: the token endpoint's answer."""
        answer = await self.exchange(await self.code(**changed))
        assert answer.status_code == 200, answer.text
        return self.answer

    async def userinfo(self, token: str = "") -> httpx.Response:
        bearer = {"authorization": f"Bearer {token or self.answer['access_token']}"}
        return await self.stand.desk.client().get("/openid/userinfo", headers=bearer)


@dataclass
class Stand:
    """The desk with clients, their secrets, and signing keys."""

    desk: Desk
    secrets: dict[str, str]

    @property
    def logouts(self) -> KeptLogouts:
        sender = self.desk.openid.logouts
        assert isinstance(sender, KeptLogouts)
        return sender

    async def browser(self, name: str = "alice") -> httpx.AsyncClient:
        """A browser in which that person is signed in by password and code."""
        if name not in self.desk.totp_secrets:
            await self.desk.with_password(ALICE if name == "alice" else BOB)
        found = self.desk.client()
        await found.get("/sign-in")
        form = await self.form(name)
        answer = await found.post("/sign-in", data=form, headers=SAME)
        assert answer.status_code == 303, answer.text
        return found

    async def form(self, name: str = "alice") -> dict[str, str]:
        """What that person types, with a code that was not used yet."""
        self.desk.now += 30
        user = ALICE if name == "alice" else BOB
        return {"name": name, "password": PASSWORD, "code": self.desk.code(user)}

    async def round(self, name: str = "wiki", person: str = "alice", **changed: Any) -> Round:
        if name == "app":
            changed = {"redirect_uri": APP_CALLBACK, **changed}
        return Round(self, await self.browser(person), client=name, **changed)

    async def publish(self, *changes: Change) -> None:
        async with self.desk.store.transaction() as transaction:
            await transaction.snapshot.publish(changes)

    async def claims(self, token: str) -> dict[str, Any]:
        """What a token says, verified by the published keys."""
        answer = await self.desk.client().get("/openid/jwks.json")
        keys = KeySet.import_key_set(msgspec.json.decode(answer.content))
        return dict(jwt.decode(token, keys, algorithms=["RS256", "ES256"]).claims)


async def stand() -> Stand:
    office = await desk()
    async with office.store.transaction() as transaction:
        await transaction.snapshot.publish(declared())
    await keep_keys(office.openid, office.now)
    secrets: dict[str, str] = {
        item.id: await issue_client_secret(
            office.control, Act("operator", office.now), item.id, overlap_seconds=0
        )
        for item in CLIENTS
        if not item.public
    }
    return Stand(office, secrets)


def led(answer: httpx.Response) -> dict[str, str]:
    """The parameters with which a browser was led back to the application."""
    assert answer.status_code == 303, answer.text
    return query_of(answer.headers["location"])


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def said(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(answer.content)
    return found
