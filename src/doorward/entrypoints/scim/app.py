"""The SCIM server as an ASGI application.

Who asks is known before anything of the request is read. Every change is waited for: once it is
answered, the gateways enforce it. A change that is refused for what it says is an audit entry, up
to a limit, so that a system which repeats itself does not fill the audit.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import parse_qsl

import msgspec
import structlog
from pydantic import ValidationError
from scim2_models import (
    Error,
    InvalidSyntaxException,
    InvalidValueException,
    NotFoundException,
    PayloadTooLargeException,
    SCIMException,
)
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation
from scim2_server.service import ScimService
from starlette.types import Receive, Scope, Send

from doorward.administrator.control_plane import Act, effect
from doorward.administrator.provisioning.refuse import note_refusal
from doorward.entrypoints.api.body_size import MAX_BODY_MEBIBYTES
from doorward.entrypoints.scim.context import ScimContext
from doorward.entrypoints.scim.description import MAX_BULK_BYTES, PREFIX, provider
from doorward.entrypoints.scim.errors import scim_error, told
from doorward.entrypoints.scim.filters import require_bounded
from doorward.entrypoints.scim.handler import DirectoryHandler
from doorward.entrypoints.scim.storage import DirectoryStorage
from doorward.errors import DoorwardError

MAX_BODY_BYTES = MAX_BODY_MEBIBYTES * 1024 * 1024

_MAX_SEARCH_BYTES = 64 * 1024
_MAX_PARAMETERS = 50
_READS = frozenset({"GET", "HEAD"})
_BODY_BYTES: Mapping[Operation, int] = MappingProxyType(
    {
        Operation.create: MAX_BODY_BYTES,
        Operation.replace: MAX_BODY_BYTES,
        Operation.patch: MAX_BODY_BYTES,
        Operation.bulk: MAX_BULK_BYTES,
        Operation.search_with_body: _MAX_SEARCH_BYTES,
    }
)
"""How large a body may be; nothing else has one."""

_TOLD_CHARACTERS = 300
_REFUSED_FOR_CONTENT = frozenset({400, 409, 412, 413, 415})

_log = structlog.get_logger(__name__)


class DirectoryProtocol(ScimService):
    """The protocol as `scim2-server` has it, with our errors told in its words."""

    @staticmethod
    def error_of(exception: Exception) -> Error:
        if isinstance(exception, DoorwardError):
            return scim_error(exception).to_error()
        if isinstance(exception, RecursionError):
            return InvalidSyntaxException(detail="This is nested too deeply").to_error()
        if isinstance(exception.__cause__, ValidationError):
            return Error.from_validation_errors(exception.__cause__)[0]
        if isinstance(exception, SCIMException):
            return exception.to_error()
        reference = secrets.token_hex(8)
        _log.error("unexpected error", reference=reference, exc_info=exception)
        return Error(
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
            detail=f"Something went wrong inside doorward (reference {reference}).",
        )


class ScimApplication:
    """Serves `/scim/v2` at the hosts of resources whose upstream is `scim`."""

    def __init__(self, context: ScimContext) -> None:
        self._context = context
        self._service = DirectoryProtocol(provider())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        response = await self._served(scope, receive)
        # Strings of the library's own types are written as the strings that they are.
        body = b"" if response.body is None else msgspec.json.encode(response.body, enc_hook=str)
        headers = {
            **response.headers,
            "cache-control": "no-store",
            "content-length": str(len(body)),
        }
        if response.body is None:
            headers = {k: v for k, v in headers.items() if k.lower() != "content-type"}
        await send(
            {
                "type": "http.response.start",
                "status": int(response.status),
                "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _served(self, scope: Scope, receive: Receive) -> ScimResponse:
        now, headers = self._context.clock(), _headers(scope)
        try:
            with told():
                actor = self._context.authenticator.actor(scope["method"], headers, now)
        except SCIMException as error:
            return self._service.error_response(error)
        act = actor.act(now)
        try:
            request = _request(scope, headers)
            operation = self._service.match(request).operation
            request.body = await _body(receive, _BODY_BYTES.get(operation, 0))
            response = await self._done(request, act)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told and nothing more
            response = self._service.error_response(error)
            if scope["method"] not in _READS and response.status in _REFUSED_FOR_CONTENT:
                await self._note(act, scope, _told(response.body))
        else:
            if operation is Operation.bulk and response.body is not None:
                await self._note_bulk(act, scope, response.body["Operations"])
        return response

    async def _done(self, request: ScimRequest, act: Act) -> ScimResponse:
        storage = DirectoryStorage(self._service, self._context, act)
        try:
            return await DirectoryHandler(self._service, storage).handle(request)
        finally:
            if storage.number:
                await effect(self._context.control, storage.number)

    async def _note_bulk(self, act: Act, scope: Scope, outcomes: list[dict[str, object]]) -> None:
        refused = [item for item in outcomes if int(str(item["status"])) in _REFUSED_FOR_CONTENT]
        if refused:
            first = _told(refused[0].get("response"))
            count = {"operations": f"{len(refused)} of {len(outcomes)}"}
            await self._note(act, scope, first | count)

    async def _note(self, act: Act, scope: Scope, detail: dict[str, str]) -> None:
        if not await self._context.throttle.allow(f"provisioning:{act.actor}"):
            _log.warning("refusal-not-noted", actor=act.actor, code="too-many")
            return
        target = f"scim:{scope['method']} {scope['path']}"[:_TOLD_CHARACTERS]
        try:
            await note_refusal(self._context.control, act, target, detail)
        except DoorwardError as error:
            _log.warning("refusal-not-noted", code=error.code, detail=error.detail)


def _headers(scope: Scope) -> dict[str, str]:
    """By lower-case name; the last of several wins, as for the console."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _request(scope: Scope, headers: Mapping[str, str]) -> ScimRequest:
    """The request without its body. Raises SCIMException."""
    path: str = scope["path"]
    if path != PREFIX and not path.startswith(f"{PREFIX}/"):
        raise NotFoundException(detail=f"Everything is below {PREFIX}")
    # Envoy says how the client came; its own connection to here is always TLS.
    scheme = "http" if headers.get("x-forwarded-proto") == "http" else "https"
    try:
        pairs = parse_qsl(
            scope["query_string"].decode("utf-8", "replace"),
            keep_blank_values=True,
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError:
        raise InvalidValueException(detail="The query has too many parameters") from None
    query = dict(pairs)
    require_bounded(query.get("filter", ""))
    return ScimRequest(
        method=scope["method"],
        base_url=f"{scheme}://{headers.get('host', '')}{PREFIX}",
        path=path.removeprefix(PREFIX),
        query=query,
        headers=headers,
    )


async def _body(receive: Receive, limit: int) -> bytes:
    """The whole body. Raises PayloadTooLargeException, and never holds more than `limit`."""
    body = bytearray()
    while limit:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            raise PayloadTooLargeException(detail=f"The body is larger than {limit} bytes")
        if not message.get("more_body", False):
            break
    return bytes(body)


def _told(error: object) -> dict[str, str]:
    """What an error's answer said, for the audit log."""
    said = error if isinstance(error, Mapping) else {}
    known = ("status", "scimType", "detail")
    return {name: str(said[name])[:_TOLD_CHARACTERS] for name in known if said.get(name)}
