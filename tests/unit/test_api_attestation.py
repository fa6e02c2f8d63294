"""The API and the command line on what devices' TPMs prove."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from doorward.administrator.devices.attestation.measurements import measured
from doorward.administrator.devices.attestation.verify_quote import VerifiedQuote
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app
from doorward.entrypoints.cli import app as cli
from doorward.entrypoints.cli import attestation as commands
from doorward.model.ids import DeviceId
from doorward.protocol.tpm.constants import PCRS
from tests.fakes.office import Office, office

PLACE = "/devices/laptop-7/attestation"
CLEAN = dict.fromkeys(PCRS, "00" * 32)


def quote(pcrs: dict[int, str]) -> VerifiedQuote:
    return VerifiedQuote(pcrs=pcrs, reset_count=3, restart_count=0, clock=9)


@pytest.fixture
async def company() -> Office:
    company = await office()
    device = company.control.live.current.devices["laptop-7"]
    at = company.now
    record = AttestationRecord(
        device=DeviceId("laptop-7"),
        endorsement="ee" * 32,
        certificate="cc" * 32,
        ak_public=b"ak",
        key=device.key,
        since=at - 20,
    )
    record = measured(measured(record, quote(CLEAN), at - 10), quote({**CLEAN, 4: "44" * 32}), at)
    async with company.store.transaction() as transaction:
        await transaction.devices.attestations.put([record])
    return company


@pytest.fixture
async def api(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app(company.context(OperatorSocket())))
    async with httpx.AsyncClient(transport=transport, base_url="http://api/api/v1") as client:
        yield client


async def test_what_a_tpm_measures_is_told_and_accepted(
    company: Office, api: httpx.AsyncClient
) -> None:
    found = (await api.get(PLACE)).json()
    assert not found["attested"]
    assert "the boot loader (PCR 4)" in found["why"]
    assert (found["accepted_by"], found["starts"]) == ("enrolment", 3)
    assert found["registers"][4] == {
        "pcr": 4,
        "measures": "the boot loader",
        "accepted": "00" * 32,
        "measured": "44" * 32,
        "changed": True,
    }
    stale = await api.post(f"{PLACE}/accept", json={"measurement": "00"})
    assert (stale.status_code, stale.json()["code"]) == (409, "measured-anew")
    done = await api.post(f"{PLACE}/accept", json={"measurement": found["measurement"]})
    assert done.json()["enforced"]
    assert (await api.get(PLACE)).json()["attested"]
    assert company.control.live.current.devices["laptop-7"].attested
    async with company.store.transaction() as transaction:
        acts = [entry.act for entry in await transaction.audit.latest(2)]
    assert acts == ["device-attested", "measurements-accepted"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/devices/none/attestation", None, 404, "device-unknown"),
        ("POST", "/devices/none/attestation/accept", {"measurement": ""}, 404, "device-unknown"),
        ("POST", f"{PLACE}/accept", {}, 400, "request-invalid"),
        ("POST", f"{PLACE}/accept", {"measurement": "", "x": 1}, 400, "request-invalid"),
    ],
)
async def test_what_cannot_be_told_or_accepted(
    api: httpx.AsyncClient, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = await api.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_device_without_a_tpm_has_no_attestation(
    company: Office, api: httpx.AsyncClient
) -> None:
    async with company.store.transaction() as transaction:
        await transaction.devices.attestations.remove(DeviceId("laptop-7"))
    answer = await api.get(PLACE)
    assert (answer.status_code, answer.json()["code"]) == (404, "device-without-tpm")


async def test_a_tpm_that_measured_nothing_yet_has_no_moments(
    company: Office, api: httpx.AsyncClient
) -> None:
    async with company.store.transaction() as transaction:
        table = transaction.devices.attestations
        record = await table.get(DeviceId("laptop-7"))
        assert record is not None
        bare = msgspec.structs.replace(
            record, measured={}, reference={}, measured_at=0.0, reference_at=0.0
        )
        await table.put([bare])
    found = (await api.get(PLACE)).json()
    assert (found["measured_at"], found["accepted_at"]) == (None, None)
    answer = await api.post(f"{PLACE}/accept", json={"measurement": found["measurement"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-measured")


class Answers:
    """The API as a command asks it."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found
        self.posted: list[tuple[str, object]] = []

    def get(self, path: str) -> dict[str, Any]:
        assert path == PLACE
        return self.found

    def post(self, path: str, body: object) -> dict[str, Any]:
        self.posted.append((path, body))
        return {"number": 7, "enforced": True}


async def test_the_command_line_shows_and_accepts_what_it_showed(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers((await api.get(PLACE)).json())
    monkeypatch.setattr(commands, "connect", lambda data: nullcontext(answers))
    run = CliRunner().invoke
    shown = run(cli.app, ["device", "attestation", "laptop-7"])
    assert "the boot loader" in shown.output
    assert "It is not attested. This changed" in shown.output
    as_json = run(cli.app, ["device", "attestation", "laptop-7", "--json"])
    assert json.loads(as_json.output) == answers.found
    done = run(cli.app, ["device", "accept-measurements", "laptop-7"])
    assert "What device laptop-7 measured is accepted." in done.output
    assert answers.posted == [(f"{PLACE}/accept", {"measurement": answers.found["measurement"]})]
