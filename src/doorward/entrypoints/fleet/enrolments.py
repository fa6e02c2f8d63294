"""`ENROLMENTS`: a device asks to be enrolled, and how that stands."""

from __future__ import annotations

from starlette.routing import Route

from doorward.administrator.devices.finish_enrolment import finish_enrolment
from doorward.administrator.devices.request_enrolment import request_enrolment
from doorward.entrypoints.fleet.context import Call, FleetContext, route
from doorward.protocol.agent import (
    ENROLMENTS,
    Enrolled,
    EnrolmentPoll,
    EnrolmentRequest,
    EnrolmentStarted,
    Pending,
)


def routes(context: FleetContext) -> list[Route]:
    """Where it answers."""
    return [
        route(context, ENROLMENTS, request),
        route(context, f"{ENROLMENTS}/{{enrolment}}", poll),
    ]


async def request(call: Call) -> EnrolmentStarted:
    """Signed with the key that is in it."""
    return await request_enrolment(
        call.context.fleet,
        call.body(EnrolmentRequest),
        call.message,
        address=call.address,
        now=call.now,
    )


async def poll(call: Call) -> Enrolled | Pending:
    """Signed with the same key."""
    return await finish_enrolment(
        call.context.fleet,
        call.request.path_params["enrolment"],
        call.message,
        activated=call.body(EnrolmentPoll).activated,
        address=call.address,
        now=call.now,
    )
