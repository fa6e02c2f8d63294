"""People who cannot sign in: the page where a second person vouches, or does not."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.recovery import decide_recovery
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.problems import status
from doorward.entrypoints.console.visit import Visit
from doorward.errors import DoorwardError

_PATH = "/recoveries"
_ON_THE_PAGE = frozenset(
    {
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
    return visit.page(
        "recoveries.html",
        recoveries=reads.recoveries(visit.snapshot, found),
        error=None,
        found=code,
    )


async def approve(visit: Visit) -> Response:
    """Vouch, with the code that the person reads out."""
    form = await visit.form()
    try:
        await decide_recovery.approve_recovery(
            visit.context.control,
            visit.act,
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
    response = visit.page(
        "recoveries.html",
        recoveries=reads.recoveries(visit.snapshot, waiting),
        error=error,
        found="",
    )
    if error is not None:
        response.status_code = status(error.code)
    return response


def _recovery(visit: Visit) -> str:
    return str(visit.request.path_params["recovery"])
