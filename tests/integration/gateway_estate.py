"""The estate of the gateway's integration tests, and people who are signed in to it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from hashlib import sha256

from doorward.model.estate import (
    ActionRule,
    Label,
    Policy,
    Resource,
    Service,
    UpstreamProtocol,
    User,
)
from doorward.model.identity import ResourceCookie, ServiceToken, Session, Standing
from doorward.model.ids import (
    LabelId,
    PolicyId,
    ResourceId,
    ServiceId,
    ServiceTokenId,
    SessionId,
    UserId,
)
from doorward.model.snapshot import Change, change, removal

PERMIT = '@id("everyone")\npermit(principal, action, resource);'
FORBID = '@id("everyone")\nforbid(principal, action, resource);'


def policy(text: str) -> Change:
    """The one policy of this estate."""
    return change("policy", Policy(id=PolicyId("everyone"), text=text, file="p.cedar", line=1))


def resource(
    name: str,
    upstream_port: int,
    *,
    protocol: UpstreamProtocol = "http1",
    streams: bool = False,
) -> Change:
    """A resource whose `/admin/*` is for writers."""
    return change(
        "resource",
        Resource(
            id=ResourceId(name),
            name=name.title(),
            host=name,
            upstream=f"http://127.0.0.1:{upstream_port}",
            label=LabelId("internal"),
            owner=UserId("bob"),
            rules=(ActionRule(path="/admin/*", action="write"),),
            protocol=protocol,
            streams=streams,
        ),
    )


def estate(upstream_port: int, websocket_port: int) -> list[Change]:
    """Three resources, everybody permitted."""
    return [
        change("user", User(id=UserId("alice"), name="Alice", email="alice@example.org")),
        change("user", User(id=UserId("bob"), name="Bob", email="bob@example.org")),
        change("service", Service(id=ServiceId("backup"), name="Backup")),
        change("label", Label(id=LabelId("internal"), name="Internal", sensitivity=20)),
        resource("wiki", upstream_port),
        resource("payroll", upstream_port),
        resource("chat", websocket_port),
        policy(PERMIT),
    ]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session of a person and its cookie at one resource."""

    session: str
    secret: str
    changes: tuple[Change, ...]

    @property
    def cookie(self) -> str:
        return f"__Host-doorward-session={self.secret}"

    @property
    def revoked(self) -> Change:
        return removal("session", self.session)


def sign_in(user: str = "alice", at: str = "wiki") -> SignedIn:
    """A new session, to be published."""
    now, secret = time.time(), secrets.token_urlsafe(32)
    session = Session(
        id=SessionId(f"ses_{secrets.token_hex(8)}"),
        user=UserId(user),
        started_at=now,
        expires_at=now + 3600,
        authenticated_at=now,
        methods=("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        address="127.0.0.1",
    )
    cookie = ResourceCookie(
        id=sha256(secret.encode()).hexdigest(), session=session.id, resource=ResourceId(at)
    )
    return SignedIn(session.id, secret, (change("session", session), change("cookie", cookie)))


def standing(user: str, *, disabled: bool) -> Change:
    """A person is disabled, or is not."""
    return change("standing", Standing(id=UserId(user), disabled=disabled))


def service_token() -> tuple[str, Change]:
    """A bearer token for the wiki, and its document."""
    secret, token_id = secrets.token_urlsafe(32), f"dwt_{secrets.token_hex(8)}"
    now = time.time()
    token = ServiceToken(
        id=ServiceTokenId(token_id),
        service=ServiceId("backup"),
        secret_hash=sha256(secret.encode()).hexdigest(),
        resources=(ResourceId("wiki"),),
        issued_at=now,
        expires_at=now + 3600,
    )
    return f"{token_id}.{secret}", change("service_token", token)
