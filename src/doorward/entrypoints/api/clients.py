"""Applications that sign people in by OpenID Connect, who is signed in to them, and the keys."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.openid import clients, signing_keys
from doorward.administrator.openid.end_client_session import end_client_session
from doorward.administrator.ports import Store
from doorward.entrypoints.api.bodies import Body
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import EffectView, View
from doorward.model.ids import ClientId, UnixSeconds
from doorward.model.snapshot import Snapshot

router = APIRouter(tags=["applications"])


class ClientView(View):
    """A client as the estate has it; `secrets` counts those that hold, `sessions` who is in."""

    id: str
    name: str
    resource: str
    public: bool
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    backchannel_logout_uri: str
    home: str
    id_token_alg: str
    scopes: tuple[str, ...]
    secrets: int
    sessions: int


class SecretBody(Body):
    """How long former secrets still hold."""

    former_hold_seconds: Annotated[int, Field(ge=0)] = 0


class SecretView(View):
    """A new secret: answered once."""

    client: str
    secret: str


class ClientSessionView(View):
    """A person's sign-in to a client, since when, and the session that it is part of."""

    sid: str
    client: str
    user: str
    session: str
    since: datetime


class KeyView(View):
    """A signing key: its id (`kid`) and when it began, or will begin, to sign."""

    id: str
    algorithm: str
    created_at: datetime
    active_from: datetime
    signs: bool


class RotationBody(Body):
    """Whether the former keys are withdrawn now, after a leak."""

    at_once: bool = False


async def client_views(store: Store, snapshot: Snapshot, now: UnixSeconds) -> list[ClientView]:
    """Every client, by name."""
    async with store.transaction() as transaction:
        secrets = Counter(
            item.client
            for item in await transaction.openid.secrets.all()
            if item.expires_at is None or item.expires_at > now
        )
        sessions = Counter(
            item.client for item in await transaction.openid.sessions.all() if item.ended_at is None
        )
    return [
        ClientView.model_validate(
            {
                **{name: getattr(item, name) for name in item.__struct_fields__},
                "secrets": secrets[item.id],
                "sessions": sessions[item.id],
            }
        )
        for item in sorted(snapshot.clients.values(), key=lambda item: item.name.casefold())
    ]


async def client_session_views(store: Store, client: str | None = None) -> list[ClientSessionView]:
    """Who is signed in to clients now, or to one of them; the newest first."""
    async with store.transaction() as transaction:
        found = await transaction.openid.sessions.all()
    return [
        ClientSessionView.model_validate(item)
        for item in found
        if item.ended_at is None and client in (None, item.client)
    ]


@router.get("/clients")
async def list_clients(ports: Ports, _: Caller) -> list[ClientView]:
    """The applications that the estate declares, without secrets."""
    return await client_views(ports.control.store, ports.control.live.current, ports.clock())


@router.post("/clients/{client}/secret", status_code=201)
async def make_client_secret(
    ports: Ports, caller: Caller, client: str, body: SecretBody
) -> SecretView:
    """Make a client's secret anew."""
    secret = await clients.issue_client_secret(
        ports.control,
        caller.act(ports.clock()),
        ClientId(client),
        overlap_seconds=body.former_hold_seconds,
    )
    return SecretView(client=client, secret=secret)


@router.get("/client-sessions")
async def list_client_sessions(
    ports: Ports, _: Caller, client: str | None = None
) -> list[ClientSessionView]:
    """Who is signed in to applications now, the newest first."""
    return await client_session_views(ports.control.store, client)


@router.delete("/client-sessions/{sid}")
async def end_one_client_session(ports: Ports, caller: Caller, sid: str) -> EffectView:
    """End a sign-in to one application: its tokens are void, and it is told."""
    act = caller.act(ports.clock())
    done = await end_client_session(ports.control, act, sid)
    return EffectView.model_validate(done)


@router.get("/signing-keys")
async def list_signing_keys(ports: Ports, _: Caller) -> list[KeyView]:
    """The published keys, in the order of their use."""
    return await _keys(ports)


@router.post("/signing-keys/rotate")
async def rotate_signing_keys(ports: Ports, caller: Caller, body: RotationBody) -> list[KeyView]:
    """Make the next keys now; `at_once`, withdraw the former."""
    act = caller.act(ports.clock())
    await signing_keys.rotate_keys(ports.openid, act, at_once=body.at_once)
    return await _keys(ports)


async def _keys(ports: Ports) -> list[KeyView]:
    now = ports.clock()
    async with ports.control.store.transaction() as transaction:
        keys = await transaction.openid.keys.all()
    signing = {
        signing_keys.signing(keys, algorithm, now).id
        for algorithm in {key.algorithm for key in keys if key.active_from <= now}
    }
    return [
        KeyView(
            id=key.id,
            algorithm=key.algorithm,
            created_at=datetime.fromtimestamp(key.created_at, UTC),
            active_from=datetime.fromtimestamp(key.active_from, UTC),
            signs=key.id in signing,
        )
        for key in keys
    ]
