"""Shared Signals through a real gateway and control plane, to a receiver of the tests' own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.signals_receiver import Claims, PollClient, PushReceiver, Verifier
from tests.integration.gateway_upstream import Upstream
from tests.integration.scim_running import DOMAIN, Running, files, publish, signed_in, start

SIGNALS = """
[[resource]]
id = "signals"
name = "Signals"
host = "signals"
upstream = "signals"
label = "internal"
owner = "owner"
"""
POLICIES = """\
@id("receiver")
permit (principal == Service::"idp", action, resource == Resource::"signals");
@id("other-reads")
permit (principal == Service::"other", action == Action::"read", resource == Resource::"signals");
"""
EVENT = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
DISABLED = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"


def estate(upstream: Upstream) -> dict[str, str]:
    toml = files(upstream)["estate.toml"] + SIGNALS
    return {"estate.toml": toml, "policies.cedar": POLICIES}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    doorward = start(tmp_path_factory.mktemp("signals"), estate, "signals")
    yield doorward
    doorward.stop()


@pytest.fixture
def crm(running: Running) -> Iterator[httpx.Client]:
    with running.client("signals", running.tokens["idp"]) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[PushReceiver]:
    made = PushReceiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def metadata(running: Running) -> Claims:
    with running.client("auth") as anybody:
        answer = anybody.get("/.well-known/ssf-configuration")
    assert answer.status_code == 200
    found: Claims = answer.json()
    return found


def verifier(running: Running, metadata: Claims) -> Verifier:
    with running.client("auth") as anybody:
        keys = anybody.get(httpx.URL(metadata["jwks_uri"]).path).json()["keys"]
    return Verifier(metadata["issuer"], "idp", keys)


def created(crm: httpx.Client, metadata: Claims, **body: Any) -> Claims:
    path = httpx.URL(metadata["configuration_endpoint"]).path
    answer = crm.post(path, json={"events_requested": [EVENT, DISABLED], **body})
    assert answer.status_code == 201, answer.text
    made: Claims = answer.json()
    return made


def end_a_session(running: Running) -> tuple[str, float]:
    """A session that the operator revokes: its id, and when."""
    _, changes = signed_in("owner", "wiki")
    publish(running, changes)
    session = str(changes[0].id)
    with running.api() as api:
        deadline = time.monotonic() + 10
        while session not in {item["id"] for item in api.get("/sessions").json()}:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        began = time.time()
        assert api.delete(f"/sessions/{session}").json()["enforced"]
    return session, began


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_what_happens_is_pushed_within_a_second(
    running: Running,
    crm: httpx.Client,
    metadata: Claims,
    receiver: PushReceiver,
    algorithm: str,
) -> None:
    delivery = {
        "method": "urn:ietf:rfc:8935",
        "endpoint_url": receiver.url,
        "authorization_header": "Bearer of-the-receiver",
    }
    stream = created(crm, metadata, delivery=delivery, signing_alg=algorithm)
    session, began = end_a_session(running)
    (pushed,) = receiver.wait(1)
    checked = verifier(running, metadata)
    claims = checked.claims(pushed.body)
    assert pushed.at - began < 1.0
    assert checked.header["alg"] == algorithm
    assert pushed.headers["authorization"] == "Bearer of-the-receiver"
    assert claims["sub_id"]["session"] == {"format": "opaque", "id": session}
    assert claims["sub_id"]["user"] == {
        "format": "iss_sub",
        "iss": metadata["issuer"],
        "sub": "owner",
    }
    assert "of-the-receiver" not in running.printed()
    gone = crm.delete("/ssf/streams", params={"stream_id": stream["stream_id"]})
    assert gone.status_code == 204


def test_a_poll_waits_at_the_gateway_and_is_answered(
    running: Running, crm: httpx.Client, metadata: Claims
) -> None:
    stream = created(crm, metadata)
    address = httpx.URL(stream["delivery"]["endpoint_url"])
    assert address.host == f"signals.{DOMAIN}"

    async def post(body: Claims) -> tuple[int, Claims]:
        answer = await asyncio.to_thread(crm.post, address.path, json=body)
        return answer.status_code, answer.json()

    session, _ = end_a_session(running)
    poller = PollClient(post, verifier(running, metadata))
    found = asyncio.run(poller.fetch(returnImmediately=False))
    assert [claims["sub_id"]["session"]["id"] for claims in found.values()] == [session]
    assert asyncio.run(poller.fetch(ack=list(found))) == {}


def test_policies_say_who_may_have_streams(running: Running, crm: httpx.Client) -> None:
    with running.client("signals", running.tokens["other"]) as reader:
        assert reader.get("/ssf/streams").json() == []
        assert reader.post("/ssf/streams", json={}).status_code == 403
    with running.client("signals") as stranger:
        refused = stranger.get("/ssf/streams")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
    with running.client("signals") as stranger:
        in_query = f"/ssf/streams?access_token={running.tokens['idp']}"
        assert stranger.get(in_query).status_code == 401
    with running.client("console", running.tokens["idp"]) as wrong:
        assert wrong.get("/api/v1/users").status_code in {401, 403}
    assert crm.get("/ssf/streams").status_code == 200


def test_the_command_line_shows_and_pauses_a_stream(
    running: Running, crm: httpx.Client, metadata: Claims
) -> None:
    stream = created(crm, metadata, description="of the command line")["stream_id"]
    with running.api() as api:
        shown = {item["id"]: item for item in api.get("/signals/streams").json()}
        assert (shown[stream]["receiver"], shown[stream]["status"]) == ("idp", "enabled")
        paused = api.post(f"/signals/streams/{stream}/pause", json={"reason": "Maintenance"})
        assert (paused.json()["status"], paused.json()["stopped_by"]) == ("paused", "operator")
        held = crm.post("/ssf/status", json={"stream_id": stream, "status": "enabled"})
        assert held.status_code == 403
        assert api.post(f"/signals/streams/{stream}/resume", json={}).status_code == 200
        assert api.delete(f"/signals/streams/{stream}").json() == {"id": stream}
        assert api.delete(f"/signals/streams/{stream}").status_code == 404
