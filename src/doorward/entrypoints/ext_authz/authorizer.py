"""Answers the check: question, lookup, decision, answer. Denies whatever goes wrong on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable

from doorward.enforcement.envoy.check import STREAM_HEADER
from doorward.engine import classify
from doorward.engine.devices import service_claimed
from doorward.entrypoints.ext_authz.allowing import (
    Assertions,
    Signer,
    Tickets,
    identity_headers,
    identity_of,
)
from doorward.entrypoints.ext_authz.credentials import verified_session, verified_token
from doorward.entrypoints.ext_authz.decision_point import Asked, Decided, DecisionPoint
from doorward.entrypoints.ext_authz.denying import Denials
from doorward.entrypoints.ext_authz.http_server import HttpRequest, HttpResponse
from doorward.entrypoints.ext_authz.question import (
    Hosts,
    Question,
    QuestionRefusedError,
    read_question,
)
from doorward.model.decision import AccessRequest, Allow, ReasonCode
from doorward.model.estate import Resource
from doorward.model.ids import ResourceId

_LOG = logging.getLogger(__name__)


class Authorizer:
    """One decision process's answers to its Envoy."""

    def __init__(
        self,
        point: DecisionPoint,
        domain: str,
        *,
        tickets: Signer,
        assertions: Assertions,
        denials: Denials,
        country: Callable[[str], str | None],
        open_stream: Callable[[Asked, Decided, Resource], str | None],
    ) -> None:
        """`open_stream` registers what the relay will carry; its one-time id, or None."""
        self._point = point
        self._hosts = Hosts(domain)
        self._tickets = Tickets(tickets)
        self._assertions = assertions
        self._denials = denials
        self._country = country
        self._open_stream = open_stream

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to one check. Never raises: what is not understood is denied."""
        try:
            return self._answer(request)
        except Exception:  # noqa: BLE001 - a defect here must deny, not end the process
            _LOG.exception("a check could not be answered")
            return HttpResponse(403, [("cache-control", "no-store")])

    def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            question = read_question(request)
        except QuestionRefusedError:
            return self._refused("", request, "request-refused")
        snapshot = self._point.snapshot
        resource = self._hosts.resource(question.host, snapshot.resources)
        # While Envoy's routes are those of another snapshot, a host may lead elsewhere.
        if resource is None or resource.id != question.routed:
            return self._refused(question.address, request, "resource-unknown")
        action, area = classify(resource, question.method, question.target)
        access = AccessRequest(
            resource=resource.id,
            action=action,
            area=area,
            address=question.address,
            session=verified_session(question.credentials, resource.id, snapshot),
            service_token=verified_token(question.credentials, snapshot),
            country=self._country(question.address),
            certificate=question.certificate,
        )
        asked = Asked(access, question.method, question.path)
        presented = question.credentials.session_secret or question.credentials.token_id
        ambiguous = presented and service_claimed(question.certificate) is not None
        if ambiguous or (question.cross_site and access.session is not None):
            decided, deny = self._point.refuse(asked, "request-refused")
            return self._denials.response(None, None, access, decided, deny)
        decided = self._point.decide(asked)
        if isinstance(decided.decision, Allow):
            return self._allowed(question, resource, asked, decided, decided.decision)
        return self._denials.response(question, resource, access, decided, decided.decision)

    def _allowed(
        self,
        question: Question,
        resource: Resource,
        asked: Asked,
        decided: Decided,
        allow: Allow,
    ) -> HttpResponse:
        identity = identity_of(asked.request, decided.snapshot)
        if identity is None:
            # An allow without a subject would reach the upstream as nobody.
            return HttpResponse(403, [("cache-control", "no-store")])
        assertion = self._assertions.assertion(identity, asked.request, decided.at)
        headers = identity_headers(identity, assertion, decided)
        if question.relayed:
            stream = self._open_stream(asked, decided, resource)
            if stream is None:
                return HttpResponse(403, [("cache-control", "no-store")])
            headers.append((STREAM_HEADER, stream))
        elif asked.request.session is not None and self._point.epoch:
            cookie = self._tickets.cookie(
                decided,
                asked.request,
                identity,
                assertion,
                epoch=self._point.epoch,
                valid_until=allow.valid_until,
            )
            if cookie:
                headers.append(("set-cookie", cookie))
        return HttpResponse(200, headers)

    def _refused(self, address: str, request: HttpRequest, reason: ReasonCode) -> HttpResponse:
        access = AccessRequest(resource=ResourceId(""), action="write", address=address)
        path = request.target.split("?", 1)[0].encode("ascii", "replace").decode()
        decided, deny = self._point.refuse(Asked(access, request.method, path), reason)
        return self._denials.response(None, None, access, decided, deny)
