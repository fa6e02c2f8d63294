"""`DEVICES/ID/certificate` and `DEVICES/ID/workloads`: certificates, signed for by the device."""

from __future__ import annotations

from starlette.routing import Route

from doorward.administrator.devices.issue_certificate import issue_certificate, issue_workload
from doorward.entrypoints.fleet.context import Call, FleetContext, device_route
from doorward.model.ids import DeviceId
from doorward.protocol.agent import CertificateRequest, Issued, WorkloadRequest


def routes(context: FleetContext) -> list[Route]:
    """Where it answers."""
    return [
        device_route(context, "certificate", certificate),
        device_route(context, "workloads", workload),
    ]


async def certificate(call: Call, device: DeviceId) -> Issued:
    """One of the device itself."""
    return await issue_certificate(
        call.context.fleet, device, call.message, call.body(CertificateRequest), call.now
    )


async def workload(call: Call, device: DeviceId) -> Issued:
    """One of a service on it."""
    return await issue_workload(
        call.context.fleet, device, call.message, call.body(WorkloadRequest), call.now
    )
