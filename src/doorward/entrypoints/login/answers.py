"""Answers of the sign-in pages: HTML, JSON, redirects, errors, cookies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec
from starlette.responses import RedirectResponse, Response

from doorward.administrator.authentication import TooManyAttemptsError
from doorward.entrypoints.pages.headers import ORIGIN_ISOLATION, page_headers
from doorward.entrypoints.pages.templates import Templates
from doorward.errors import DoorwardError

STATUS: Mapping[str, int] = MappingProxyType(
    {
        "request-invalid": 400,
        "redirect-refused": 400,
        "cookies-needed": 400,
        "code-refused": 400,
        "openid-refused": 400,
        "openid-request-gone": 400,
        "federation-refused": 400,
        "not-signed-in": 401,
        "session-unknown": 401,
        "cross-site-request": 403,
        "sign-in-rejected": 403,
        "passkey-rejected": 403,
        "authenticator-refused": 403,
        "no-such-passkey": 403,
        "recovery-not-approved": 403,
        "step-up-needed": 403,
        "step-up-rejected": 403,
        "user-disabled": 403,
        "identity-unlinked": 403,
        "provider-declined": 403,
        "case-unknown": 404,
        "not-found": 404,
        "resource-unknown": 404,
        "sign-in-unknown": 404,
        "provider-unknown": 404,
        "identity-unknown": 404,
        "identity-conflict": 409,
        "case-closed": 409,
        "case-open": 409,
        "passkey-unknown": 404,
        "password-unknown": 409,
        "last-credential": 409,
        "too-many-passkeys": 409,
        "invitation-invalid": 410,
        "enrolment-expired": 410,
        "enrolment-unknown": 410,
        "enrolment-code-wrong": 422,
        "device-unknown": 404,
        "host-unknown": 421,
        "password-too-weak": 422,
        "password-leaked": 422,
        "code-wrong": 422,
        "contact-code-wrong": 422,
        "contact-too-often": 429,
        "notice-address-invalid": 422,
        "notice-address-known": 422,
        "notice-address-unknown": 404,
        "passkey-name-invalid": 422,
        "too-many-attempts": 429,
        "internal-error": 500,
        "log-unavailable": 503,
        "provider-client-refused": 502,
        "provider-invalid": 502,
        "password-blocklist-unreadable": 503,
        "provider-unreachable": 503,
        "mail-unsent": 503,
        "seal-broken": 503,
        "sign-in-busy": 503,
        "signing-key-missing": 503,
        "store-conflict": 503,
        "store-full": 503,
        "store-read-only": 503,
        "store-unavailable": 503,
    }
)
"""Error code to HTTP status; a code that is not listed is 500."""

_templates = Templates(Path(__file__).parent / "templates")
# Under `no-referrer` browsers send forms with `Origin: null`; `same-origin` tells others nothing.
_REFERRER = {"referrer-policy": "same-origin"}


def page(
    template: str, *, status: int = 200, form_origins: Sequence[str] = (), **values: object
) -> Response:
    """A page. Redirects of its forms may reach `form_origins`."""
    html = _templates.render(template, **values)
    return Response(html, status, {**page_headers(form_origins), **_REFERRER})


def json(value: object, status: int = 200, media_type: str = "application/json") -> Response:
    """A JSON answer, never cached."""
    headers = {**ORIGIN_ISOLATION, "cache-control": "no-store"}
    return Response(msgspec.json.encode(value), status, headers, media_type)


def redirect(location: str) -> Response:
    """303: the browser asks with GET, whatever it asked with before."""
    headers = {**ORIGIN_ISOLATION, "cache-control": "no-store"}
    return RedirectResponse(location, 303, headers)


def error_status(error: DoorwardError) -> int:
    """The HTTP status of an error."""
    return STATUS.get(error.code, 500)


def error_headers(error: DoorwardError) -> dict[str, str]:
    """`Retry-After` in seconds where waiting helps."""
    if isinstance(error, TooManyAttemptsError):
        return {"retry-after": str(max(1, error.retry_after_seconds))}
    return {"retry-after": "5"} if error_status(error) == STATUS["sign-in-busy"] else {}


def failed(error: DoorwardError, form: Literal["page", "json"]) -> Response:
    """An error as a page in plain words, or as problem+json (RFC 9457)."""
    status = error_status(error)
    if form == "json":
        response = problem(error)
    else:
        text = error.remedy or "Check the address."
        response = page("message.html", status=status, title=error.detail, text=text)
    response.headers.update(error_headers(error))
    return response


def problem(error: DoorwardError, location: str = "") -> Response:
    """An error as problem+json (RFC 9457); `location` is where the page's script goes instead."""
    status = error_status(error)
    document = {
        "type": f"urn:doorward:error:{error.code}",
        "title": error.detail,
        "status": status,
        "code": error.code,
        "remedy": error.remedy,
        **({"location": location} if location else {}),
    }
    return json(document, status, "application/problem+json")


def put_cookie(response: Response, name: str, value: str, max_age_seconds: int) -> None:
    """A cookie for this host alone that no script reads (`__Host-`, RFC 6265bis 4.1.3)."""
    response.set_cookie(
        name, value, max_age=max_age_seconds, path="/", secure=True, httponly=True, samesite="lax"
    )


def drop_cookie(response: Response, name: str) -> None:
    """Make the browser forget a cookie of this host."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
