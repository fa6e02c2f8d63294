"""osquery's remote API: the endpoints that osqueryd's `tls` plugins speak to.

osqueryd takes every answer for success that is JSON without `error` and without `node_invalid`,
whatever its status. So every refusal says `error`, and an unknown node key is told with 200.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from doorward.administrator.osquery.authenticate import host_with_key
from doorward.administrator.osquery.enrol import Applicant, enrol_host
from doorward.administrator.osquery.hosts import KnownHost
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.osquery.refusals import admit, refused
from doorward.administrator.osquery.schedule import Configuration, configuration_of, due
from doorward.administrator.osquery.take_results import take_log, take_written
from doorward.entrypoints.api.problems import status
from doorward.entrypoints.fleet.osquery_body import body_of
from doorward.entrypoints.unexpected import UnexpectedErrors
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.protocol.osquery import (
    CONFIG,
    ENROL,
    KEY_SCHEME,
    LOG,
    MAX_BODY_BYTES,
    MAX_ENROLMENT_BYTES,
    PREFIX,
    READ,
    WRITE,
    Caller,
    Enrolment,
    Log,
    Written,
    decoded,
)

PREFIXES = (f"{PREFIX}/",)
"""The paths at the sign-in host that are answered here."""

_TRIED = frozenset({"osquery-malformed", "request-too-large"})
"""What osqueryd never sends: somebody tries something."""


class Enrolled(msgspec.Struct, frozen=True):
    """A host's node key."""

    node_key: str
    node_invalid: bool = False


class Accepted(msgspec.Struct, frozen=True):
    """What was sent was taken."""

    node_invalid: bool = False


class Asked(msgspec.Struct, frozen=True):
    """Distributed queries, by name."""

    queries: Mapping[str, str]
    node_invalid: bool = False


class Refused(msgspec.Struct, frozen=True):
    """Why not. With `node_invalid` the host forgets its node key, and enrols again."""

    error: str
    code: str
    node_invalid: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One message as it came. `address` is the client's, by the gateway's word."""

    osquery: Osquery
    body: bytes
    header: str
    address: str
    now: UnixSeconds

    async def host(self) -> KnownHost:
        """Whose it is: found out before the rest of the body is looked at."""
        caller = decoded(self.body, Caller)
        return await host_with_key(
            self.osquery,
            in_body=caller.node_key,
            in_header=self.header,
            address=self.address,
            now=self.now,
        )


async def enrol(call: Call) -> Enrolled:
    """A node key for a host that holds a secret of enrolment."""
    applicant = Applicant(decoded(call.body, Enrolment), call.address)
    return Enrolled(await enrol_host(call.osquery, applicant, call.now))


async def config(call: Call) -> Configuration:
    """What the host is to look at, and how often."""
    return configuration_of(await call.host())


async def log(call: Call) -> Accepted:
    """What it found by its schedule."""
    host = await call.host()
    await take_log(call.osquery, host, decoded(call.body, Log), call.now)
    return Accepted()


async def read(call: Call) -> Asked:
    """What it is asked beside its schedule."""
    return Asked(due(await call.host(), call.now))


async def write(call: Call) -> Accepted:
    """What it found when it was asked."""
    host = await call.host()
    await take_written(call.osquery, host, decoded(call.body, Written), call.now)
    return Accepted()


Handler = Callable[[Call], Awaitable[msgspec.Struct]]

HANDLERS: Mapping[str, Handler] = {
    ENROL: enrol,
    CONFIG: config,
    LOG: log,
    READ: read,
    WRITE: write,
}

_encoder = msgspec.json.Encoder()


def app(osquery: Osquery, clock: Callable[[], UnixSeconds]) -> Starlette:
    """The ASGI application."""
    routes = [_route(osquery, clock, path, handler) for path, handler in HANDLERS.items()]
    found = Starlette(routes=routes)
    found.add_middleware(UnexpectedErrors, answer=_refusal)
    return found


def _route(
    osquery: Osquery, clock: Callable[[], UnixSeconds], path: str, handler: Handler
) -> Route:
    async def endpoint(request: Request) -> Response:
        address, now = _address(request), clock()
        try:
            await admit(osquery, address)
            try:
                body = await body_of(request, most)
                call = Call(osquery, body, _header(request), address, now)
                return _json(await handler(call), HTTPStatus.OK)
            except DoorwardError as error:
                if error.code in _TRIED:
                    await refused(osquery, address, error, now)
                raise
        except DoorwardError as error:
            return _refusal(error)

    most = MAX_ENROLMENT_BYTES if path == ENROL else MAX_BODY_BYTES
    return Route(path, endpoint, methods=["POST"])


def _refusal(error: DoorwardError) -> Response:
    invalid = error.code == "osquery-node-unknown"
    return _json(
        Refused(f"{error.detail} {error.remedy}".strip(), error.code, invalid),
        HTTPStatus.OK if invalid else status(error.code),
    )


def _json(content: msgspec.Struct, code: int) -> Response:
    return Response(
        _encoder.encode(content),
        status_code=code,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


def _header(request: Request) -> str:
    """The node key of `Authorization`; what is said twice, or in another scheme, is none."""
    found = request.headers.getlist("authorization")
    scheme, _, key = found[0].partition(" ") if len(found) == 1 else ("", "", "")
    return key.strip() if scheme.lower() == KEY_SCHEME.lower() else ""


def _address(request: Request) -> str:
    forwarded = request.headers.getlist("x-forwarded-for")
    return forwarded[-1].rpartition(",")[2].strip() if forwarded else ""
