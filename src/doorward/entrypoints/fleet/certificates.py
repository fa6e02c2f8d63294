"""`DEVICES/ID/certificate` and `DEVICES/ID/workloads`: certificates, signed for by the device."""

from __future__ import annotations

from starlette.routing import Route

from doorward.administrator.devices.issue_certificate import issue_certificate, issue_workload
from doorward.entrypoints.fleet.context import Call, FleetContext, route
from doorward.model.ids import DeviceId
from doorward.protocol.agent import DEVICES, CertificateRequest, Issued, WorkloadRequest


def routes(context: FleetContext) -> list[Route]:
    """Where it answers."""
    return [
        route(context, f"{DEVICES}/{{device}}/certificate", certificate),
        route(context, f"{DEVICES}/{{device}}/workloads", workload),
    ]


async def certificate(call: Call) -> Issued:
    """One of the device itself."""
    return await issue_certificate(
        call.context.fleet, _device(call), call.message, call.body(CertificateRequest), call.now
    )


async def workload(call: Call) -> Issued:
    """One of a service on it."""
    return await issue_workload(
        call.context.fleet, _device(call), call.message, call.body(WorkloadRequest), call.now
    )


def _device(call: Call) -> DeviceId:
    return DeviceId(call.request.path_params["device"])
