"""Accepting an invitation. Its secret stands in the page's fragment, so no log sees it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from doorward.administrator.accept_invitation import (
    accept_with_passkey,
    accept_with_password,
    begin_registration,
    begin_totp,
    read_invitation,
)
from doorward.entrypoints.login.answers import json, page
from doorward.entrypoints.login.sign_in import begin_session
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import Wiring, with_flow


class _Secret(msgspec.Struct, frozen=True):
    secret: str


class _Registration(msgspec.Struct, frozen=True):
    secret: str
    credential: dict[str, Any]


class _Password(msgspec.Struct, frozen=True):
    secret: str
    ticket: str
    password: str
    code: str


async def show(wiring: Wiring, visit: Visit) -> Response:
    """The page; its script reads the fragment."""
    providers = wiring.federation.providers()
    return with_flow(wiring, visit, page("invitation.html", providers=providers))


async def read(wiring: Wiring, visit: Visit) -> Response:
    """Who is invited."""
    asked = await visit.json(_Secret)
    user = await read_invitation(wiring.authenticators, visit.browser(), asked.secret, visit.now)
    return json({"name": user.name, "email": user.email})


async def passkey_options(wiring: Wiring, visit: Visit) -> Response:
    """Options for a new passkey."""
    asked = await visit.json(_Secret)
    return json(
        await begin_registration(wiring.authenticators, visit.browser(), asked.secret, visit.now)
    )


async def passkey(wiring: Wiring, visit: Visit) -> Response:
    """The new passkey, and with it the first session."""
    asked = await visit.json(_Registration)
    proof = await accept_with_passkey(
        wiring.authenticators, visit.browser(), asked.secret, asked.credential, visit.now
    )
    return await begin_session(wiring, visit, proof, json({"location": "/"}))


async def totp(wiring: Wiring, visit: Visit) -> Response:
    """A new TOTP secret to show as text and QR code."""
    asked = await visit.json(_Secret)
    new = await begin_totp(wiring.authenticators, visit.browser(), asked.secret, visit.now)
    return json(
        {
            "ticket": new.ticket,
            "secret": new.enrolment.secret,
            "qr_path": new.enrolment.qr_path,
            "qr_size": new.enrolment.qr_size,
        }
    )


async def password(wiring: Wiring, visit: Visit) -> Response:
    """Password and first code, and with them the first session."""
    asked = await visit.json(_Password)
    proof = await accept_with_password(
        wiring.authenticators,
        visit.browser(),
        asked.secret,
        ticket=asked.ticket,
        password=asked.password,
        code=asked.code,
        now=visit.now,
    )
    return await begin_session(wiring, visit, proof, json({"location": "/"}))
