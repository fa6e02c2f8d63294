"""One request to the sign-in pages: where it arrived, from which browser, and by whose will."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from doorward.administrator.authentication import Browser
from doorward.enforcement.envoy.check import CERTIFICATE_HEADER, certificate_in
from doorward.entrypoints.login.site import Place
from doorward.errors import DoorwardError
from doorward.model.device import ClientCertificate
from doorward.model.ids import UnixSeconds

SESSION_COOKIE = "__Host-doorward-session"
TICKET_COOKIE = "__Host-doorward-ticket"
FLOW_COOKIE = "__Host-doorward-flow"
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")
_MAX_BODY_BYTES = 64 * 1024
_MAX_FIELDS = 40
_MAX_USER_AGENT = 256

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with what every page needs of it. `now` is when it came."""

    request: Request
    place: Place
    now: UnixSeconds

    @property
    def session_secret(self) -> str:
        return self._cookie(SESSION_COOKIE)

    @property
    def flow_secret(self) -> str:
        return self._cookie(FLOW_COOKIE)

    @property
    def wants_json(self) -> bool:
        content_type = self.request.headers.get("content-type", "")
        return content_type.partition(";")[0].strip() == "application/json"

    @property
    def address(self) -> str:
        """The client's address: the last element, which our own gateway wrote."""
        forwarded = self.request.headers.getlist("x-forwarded-for")
        if forwarded:
            return forwarded[-1].rpartition(",")[2].strip()
        return self.request.client.host if self.request.client else ""

    def query(self, name: str) -> str:
        """A query parameter, empty where it is missing or given twice."""
        values = self.request.query_params.getlist(name)
        return values[0] if len(values) == 1 else ""

    @property
    def certificate(self) -> ClientCertificate | None:
        """The browser's certificate, by the gateway's word; None for none that can be read."""
        said = self.request.headers.getlist(CERTIFICATE_HEADER)
        try:
            return certificate_in(said[0]) if len(said) == 1 else None
        except ValueError:
            return None

    def browser(self) -> Browser:
        """Who is at the other end. Raises DoorwardError `cookies-needed` without a flow cookie."""
        if not self.flow_secret:
            raise DoorwardError(
                "cookies-needed",
                "Your browser sent no cookie, and sign-in needs one.",
                "Allow cookies for this address and reload the page.",
            )
        agent = self.request.headers.get("user-agent", "")
        return Browser(
            address=self.address,
            user_agent="".join(filter(str.isprintable, agent))[:_MAX_USER_AGENT],
            flow=hashlib.sha256(self.flow_secret.encode()).hexdigest(),
            certificate=self.certificate,
        )

    def require_same_origin(self) -> None:
        """Refuse what another site made this browser send (CSRF, login CSRF).

        A page without referrers sends `Origin: null`, so fetch metadata decides where it is sent;
        an `Origin` that names another place is refused whatever the metadata says.
        """
        site = self.request.headers.get("sec-fetch-site")
        origin = self.request.headers.get("origin")
        trusted = origin == self.place.origin or (origin in {None, "null"} and site is not None)
        if not trusted or site not in {None, "same-origin"}:
            raise DoorwardError(
                "cross-site-request",
                "This was not sent by a page of this site, so nothing was done.",
                "Open the page again and repeat what you did.",
            )

    async def form(self) -> dict[str, str]:
        """The fields of a URL-encoded form. Raises DoorwardError `request-invalid`."""
        return dict(await self.form_pairs())

    async def form_pairs(self) -> list[tuple[str, str]]:
        """The fields of a URL-encoded form, as often as they are there. Raises as `form`."""
        return _pairs(await self._body())

    def query_pairs(self) -> list[tuple[str, str]]:
        """The query parameters, as often as they are there. Raises as `form`."""
        return _pairs(self.request.scope["query_string"])

    async def json(self, kind: type[Body]) -> Body:
        """The body as `kind`. Raises DoorwardError `request-invalid`."""
        if not self.wants_json:
            raise _invalid()
        try:
            return msgspec.json.decode(await self._body(), type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _invalid() from error

    async def _body(self) -> bytes:
        body = bytearray()
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                raise _invalid()
        return bytes(body)

    def _cookie(self, name: str) -> str:
        value = self.request.cookies.get(name, "")
        return value if _SECRET.fullmatch(value) else ""


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise _invalid() from error


def _invalid() -> DoorwardError:
    return DoorwardError("request-invalid", "This request is not well formed.", "Reload the page.")
