"""Devices that ask to be enrolled, by the use cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from doorward.administrator.control_plane import Act
from doorward.administrator.devices.answer_enrolment import approve_enrolment, claim_enrolment
from doorward.administrator.devices.finish_enrolment import finish_enrolment
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.request_enrolment import request_enrolment
from doorward.bootstrap import LIMITS
from doorward.model.ids import DeviceId, UnixSeconds, UserId
from doorward.protocol.agent import (
    ENROLMENTS,
    Enrolled,
    EnrolmentPoll,
    EnrolmentRequest,
    EnrolmentStarted,
    Pending,
)
from tests.fakes.fleet import AT, SoftwareDevice

LIMITED = {name: limit.attempts for name, limit in LIMITS.items()}


@dataclass
class Applicant:
    """A device that is not enrolled yet; `device` holds its key."""

    fleet: Fleet
    device: SoftwareDevice = field(default_factory=lambda: SoftwareDevice(DeviceId("")))
    address: str = "192.0.2.7"
    enrolment: str = ""

    def request(self, **changed: Any) -> EnrolmentRequest:
        """What it asks, with some of it changed."""
        asked: dict[str, Any] = {
            "name": "Laptop of Al",
            "platform": "linux",
            "agent_version": "1.0",
            "public_key": self.device.public_key,
        }
        return EnrolmentRequest(**(asked | changed))

    async def ask(self, *, now: UnixSeconds = AT, **changed: Any) -> EnrolmentStarted:
        """Ask to be enrolled."""
        request = self.request(**changed)
        message = self.device.signed(ENROLMENTS, request)
        started = await request_enrolment(
            self.fleet, request, message, address=self.address, now=now
        )
        self.enrolment = started.enrolment
        return started

    async def poll(self, *, activated: bytes = b"", now: UnixSeconds = AT) -> Enrolled | Pending:
        """Ask how it stands."""
        body = EnrolmentPoll(activated=activated)
        message = self.device.signed(f"{ENROLMENTS}/{self.enrolment}", body)
        return await finish_enrolment(
            self.fleet,
            self.enrolment,
            message,
            activated=activated,
            address=self.address,
            now=now,
        )


async def enrolled(
    applicant: Applicant,
    act: Act,
    user: UserId,
    *,
    replaces: DeviceId | Literal[""] = "",
    **changed: Any,
) -> Enrolled:
    """All of it: asked, claimed and approved by `user`, fetched."""
    started = await applicant.ask(now=act.at, **changed)
    claimed = await claim_enrolment(applicant.fleet, act, user, started.user_code)
    await approve_enrolment(applicant.fleet, act, user, claimed.id, replaces=replaces)
    done = await applicant.poll(now=act.at)
    assert isinstance(done, Enrolled)
    return done
