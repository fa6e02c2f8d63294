"""An osqueryd speaks to the real doorward: TLS 1.2 to the real Envoy, at the sign-in host."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from doorward.entrypoints.cli.app import app as program
from doorward.model.ids import DeviceId
from doorward.protocol.agent import (
    ENROLMENTS,
    SIGNATURE_HEADER,
    EnrolmentPoll,
    EnrolmentRequest,
)
from tests.fakes.fleet import SoftwareDevice
from tests.fakes.osquery_client import CONFIG, READ, Flags, OsqueryClient, RequestFailedError
from tests.fakes.osquery_tables import Machine
from tests.integration.scim_running import DOMAIN, Running, start

AUTH = f"auth.{DOMAIN}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    found = start(tmp_path_factory.mktemp("osquery"))
    yield found
    found.stop()


class ToAuth(httpx.AsyncHTTPTransport):
    """Connects to the gateway on this machine as to the sign-in host, by TLS 1.2 as osquery."""

    def __init__(self, running: Running) -> None:
        authority = str(running.data.keys / "server-ca.pem")
        context = ssl.create_default_context(cafile=authority)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        super().__init__(verify=context)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = AUTH
        return await super().handle_async_request(request)


def to_auth(running: Running) -> httpx.AsyncClient:
    port = running.port + 1
    return httpx.AsyncClient(
        transport=ToAuth(running),
        base_url=f"https://127.0.0.1:{port}",
        headers={"host": f"{AUTH}:{port}", "connection": "close"},
        timeout=30,
    )


def doorward(running: Running, *arguments: str) -> str:
    """What a command prints."""
    data = str(running.data.root)
    invoked = CliRunner().invoke(program, ["osquery", *arguments, "--data", data])
    assert invoked.exit_code == 0, invoked.output
    return invoked.stdout


async def enrol_laptop(running: Running, http: httpx.AsyncClient) -> None:
    """The device that the host will be said to be."""
    with running.api() as api:
        body = {"owner": "owner", "name": "", "device": "laptop"}
        made = api.post("/devices/enrolment-codes", json=body)
        assert made.status_code == 201, made.text
    laptop = SoftwareDevice(DeviceId("laptop"))
    request = EnrolmentRequest(
        name="Laptop",
        platform="linux",
        agent_version="1.0",
        public_key=laptop.public_key,
        code=made.json()["code"],
    )
    started = await _signed(http, laptop, ENROLMENTS, request)
    path = f"{ENROLMENTS}/{started['enrolment']}"
    assert (await _signed(http, laptop, path, EnrolmentPoll()))["device"] == "laptop"


async def _signed(
    http: httpx.AsyncClient, device: SoftwareDevice, path: str, body: msgspec.Struct
) -> dict[str, Any]:
    message = device.signed(path, body)
    headers = {SIGNATURE_HEADER: message.signature, "content-type": "application/json"}
    answer = await http.post(path, content=message.body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_host_enrols_is_assigned_and_asked_and_is_forgotten(running: Running) -> None:
    made = json.loads(
        doorward(running, "secret", "new", "--note", "test", "--expires", "1", "--json")
    )
    secret = made["plain"]
    assert secret not in doorward(running, "secret", "list")
    async with to_auth(running) as http:
        flags = Flags(secret, "4C4C4544-0042", logger_tls_compress=True)
        client = OsqueryClient(http, Machine("linux"), flags, time.time())
        await client.turn()
        assert "doorward_disks_linux" in client.config["schedule"]
        assert not client.results, "the log was taken"

        (host,) = json.loads(doorward(running, "list", "--json"))
        assert (host["state"], host["name"], host["address"]) == (
            "candidate",
            "laptop",
            "127.0.0.1",
        )
        await enrol_laptop(running, http)
        doorward(running, "assign", host["id"], "laptop")
        assert "doorward_disks_linux" in await client.poll_distributed()
        with running.api() as api:
            facts = {
                item["name"]: item for item in api.get("/devices/laptop/health").json()["facts"]
            }
        assert (facts["disk-encrypted"]["value"], facts["disk-encrypted"]["trust"]) == (
            True,
            "self-reported",
        )
        assert facts["disk-encrypted"]["method"] == "osquery:disk_encryption"
        assert facts["screen-lock"]["value"] is None

        assert "is no device's" in doorward(running, "unassign", host["id"])
        assert (await client.go(READ, {}))["queries"] == {}

        former = client.node_key
        doorward(running, "remove", host["id"])
        with pytest.raises(RequestFailedError):
            await client.go(CONFIG, {})
        await client.refresh_config()
        assert client.node_key not in {"", former}
        (again,) = json.loads(doorward(running, "list", "--json"))
        assert again["state"] == "candidate"
        doorward(running, "secret", "revoke", made["id"])
        with pytest.raises(RequestFailedError):
            await client.enroll()


async def test_plain_words_and_wrong_secrets_are_refused_at_the_real_gateway(
    running: Running,
) -> None:
    async with to_auth(running) as http:
        client = OsqueryClient(http, Machine("linux"), Flags("wrong", "stranger"), time.time())
        with pytest.raises(RequestFailedError):
            await client.refresh_config()
        answer = await http.get(CONFIG)
        assert answer.status_code == 405
    names = {host["identifier"] for host in json.loads(doorward(running, "list", "--json"))}
    assert "stranger" not in names
