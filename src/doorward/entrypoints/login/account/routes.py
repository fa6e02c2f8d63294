"""The addresses of a person's own pages."""

from __future__ import annotations

from starlette.routing import BaseRoute

from doorward.entrypoints.login.account import (
    access,
    credentials,
    devices,
    enrol,
    identity,
    links,
    notice_address,
    overview,
    sessions,
    sign_ins,
)
from doorward.entrypoints.login.account.visit import account_act, account_page
from doorward.entrypoints.login.wiring import Wiring


def account_routes(wiring: Wiring) -> list[BaseRoute]:
    """Every page and every act below `/account`."""
    return [
        account_page(wiring, "/account", overview.show),
        *_credentials(wiring),
        account_page(wiring, "/account/sessions", sessions.show),
        account_act(wiring, "/account/sessions/end", sessions.end),
        account_act(wiring, "/account/sessions/end-others", sessions.end_others),
        account_act(wiring, "/account/sessions/end-all", sessions.sign_out_of_all),
        account_act(wiring, "/account/sign-out", sessions.sign_out),
        account_page(wiring, "/account/devices", devices.show),
        account_act(wiring, "/account/devices/remove", devices.remove),
        account_act(wiring, "/account/devices/lost", devices.lost),
        account_page(wiring, enrol.HERE, enrol.show),
        account_act(wiring, f"{enrol.HERE}/code", enrol.claim),
        account_act(wiring, f"{enrol.HERE}/approve", enrol.approve),
        account_act(wiring, f"{enrol.HERE}/refuse", enrol.refuse),
        account_page(wiring, "/account/sign-ins", sign_ins.show),
        account_act(wiring, "/account/sign-ins/disown", sign_ins.disown),
        account_page(wiring, "/account/identity", identity.show),
        account_act(wiring, "/account/identity/code", identity.send),
        account_act(wiring, "/account/identity/confirm", identity.confirm),
        account_act(wiring, "/account/identity/case", identity.open_case),
        account_act(wiring, "/account/identity/withdraw", identity.withdraw_case),
        account_page(wiring, notice_address.HERE, notice_address.show),
        account_act(wiring, f"{notice_address.HERE}/code", notice_address.send),
        account_act(wiring, f"{notice_address.HERE}/confirm", notice_address.confirm),
        account_act(wiring, f"{notice_address.HERE}/remove", notice_address.remove),
        account_page(wiring, "/account/access", access.show),
        account_page(wiring, "/account/links", links.show),
        account_act(wiring, "/account/links/link", links.link),
        account_act(wiring, "/account/links/remove", links.remove),
    ]


def _credentials(wiring: Wiring) -> list[BaseRoute]:
    here = credentials.HERE
    scripts = {
        "/passkeys/options": credentials.passkey_options,
        "/passkeys": credentials.passkey,
        "/totp": credentials.totp,
        "/password": credentials.password,
    }
    forms = {
        "/passkeys/rename": credentials.rename,
        "/passkeys/remove": credentials.remove,
        "/password/remove": credentials.remove_password,
        "/recovery-codes": credentials.recovery_codes,
    }
    return [
        account_page(wiring, here, credentials.show),
        *(account_act(wiring, here + end, act, script=True) for end, act in scripts.items()),
        *(account_act(wiring, here + end, act) for end, act in forms.items()),
    ]
