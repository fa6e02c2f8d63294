"""The authorization endpoint: a browser comes from an application, and goes back with a code."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import msgspec
from starlette.responses import Response

from doorward.administrator.attempts import network_of
from doorward.administrator.authentication import TooManyAttemptsError
from doorward.administrator.openid.authorize import (
    CodeIssued,
    SignInDenied,
    SignInFirst,
    StepUpFirst,
    authorize,
)
from doorward.administrator.openid.decisions import Origin
from doorward.administrator.openid.kept_requests import drop_request, keep_request, kept_request
from doorward.entrypoints.login.answers import redirect
from doorward.entrypoints.login.continuation import Continuation
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import SignedIn, Wiring, signed_in, with_flow
from doorward.entrypoints.pages.denied import Denial, denied_page
from doorward.entrypoints.pages.headers import page_headers
from doorward.model.decision import RemedyKind
from doorward.model.estate import Client
from doorward.protocol.openid.addresses import is_registered
from doorward.protocol.openid.authorization import (
    AuthorizationRequest,
    find_client,
    granted_scopes,
    read_request,
)
from doorward.protocol.openid.errors import OpenidRefusedError
from doorward.protocol.openid.metadata import AUTHORIZE
from doorward.protocol.openid.parameters import MAX_VALUE_LENGTH, Parameters

CONTINUE = "/openid/continue/{client}/{handle}"
_STEP_UP: tuple[RemedyKind, ...] = ("step-up", "phishing-resistant", "multi-factor", "hardware-key")
_MAX_QUERY_LENGTH = 8192


async def show(wiring: Wiring, visit: Visit) -> Response:
    """An application's request. What is wrong with it is told to the application, if it is one."""
    parameters = Parameters(visit.query_pairs())
    client, redirect_uri = find_client(parameters, wiring.snapshot.clients)
    try:
        request = read_request(parameters, client, redirect_uri)
    except OpenidRefusedError as error:
        return redirect(_error(wiring, redirect_uri, parameters.get("state"), error))
    return await _answer(wiring, visit, request, client, visit.now, "")


async def posted(_: Wiring, visit: Visit) -> Response:
    """The same by POST (Core 3.1.2.1): asked again by GET, with which the cookies come."""
    query = urlencode(await visit.form_pairs())
    if len(query) > _MAX_QUERY_LENGTH:
        raise OpenidRefusedError("invalid_request", "The request is too long.")
    return redirect(f"{AUTHORIZE}?{query}")


async def go_on(wiring: Wiring, visit: Visit) -> Response:
    """A request that waited while its person signed in, checked against the estate of now."""
    handle = visit.request.path_params["handle"]
    kept = await kept_request(wiring.openid, handle, visit.flow_secret, visit.now)
    client = wiring.snapshot.clients.get(kept.request.client)
    if client is None or not is_registered(client, kept.request.redirect_uri):
        raise OpenidRefusedError("invalid_client", "This application is not known any more.")
    request = msgspec.structs.replace(
        kept.request, scopes=granted_scopes(kept.request.scopes, client)
    )
    return await _answer(wiring, visit, request, client, kept.asked_at, handle)


async def _answer(
    wiring: Wiring,
    visit: Visit,
    request: AuthorizationRequest,
    client: Client,
    asked_at: float,
    handle: str,
) -> Response:
    person = signed_in(wiring, visit)
    origin = Origin(visit.address, visit.certificate, "GET", AUTHORIZE)
    try:
        outcome = await authorize(
            wiring.openid,
            request,
            client,
            None if person is None else person.session,
            origin,
            asked_at=asked_at,
            now=visit.now,
        )
    except OpenidRefusedError as error:
        return redirect(_error(wiring, request.redirect_uri, request.state, error))
    if isinstance(outcome, CodeIssued):
        if handle:
            await drop_request(wiring.openid, handle, visit.now)
        answer = {"code": outcome.code, "state": request.state, "iss": wiring.openid.issuer}
        return redirect(led_to(request.redirect_uri, answer))
    secret = visit.flow_secret or wiring.control.secrets.token()
    if not handle:
        await _admit(wiring, visit)
        handle = await keep_request(wiring.openid, request, secret, visit.now)
    onward = Continuation(path=f"/openid/continue/{quote(client.id)}/{handle}", client=client)
    match outcome:
        case SignInFirst():
            response = redirect(onward.sign_in())
        case StepUpFirst(need):
            response = redirect(_step_up(onward, need))
        case SignInDenied():
            response = _denied(wiring, request, client, person, outcome, onward)
    return with_flow(wiring, visit, response, secret)


def led_to(address: str, parameters: Mapping[str, str]) -> str:
    """`address` with `parameters` added to its query, but for empty ones."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{address}{'&' if '?' in address else '?'}{query}" if query else address


async def _admit(wiring: Wiring, visit: Visit) -> None:
    """Anybody may begin a sign-in, but not without end: each is kept in the store for a while."""
    key = f"openid-address:{network_of(visit.address)}"
    throttle = wiring.openid.throttle
    if not await throttle.allow(key):
        raise TooManyAttemptsError(await throttle.retry_after_seconds(key))


def _error(wiring: Wiring, redirect_uri: str, state: str, error: OpenidRefusedError) -> str:
    """Where the browser goes with an error; with `iss`, against mix-up (RFC 9207, 2)."""
    plain = len(state) <= MAX_VALUE_LENGTH and state.isascii() and state.isprintable()
    return led_to(
        redirect_uri,
        {
            "error": error.error,
            "error_description": error.detail,
            "state": state if plain else "",
            "iss": wiring.openid.issuer,
        },
    )


def _step_up(onward: Continuation, need: str) -> str:
    return f"/step-up?{urlencode({**onward.fields, 'need': need})}"


def _denied(
    wiring: Wiring,
    request: AuthorizationRequest,
    client: Client,
    person: SignedIn | None,
    outcome: SignInDenied,
    onward: Continuation,
) -> Response:
    resource = wiring.snapshot.resources.get(client.resource)
    links: dict[RemedyKind, str] = {kind: _step_up(onward, kind) for kind in _STEP_UP}
    links["sign-in"] = onward.sign_in()
    links |= {
        "enrol-device": "/account/devices/enrol",
        "repair-device": "/account/devices",
        "attest-device": "/account/devices",
    }
    for remedy in outcome.deny.remedies:
        owner = wiring.snapshot.users.get(remedy.target)
        if remedy.kind == "ask-access" and owner is not None:
            subject = quote(f"Access to {client.name}")
            links["ask-access"] = f"mailto:{quote(owner.email, safe='@')}?subject={subject}"
    refused = OpenidRefusedError("access_denied", "The policies keep this person out.")
    denial = Denial(
        outcome.deny,
        outcome.decided.id,
        client.name,
        timezone="UTC" if resource is None else resource.timezone,
        person="" if person is None else person.user.name,
        retry=onward.path,
        links=links,
        back=_error(wiring, request.redirect_uri, request.state, refused),
    )
    return Response(denied_page(denial), 403, page_headers())
