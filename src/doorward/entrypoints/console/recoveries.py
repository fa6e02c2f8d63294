"""People who cannot sign in: the page where a second person vouches, or does not."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from doorward.administrator.credentials.assurance import VOUCHING_SECONDS
from doorward.administrator.credentials.vouching import vouches
from doorward.administrator.recovery import decide_recovery
from doorward.administrator.recovery_ports import Recovery
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.problems import status
from doorward.entrypoints.console.visit import Visit
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId

_PATH = "/recoveries"
_ON_THE_PAGE = frozenset(
    {
        "approver-stale",
        "recovery-code-unknown",
        "recovery-code-wrong",
        "recovery-own",
        "recovery-unknown",
        "too-many-attempts",
    }
)


async def listing(visit: Visit) -> Response:
    """Requests that nobody has decided."""
    return await _listing(visit)


async def find(visit: Visit) -> Response:
    """The request whose browser shows a code, and its form with the code filled in."""
    code = (await visit.form()).get("code", "")
    context = visit.context
    try:
        found = await decide_recovery.find_recovery(
            context.control, visit.act, context.fleet.codes, code
        )
    except DoorwardError as error:
        if error.code not in _ON_THE_PAGE:
            raise
        return await _listing(visit, error)
    return _page(visit, found, code=code)


async def approve(visit: Visit) -> Response:
    """Vouch, with the code that the person reads out."""
    form = await visit.form()
    try:
        await decide_recovery.approve_recovery(
            visit.context.control,
            visit.act,
            SessionId(visit.actor.session),
            visit.context.sealer,
            _recovery(visit),
            code=form.get("code", ""),
            keep=form.get("keep") == "1",
        )
    except DoorwardError as error:
        if error.code not in _ON_THE_PAGE:
            raise
        return await _listing(visit, error)
    return visit.recorded(_PATH, "recovery-approved")


async def reject(visit: Visit) -> Response:
    """End a request."""
    reason = (await visit.form()).get("reason", "")
    try:
        await decide_recovery.refuse_recovery(
            visit.context.control, visit.act, _recovery(visit), reason
        )
    except DoorwardError as error:
        if error.code not in _ON_THE_PAGE:
            raise
        return await _listing(visit, error)
    return visit.recorded(_PATH, "recovery-refused")


async def _listing(visit: Visit, error: DoorwardError | None = None) -> Response:
    waiting = await decide_recovery.waiting_recoveries(visit.context.control, visit.now)
    response = _page(visit, waiting, error=error)
    if error is not None:
        response.status_code = status(error.code)
    return response


def _page(
    visit: Visit, shown: Sequence[Recovery], *, error: DoorwardError | None = None, code: str = ""
) -> Response:
    """The requests `shown`; where a `code` found them, with what decides them."""
    session = SessionId(visit.actor.session)
    return visit.page(
        "recoveries.html",
        recoveries=reads.recoveries(visit.snapshot, shown),
        error=error,
        found=code,
        fresh=vouches(visit.snapshot, visit.act, session),
        fresh_minutes=VOUCHING_SECONDS // 60,
        step_up=visit.step_up(_PATH),
    )


def _recovery(visit: Visit) -> str:
    return str(visit.request.path_params["recovery"])
