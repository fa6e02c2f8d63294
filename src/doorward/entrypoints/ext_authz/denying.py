"""What a denial looks like: a redirect to sign-in, a page, or problem+json (RFC 9457)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from doorward.engine.devices import device_shown
from doorward.entrypoints.ext_authz.credentials import FLOW_COOKIE
from doorward.entrypoints.ext_authz.decision_point import Decided, subject_of
from doorward.entrypoints.ext_authz.http_server import HttpResponse
from doorward.entrypoints.ext_authz.question import Question
from doorward.entrypoints.pages.denied import Denial, denied_page
from doorward.entrypoints.pages.headers import page_headers
from doorward.entrypoints.pages.words import REASONS
from doorward.model.decision import AccessRequest, Deny, ReasonCode, Remedy, RemedyKind
from doorward.model.device import Device
from doorward.model.estate import Resource
from doorward.model.ids import UserId

_SIGN_IN_REASONS: frozenset[ReasonCode] = frozenset({"not-signed-in", "session-expired"})
_UNAUTHENTICATED: frozenset[ReasonCode] = _SIGN_IN_REASONS | {"token-expired"}
_STEP_UP: tuple[RemedyKind, ...] = (
    "step-up",
    "phishing-resistant",
    "multi-factor",
    "hardware-key",
)
_FLOW_SECONDS = 600
_MAX_RETURN_LENGTH = 2_000


class Denials:
    """Turns denials into answers for this domain."""

    def __init__(self, domain: str, new_secret: Callable[[], str]) -> None:
        self._domain = domain
        self._new_secret = new_secret

    def response(
        self,
        question: Question | None,
        resource: Resource | None,
        request: AccessRequest,
        decided: Decided,
        deny: Deny,
    ) -> HttpResponse:
        """The answer; `question` is None where the request could not even be read."""
        if question is None or resource is None or not question.navigation:
            return _problem(decided, deny)
        if deny.reason in _SIGN_IN_REASONS:
            return self._redirect(question, resource)
        flow, cookie = self._flow(question)
        device = _device(request, decided)
        page = denied_page(
            Denial(
                deny,
                decided.id,
                resource.name,
                timezone=resource.timezone,
                person=_person(request, decided),
                retry=_local(question.target),
                links=self._links(question, resource, decided, deny.remedies, flow, device),
                ailment="" if device is None or device.healthy is not False else device.reason,
            )
        )
        headers = list(page_headers().items())
        if cookie:
            headers.append(("set-cookie", cookie))
        return HttpResponse(403, headers, page.encode())

    def _redirect(self, question: Question, resource: Resource) -> HttpResponse:
        flow, cookie = self._flow(question)
        headers = [
            ("location", self._at_auth(question, resource, "start", flow=flow)),
            ("cache-control", "no-store"),
        ]
        if cookie:
            headers.append(("set-cookie", cookie))
        return HttpResponse(302, headers)

    def _flow(self, question: Question) -> tuple[str, str]:
        """The flow's hash, and the cookie to set where this browser has none yet."""
        secret = question.credentials.flow_secret
        cookie = ""
        if not secret:
            secret = self._new_secret()
            cookie = (
                f"{FLOW_COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax;"
                f" Max-Age={_FLOW_SECONDS}"
            )
        return sha256(secret.encode()).hexdigest(), cookie

    def _at_auth(self, question: Question, resource: Resource, page: str, **more: str) -> str:
        query = urlencode({"resource": resource.id, "return": _local(question.target), **more})
        return f"{self._auth(question)}/{page}?{query}"

    def _auth(self, question: Question) -> str:
        return f"{question.scheme}://auth.{self._domain}{question.port_suffix}"

    def _links(
        self,
        question: Question,
        resource: Resource,
        decided: Decided,
        remedies: tuple[Remedy, ...],
        flow: str,
        device: Device | None,
    ) -> Mapping[RemedyKind, str]:
        links: dict[RemedyKind, str] = {
            "sign-in": self._at_auth(question, resource, "start", flow=flow),
            "verify-identity": f"{self._auth(question)}/account/identity",
            "enrol-device": f"{self._auth(question)}/account/devices/enrol",
            "repair-device": f"{self._auth(question)}/account/devices",
            "attest-device": f"{self._auth(question)}/account/devices",
        }
        if device is not None:
            links["repair-device"] += f"?{urlencode({'device': device.id})}"
        for kind in _STEP_UP:
            links[kind] = self._at_auth(question, resource, "step-up", need=kind)
        for remedy in remedies:
            owner = decided.snapshot.users.get(remedy.target)
            if remedy.kind == "ask-access" and owner is not None:
                subject = quote(f"Access to {resource.name}")
                links["ask-access"] = f"mailto:{quote(owner.email, safe='@')}?subject={subject}"
        return links


def _problem(decided: Decided, deny: Deny) -> HttpResponse:
    status = 401 if deny.reason in _UNAUTHENTICATED else 403
    if deny.reason == "request-refused":
        status = 400
    words = REASONS[deny.reason]
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": words.title,
        "status": status,
        "detail": words.text,
        "reason": deny.reason,
        "remedies": deny.remedies,
        "decision": decided.id,
    }
    headers = [
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ]
    if status == 401:  # noqa: PLR2004 - RFC 9110, 15.5.2 wants a challenge with it
        headers.append(("www-authenticate", 'Bearer realm="doorward"'))
    return HttpResponse(status, headers, msgspec.json.encode(body))


def _person(request: AccessRequest, decided: Decided) -> str:
    user = decided.snapshot.users.get(subject_of(request, decided.snapshot))
    return user.name if user is not None else ""


def _device(request: AccessRequest, decided: Decided) -> Device | None:
    """The person's own device that the request's certificate vouches for."""
    person = UserId(subject_of(request, decided.snapshot))
    return device_shown(request.certificate, person, decided.snapshot, decided.at)


def _local(target: str) -> str:
    """A path to come back to on the same host: browsers read two slashes of any kind as a host."""
    if target[1:2] in {"/", "\\"} or len(target) > _MAX_RETURN_LENGTH:
        return "/"
    return target
