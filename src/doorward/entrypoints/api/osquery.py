"""Hosts that report by osquery: secrets to enrol with, and which device each host is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.fleet.osquery_ports import HostState, OsqueryHost
from doorward.administrator.osquery.assign import assign_host, remove_host, unassign_host
from doorward.administrator.osquery.listing import ListedHost, listed_host, listed_hosts
from doorward.administrator.osquery.listing import listed_secrets as secrets_of
from doorward.administrator.osquery.secrets import MAX_NOTE, new_secret, revoke_secret
from doorward.entrypoints.api.bodies import Body
from doorward.entrypoints.api.context import Caller, Context, Ports
from doorward.entrypoints.api.views import View
from doorward.model.device import Platform
from doorward.model.ids import DeviceId

router = APIRouter(prefix="/osquery", tags=["osquery"])

LONGEST_SECONDS = 10 * 366 * 86_400


class OsqueryHostView(View):
    """A host, as it describes itself; nothing of that is proved.

    `named_alike` are devices of the same name, while it is none's. `ignored` counts answers that
    meant nothing. `lost` says that its device is gone, or was enrolled anew.
    """

    id: str
    identifier: str
    state: HostState
    device: str | None
    platform: Platform
    name: str
    hardware_uuid: str
    hardware_serial: str
    system: str
    osquery_version: str
    address: str
    secret: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    named_alike: tuple[str, ...]
    ignored: int
    lost: bool


class OsquerySecretView(View):
    """A secret of enrolment, without the secret. `expires_at` is None where it does not end."""

    id: str
    note: str
    created_at: datetime
    expires_at: datetime | None


class NewOsquerySecretView(OsquerySecretView):
    """A new one; `plain` is answered only now."""

    plain: str


class OsqueryRemovedView(View):
    """What is gone."""

    id: str


class SecretBody(Body):
    """What it is for, and how long it holds; None for ever."""

    note: Annotated[str, Field(max_length=MAX_NOTE)] = ""
    lifetime_seconds: Annotated[int, Field(gt=0, le=LONGEST_SECONDS)] | None = None


class AssignmentBody(Body):
    """Which device the host is."""

    device: str


@router.get("/hosts")
async def list_osquery_hosts(ports: Ports, _: Caller) -> list[OsqueryHostView]:
    """Duplicates first, then those that wait to be assigned."""
    return [_view(item) for item in await listed_hosts(ports.osquery)]


@router.put("/hosts/{host}/device")
async def assign_osquery_host(
    ports: Ports, caller: Caller, host: str, body: AssignmentBody
) -> OsqueryHostView:
    """From now on the host's facts are the device's."""
    act = caller.act(ports.clock())
    return _told(ports, await assign_host(ports.osquery, act, host, DeviceId(body.device)))


@router.delete("/hosts/{host}/device")
async def unassign_osquery_host(ports: Ports, caller: Caller, host: str) -> OsqueryHostView:
    """The host is no device's any more."""
    return _told(ports, await unassign_host(ports.osquery, caller.act(ports.clock()), host))


@router.delete("/hosts/{host}")
async def remove_osquery_host(ports: Ports, caller: Caller, host: str) -> OsqueryRemovedView:
    """Its node key is worth nothing any more; with a secret it can enrol again."""
    await remove_host(ports.osquery, caller.act(ports.clock()), host)
    return OsqueryRemovedView(id=host)


@router.get("/secrets")
async def list_osquery_secrets(ports: Ports, _: Caller) -> list[OsquerySecretView]:
    """Secrets of enrolment, the oldest first."""
    return [OsquerySecretView.model_validate(item) for item in await secrets_of(ports.osquery)]


@router.post("/secrets", status_code=201)
async def make_osquery_secret(
    ports: Ports, caller: Caller, body: SecretBody
) -> NewOsquerySecretView:
    """A new secret, told once."""
    act = caller.act(ports.clock())
    ends = None if body.lifetime_seconds is None else act.at + body.lifetime_seconds
    made = await new_secret(ports.control, act, note=body.note, expires_at=ends)
    known = OsquerySecretView.model_validate(made.secret)
    return NewOsquerySecretView(**known.model_dump(), plain=made.plain)


@router.delete("/secrets/{secret}")
async def revoke_osquery_secret(ports: Ports, caller: Caller, secret: str) -> OsqueryRemovedView:
    """Nobody enrols with it any more."""
    await revoke_secret(ports.control, caller.act(ports.clock()), secret)
    return OsqueryRemovedView(id=secret)


def _told(ports: Context, host: OsqueryHost) -> OsqueryHostView:
    return _view(listed_host(ports.osquery, host))


def _view(item: ListedHost) -> OsqueryHostView:
    names = OsqueryHostView.model_fields.keys()
    fields = {name: getattr(item.host, name) for name in names if hasattr(item.host, name)}
    return OsqueryHostView(
        **fields, named_alike=item.named_alike, ignored=item.ignored, lost=item.lost
    )
