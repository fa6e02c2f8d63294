"""Signing in: the page, the password form, the passkey ceremony."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from doorward.administrator.attempts import network_of, recorded
from doorward.administrator.authentication import Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.end_idle import ended_idle
from doorward.administrator.open_session import AUTH, SessionCookie, open_session
from doorward.administrator.revoke_session import sign_out_session
from doorward.administrator.sign_in_passkey import begin_passkey, open_session_by_passkey
from doorward.administrator.sign_in_password import sign_in_password
from doorward.entrypoints.login.answers import (
    error_headers,
    error_status,
    json,
    page,
    put_cookie,
    redirect,
)
from doorward.entrypoints.login.continuation import Continuation, read_continuation
from doorward.entrypoints.login.visit import SESSION_COOKIE, Visit
from doorward.entrypoints.login.wiring import (
    Wiring,
    session_of_cookie,
    signed_in,
    with_flow,
)
from doorward.errors import DoorwardError
from doorward.model.identity import Session

FORM_ERRORS = frozenset({"sign-in-rejected", "too-many-attempts", "sign-in-busy"})
"""What the form itself says, so that the person can try again."""


class PasskeyAnswer(msgspec.Struct, frozen=True):
    """What the page sends: the authenticator's answer, and where the sign-in leads."""

    credential: dict[str, Any]
    resource: str = ""
    path: str = ""
    flow: str = ""
    need: str = ""

    def field(self, name: str) -> str:
        """A continuation field by its name in forms."""
        return {"resource": self.resource, "return": self.path, "flow": self.flow}.get(name, "")


async def show(wiring: Wiring, visit: Visit) -> Response:
    """The sign-in page; whoever is signed in goes on at once."""
    onward = read_continuation(visit.query, wiring.snapshot)
    if signed_in(wiring, visit) is not None:
        return redirect(onward.start())
    idle = await _went_idle(wiring, visit)
    return with_flow(wiring, visit, _form(wiring, visit, onward, idle=idle))


async def submit(wiring: Wiring, visit: Visit) -> Response:
    """Password and code."""
    fields = await visit.form()
    onward = read_continuation(lambda name: fields.get(name, ""), wiring.snapshot)
    try:
        proof = await sign_in_password(
            wiring.authenticators,
            visit.browser(),
            name=fields.get("name", ""),
            password=fields.get("password", ""),
            code=fields.get("code", ""),
            now=visit.now,
        )
    except DoorwardError as error:
        if error.code not in FORM_ERRORS:
            raise
        response = _form(wiring, visit, onward, error, fields.get("name", ""))
        response.headers.update(error_headers(error))
        return response
    async with recorded(
        wiring.authenticators,
        visit.browser(),
        method="password",
        target=f"user:{proof.user}",
        at=visit.now,
    ):
        return await begin_session(wiring, visit, proof, redirect(onward.start()))


async def passkey_options(wiring: Wiring, visit: Visit) -> Response:
    """Options for any passkey of anybody."""
    return json(
        await begin_passkey(wiring.authenticators, visit.browser(), user=None, now=visit.now)
    )


async def passkey(wiring: Wiring, visit: Visit) -> Response:
    """The authenticator's answer."""
    answer = await visit.json(PasskeyAnswer)
    onward = read_continuation(answer.field, wiring.snapshot)
    former = session_of_cookie(wiring, visit, AUTH)
    cookie = await open_session_by_passkey(
        wiring.authenticators,
        visit.browser(),
        answer.credential,
        now=visit.now,
        lifetime_seconds=wiring.session_seconds,
    )
    response = json({"location": onward.start()})
    return await _begun(wiring, visit, former, cookie, response)


async def begin_session(wiring: Wiring, visit: Visit, proof: Proof, response: Response) -> Response:
    """`response` with the cookie of a new session; one that this browser had before ends.

    The id is always new: one that an attacker planted is worth nothing (session fixation).
    """
    former = session_of_cookie(wiring, visit, AUTH)
    cookie = await open_session(
        wiring.control,
        Act(f"user:{proof.user}", visit.now),
        proof=proof,
        browser=visit.browser(),
        lifetime_seconds=wiring.session_seconds,
    )
    return await _begun(wiring, visit, former, cookie, response)


async def _begun(
    wiring: Wiring,
    visit: Visit,
    former: Session | None,
    cookie: SessionCookie,
    response: Response,
) -> Response:
    if former is not None:
        act = Act(f"user:{former.user}", visit.now)
        await sign_out_session(wiring.control, act, former.id, "signed in anew")
    put_cookie(response, SESSION_COOKIE, cookie.secret, int(wiring.session_seconds))
    return response


async def _went_idle(wiring: Wiring, visit: Visit) -> bool:
    """Whether this browser was signed in until nobody used its session for too long."""
    key = f"idle-look:{network_of(visit.address)}"
    if not visit.session_secret or not await wiring.authenticators.throttle.allow(key):
        return False
    return await ended_idle(wiring.control, visit.session_secret, visit.now)


def _form(
    wiring: Wiring,
    visit: Visit,
    onward: Continuation,
    error: DoorwardError | None = None,
    name: str = "",
    *,
    idle: bool = False,
) -> Response:
    return page(
        "sign_in.html",
        status=200 if error is None else error_status(error),
        form_origins=onward.form_origins(visit.place),
        onward=onward,
        providers=wiring.federation.providers(),
        error=error,
        name=name,
        idle=idle,
    )
