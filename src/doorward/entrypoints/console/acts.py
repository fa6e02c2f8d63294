"""What the console's forms do. Each is one use case, then a redirect to where it shows."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from doorward.administrator import service_tokens, set_standing
from doorward.administrator.credentials import own_password
from doorward.administrator.credentials.further_address import remove_address
from doorward.administrator.credentials.remove_passkey import revoke_passkey
from doorward.administrator.devices import manage_devices
from doorward.administrator.devices.suspend import suspend_device
from doorward.administrator.openid import end_client_session as client_sessions
from doorward.administrator.revoke_session import revoke_session as revoke
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.entrypoints.console.visit import Visit
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, ServiceTokenId, SessionId, UserId

_HEALTHY = {"yes": True, "no": False, "unknown": None}


async def revoke_session(visit: Visit) -> Response:
    """End a sign-in, with its open streams."""
    session = SessionId(visit.request.path_params["session"])
    effect = await revoke(visit.context.control, visit.act, session, "console")
    return visit.done("/sessions", "session-revoked", effect)


async def disable_user(visit: Visit) -> Response:
    """Keep a person out of everything."""
    user, reason = _user(visit), (await visit.form()).get("reason", "")
    effect = await set_standing.disable_user(visit.context.control, visit.act, user, reason)
    return visit.done(_person(user), "user-disabled", effect)


async def enable_user(visit: Visit) -> Response:
    """Let a person sign in again."""
    user = _user(visit)
    effect = await set_standing.enable_user(visit.context.control, visit.act, user)
    return visit.done(_person(user), "user-enabled", effect)


async def sign_out(visit: Visit) -> Response:
    """End every session of a person."""
    user = _user(visit)
    effect = await sign_out_everywhere(visit.context.control, visit.act, user)
    return visit.done(_person(user), "user-signed-out", effect)


async def remove_passkey(visit: Visit) -> Response:
    """Take a passkey away from a person."""
    user, passkey = _user(visit), str(visit.request.path_params["passkey"])
    effect = await revoke_passkey(visit.context.control, visit.act, user, passkey)
    return visit.done(_person(user), "passkey-removed", effect)


async def remove_password(visit: Visit) -> Response:
    """Take password, authenticator app and recovery codes away from a person."""
    user = _user(visit)
    effect = await own_password.revoke_password(visit.context.control, visit.act, user)
    return visit.done(_person(user), "password-removed", effect)


async def allow_password(visit: Visit) -> Response:
    """A password that too many failed attempts had turned off signs in again."""
    user = _user(visit)
    await own_password.allow_password(visit.context.control, visit.act, user)
    return visit.recorded(_person(user), "password-allowed")


async def remove_notice_address(visit: Visit) -> Response:
    """A person is told at their further address no more."""
    user = _user(visit)
    await remove_address(visit.context.control, visit.act, user)
    return visit.recorded(_person(user), "notice-address-removed")


async def set_user_risk(visit: Visit) -> Response:
    """Record how risky a person is."""
    user, form = _user(visit), await visit.form()
    risk = _whole_number(form.get("risk", ""))
    effect = await set_standing.set_user_risk(
        visit.context.control, visit.act, user, risk, form.get("reason", "")
    )
    return visit.done(_person(user), "user-risk-set", effect)


async def report_posture(visit: Visit) -> Response:
    """Record the health of a device."""
    form = await visit.form()
    answer = form.get("healthy", "")
    if answer not in _HEALTHY:
        raise DoorwardError(
            "request-invalid", "A device is healthy, unhealthy or unknown.", "Use the page's form."
        )
    effect = await manage_devices.report_posture(
        visit.context.control,
        visit.act,
        _device(visit),
        healthy=_HEALTHY[answer],
        reason=form.get("reason", ""),
    )
    return visit.done(_device_page(visit), "device-posture-set", effect)


async def set_device_risk(visit: Visit) -> Response:
    """Record how risky a device is."""
    form = await visit.form()
    risk = _whole_number(form.get("risk", ""))
    effect = await manage_devices.set_device_risk(
        visit.context.control, visit.act, _device(visit), risk, form.get("reason", "")
    )
    return visit.done(_device_page(visit), "device-risk-set", effect)


async def suspend_lost_device(visit: Visit) -> Response:
    """A device is lost."""
    effect = await suspend_device(visit.context.control, visit.act, _device(visit), "lost")
    return visit.done(_device_page(visit), "device-lost", effect)


async def remove_device(visit: Visit) -> Response:
    """Forget a device."""
    effect = await manage_devices.remove_device(visit.context.control, visit.act, _device(visit))
    return visit.done("/devices", "device-removed", effect)


async def revoke_token(visit: Visit) -> Response:
    """Make a service token worthless."""
    token = ServiceTokenId(visit.request.path_params["token"])
    effect = await service_tokens.revoke_service_token(visit.context.control, visit.act, token)
    return visit.done("/tokens", "token-revoked", effect)


async def end_client_session(visit: Visit) -> Response:
    """End a person's sign-in to one application."""
    sid = visit.request.path_params["sid"]
    effect = await client_sessions.end_client_session(visit.context.control, visit.act, sid)
    return visit.done("/applications", "client-session-ended", effect)


def _user(visit: Visit) -> UserId:
    return UserId(visit.request.path_params["user"])


def _device(visit: Visit) -> DeviceId:
    return DeviceId(visit.request.path_params["device"])


def _device_page(visit: Visit) -> str:
    return f"/devices/{quote(_device(visit), safe='')}"


def _person(user: UserId) -> str:
    return f"/people/{quote(user, safe='')}"


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DoorwardError(
            "request-invalid", "Risk is a whole number.", "Give one from 0 to 100."
        ) from None
