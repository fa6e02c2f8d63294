"""Recovery: a person who cannot sign in asks, waits for a second person, and begins anew."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.background import BackgroundTask
from starlette.responses import Response

from doorward.administrator.notices import notify_person
from doorward.administrator.recovery.complete_recovery import (
    begin_recovery_passkey,
    begin_recovery_totp,
    read_recovery,
    recover_with_passkey,
    recover_with_password,
)
from doorward.administrator.recovery.request_recovery import recovery_of, request_recovery
from doorward.entrypoints.login.answers import error_headers, error_status, json, page, redirect
from doorward.entrypoints.login.sign_in import begin_session
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import Wiring, flow_renewed, with_flow
from doorward.errors import DoorwardError

_PATH = "/recovery"
_LONGEST_NAME = 256
_POLL_SECONDS = 3
_GROUP = 4


class _Registration(msgspec.Struct, frozen=True):
    credential: dict[str, Any]


class _Password(msgspec.Struct, frozen=True):
    ticket: str
    password: str
    code: str


async def show(wiring: Wiring, visit: Visit) -> Response:
    """The form, the code to read out, or the way on: as the request of this browser stands."""
    view = (
        await recovery_of(wiring.authenticators, visit.browser(), visit.now)
        if (visit.flow_secret)
        else None
    )
    if view is None:
        return with_flow(wiring, visit, page("recovery.html", error=None, over=_over(visit)))
    if view.state == "waiting":
        return page(
            "recovery_code.html",
            code=f"{view.code[:_GROUP]} {view.code[_GROUP:]}",
            until=view.expires_at,
            poll_seconds=_POLL_SECONDS,
        )
    user, recovery = await read_recovery(wiring.authenticators, visit.browser(), visit.now)
    return page("recovery_approved.html", person=user, keep=recovery.keep)


async def submit(wiring: Wiring, visit: Visit) -> Response:
    """Ask. Whoever was named, the answer is the same, and the message leaves after it."""
    fields = await visit.form()
    try:
        told = await request_recovery(
            wiring.authenticators,
            visit.browser(),
            fields.get("name", "")[:_LONGEST_NAME],
            visit.now,
        )
    except DoorwardError as error:
        if error.code != "too-many-attempts":
            raise
        response = page("recovery.html", status=error_status(error), error=error, over=False)
        response.headers.update(error_headers(error))
        return response
    response = flow_renewed(visit, redirect(_PATH))
    if told is not None:
        response.background = BackgroundTask(notify_person, wiring.control, *told)
    return response


async def state(wiring: Wiring, visit: Visit) -> Response:
    """Whether the page is to be loaded again."""
    view = await recovery_of(wiring.authenticators, visit.browser(), visit.now)
    return json({"state": view.state if view else "over"})


async def passkey_options(wiring: Wiring, visit: Visit) -> Response:
    """Options for a new passkey."""
    return json(await begin_recovery_passkey(wiring.authenticators, visit.browser(), visit.now))


async def passkey(wiring: Wiring, visit: Visit) -> Response:
    """The new passkey, and with it a session."""
    made = await visit.json(_Registration)
    proof = await recover_with_passkey(
        wiring.authenticators, visit.browser(), made.credential, visit.now
    )
    return await begin_session(wiring, visit, proof, json({"location": "/account/credentials"}))


async def totp(wiring: Wiring, visit: Visit) -> Response:
    """A new TOTP secret to show as text and QR code."""
    new = await begin_recovery_totp(wiring.authenticators, visit.browser(), visit.now)
    return json(
        {
            "ticket": new.ticket,
            "secret": new.enrolment.secret,
            "qr_path": new.enrolment.qr_path,
            "qr_size": new.enrolment.qr_size,
        }
    )


async def password(wiring: Wiring, visit: Visit) -> Response:
    """Password and first code, and with them a session."""
    asked = await visit.json(_Password)
    proof = await recover_with_password(
        wiring.authenticators,
        visit.browser(),
        ticket=asked.ticket,
        password=asked.password,
        code=asked.code,
        now=visit.now,
    )
    return await begin_session(wiring, visit, proof, json({"location": "/account/credentials"}))


def _over(visit: Visit) -> bool:
    """Whether the page says that an earlier request has ended; a comfort, nothing more."""
    return visit.query("over") == "1"
