"""The console as an ASGI application, with the API beside it."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from doorward.entrypoints.api.app import mount
from doorward.entrypoints.api.context import Context
from doorward.entrypoints.console import (
    acts,
    decisions,
    device,
    fleet,
    identity,
    identity_acts,
    lifecycle,
    listings,
    providers,
    recoveries,
    signals,
)
from doorward.entrypoints.console.visit import act, error_page, page
from doorward.entrypoints.pages.assets import STATIC_PATH
from doorward.entrypoints.pages.static_files import static_files
from doorward.entrypoints.unexpected import UnexpectedErrors
from doorward.errors import DoorwardError

PAGES = (
    page("/", listings.overview),
    page("/decisions", decisions.live),
    page("/decisions/{decision}", decisions.why),
    page("/sessions", listings.sessions),
    page("/people", listings.people),
    page("/people/{user}", listings.person),
    page("/recoveries", recoveries.listing),
    page("/resources", listings.resources),
    page("/resources/{resource}", listings.resource),
    page("/devices", fleet.show),
    page("/devices/{device}", device.show),
    page("/tokens", listings.tokens),
    page("/applications", listings.applications),
    page("/providers", providers.show),
    page("/signals", signals.show),
    page("/audit", listings.audit),
    page("/identity", identity.overview),
    page("/identity/cases/{case}", identity.case),
    page("/identity/verifications/{verification}", identity.verification),
    page("/identity/verifiers", identity.verifiers),
    page("/handover", lifecycle.handover),
    page("/people/{user}/leave", lifecycle.ask_leave),
    page("/people/{user}/move", lifecycle.ask_move),
)
ACTS = (
    act("/sessions/{session}/revoke", acts.revoke_session),
    act("/people/{user}/disable", acts.disable_user),
    act("/people/{user}/enable", acts.enable_user),
    act("/people/{user}/sign-out", acts.sign_out),
    act("/people/{user}/passkeys/{passkey}/remove", acts.remove_passkey),
    act("/people/{user}/password/remove", acts.remove_password),
    act("/people/{user}/password/allow", acts.allow_password),
    act("/people/{user}/notice-address/remove", acts.remove_notice_address),
    act("/recoveries/find", recoveries.find),
    act("/recoveries/{recovery}/approve", recoveries.approve),
    act("/recoveries/{recovery}/reject", recoveries.reject),
    act("/people/{user}/risk", acts.set_user_risk),
    act("/devices/{device}/posture", acts.report_posture),
    act("/devices/{device}/lost", acts.suspend_lost_device),
    act("/devices/{device}/risk", acts.set_device_risk),
    act("/devices/{device}/remove", acts.remove_device),
    act("/tokens/{token}/revoke", acts.revoke_token),
    act("/client-sessions/{sid}/end", acts.end_client_session),
    act("/providers/{provider}/check", providers.check),
    act("/people/{user}/links/{provider}/remove", providers.unlink_account),
    act("/identity/cases", identity_acts.open_case),
    act("/identity/cases/{case}/take", identity_acts.take_case),
    act("/identity/cases/{case}/withdraw", identity_acts.withdraw_case),
    act("/identity/cases/{case}/evidence", identity_acts.record_evidence),
    act("/identity/cases/{case}/evidence/{evidence}/strike", identity_acts.strike_evidence),
    act("/identity/cases/{case}/attributes", identity_acts.check_attributes),
    act("/identity/cases/{case}/approve", identity_acts.approve_case),
    act("/identity/cases/{case}/confirm", identity_acts.confirm_case),
    act("/identity/cases/{case}/reject", identity_acts.reject_case),
    act("/identity/verifications/{verification}/revoke", identity_acts.revoke_verification),
    act("/identity/verifiers", identity_acts.train_verifier),
    act("/people/{user}/invite", lifecycle.invite),
    act("/people/{user}/move", lifecycle.move),
    act("/people/{user}/leave", lifecycle.leave),
    act("/signals/streams/{stream}/pause", signals.pause),
    act("/signals/streams/{stream}/resume", signals.resume),
    act("/signals/streams/{stream}/remove", signals.remove),
)


def app(context: Context) -> Starlette:
    """The console's host: pages, the API under `/api/v1`, and the static files."""
    application = Starlette(
        routes=[mount(context), Mount(STATIC_PATH, static_files()), *PAGES, *ACTS],
        middleware=[Middleware(UnexpectedErrors, answer=error_page)],
        exception_handlers={HTTPException: _unanswered},
    )
    application.state.context = context
    return application


async def _unanswered(_: Request, error: Exception) -> Response:
    del error
    return error_page(
        DoorwardError("not-found", "There is no such page.", "Go back to the overview.")
    )
