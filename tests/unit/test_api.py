"""The JSON API on a store in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from doorward.adapters.leaked_passwords import leaked_passwords
from doorward.administrator.ports import AuditHead
from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app
from tests.fakes.office import HOSTILE, NOON, Office, office

LAPTOP = "/devices/laptop-7"


@pytest.fixture
async def company() -> Office:
    return await office()


@pytest.fixture
async def api(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app(company.context(OperatorSocket())))
    async with httpx.AsyncClient(transport=transport, base_url="http://api/api/v1") as client:
        yield client


async def audited(company: Office) -> tuple[str, str, str]:
    async with company.store.transaction() as transaction:
        entry = (await transaction.audit.latest(1))[0]
    return entry.actor, entry.act, entry.target


async def test_decisions_are_found_by_every_field_and_paged(api: httpx.AsyncClient) -> None:
    everything = (await api.get("/decisions")).json()
    assert [line["id"] for line in everything["decisions"]][:2] == ["dec_0006", "dec_0005"]
    assert everything["before"] is None
    denied = (await api.get("/decisions", params={"outcome": "deny", "limit": 2})).json()
    assert [line["id"] for line in denied["decisions"]] == ["dec_0005", "dec_0004"]
    older = await api.get("/decisions", params={"outcome": "deny", "before": denied["before"]})
    assert [line["id"] for line in older.json()["decisions"]] == ["dec_0003"]
    new = (await api.get("/decisions", params={"after": 5})).json()
    assert [line["seq"] for line in new["decisions"]] == [6]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "outcome=maybe", "since=yesterday", "reason=because"]
)
async def test_a_search_that_makes_no_sense_says_what_is_wrong(
    api: httpx.AsyncClient, query: str
) -> None:
    answer = await api.get(f"/decisions?{query}")
    assert answer.status_code == 400
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "request-invalid"
    assert query.split("=", maxsplit=1)[0] in problem["detail"]


@pytest.mark.parametrize("path", ["/users", "/decisions", "/users/nobody", "/nowhere", "/audit?x="])
async def test_no_answer_is_kept_on_the_way(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert answer.headers.get_list("cache-control") == ["no-store"]


async def test_why_a_decision_was_what_it_was(api: httpx.AsyncClient) -> None:
    denied = (await api.get("/decisions/dec_0003")).json()
    assert denied["title"] == "You have no access to this"
    assert denied["remedies"][0] == {
        "kind": "ask-access",
        "until": None,
        "target": "alice",
        "text": "Its owner, alice, decides who may enter.",
    }
    assert denied["facts"]["context"]["weekday"] == 1


async def test_a_ticketed_request_is_explained_by_the_decision_it_reused(
    api: httpx.AsyncClient,
) -> None:
    ticketed = (await api.get("/decisions/dec_0002")).json()
    assert ticketed["decision"] == "dec_0001"
    assert ticketed["facts"]["principal"]["id"] == "bob"
    assert ticketed["policy_texts"][0]["id"] == "payroll-at-work"
    assert ticketed["policy_texts"][0]["line"] == 12


@pytest.mark.parametrize(
    ("path", "code"),
    [("/decisions/dec_none", "decision-unknown"), ("/users/nobody", "user-unknown")],
)
async def test_what_is_not_there_is_404(api: httpx.AsyncClient, path: str, code: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert answer.json()["remedy"]


async def test_sign_ins_are_told_with_their_cause_a_page_at_a_time(api: httpx.AsyncClient) -> None:
    first = (await api.get("/users/bob/sign-ins?limit=1")).json()
    (rejected,) = first["sign_ins"]
    assert (rejected["outcome"], rejected["why"]) == ("rejected", "wrong-code")
    second = (await api.get(f"/users/bob/sign-ins?before={first['before']}")).json()
    assert [item["session"] for item in second["sign_ins"]] == ["ses_bob"]
    assert second["before"] is None
    assert (await api.get("/users/alice/sign-ins")).json()["sign_ins"] == []


async def test_an_unknown_path_and_a_wrong_method_are_problems(api: httpx.AsyncClient) -> None:
    assert (await api.get("/nothing")).json()["code"] == "not-found"
    assert (await api.post("/resources")).json()["code"] == "method-not-allowed"


@pytest.mark.parametrize(
    ("method", "path", "body", "act", "target"),
    [
        ("DELETE", "/sessions/ses_bob", None, "session-revoked", "session:ses_bob"),
        ("PUT", "/sessions/ses_bob/risk", {"risk": 9}, "session-risk-set", "session:ses_bob"),
        ("POST", "/users/bob/disable", {"reason": "left"}, "user-disabled", "user:bob"),
        ("POST", "/users/bob/sign-out", None, "signed-out-everywhere", "user:bob"),
        ("PUT", "/users/bob/risk", {"risk": 100}, "user-risk-set", "user:bob"),
        ("PUT", "/users/bob/groups", {"groups": []}, "user-groups-set", "user:bob"),
        ("POST", "/users/bob/invitation", None, "user-invited", "user:bob"),
        (
            "PUT",
            "/devices/laptop-7/posture",
            {"healthy": None},
            "posture-reported",
            "device:laptop-7",
        ),
        ("PUT", f"{LAPTOP}/risk", {"risk": 5}, "device-risk-set", "device:laptop-7"),
        ("DELETE", LAPTOP, None, "device-removed", "device:laptop-7"),
        ("PUT", f"{LAPTOP}/lost", {}, "device-suspended", "device:laptop-7"),
        ("POST", "/devices/enrolment-codes", {"owner": "bob"}, "enrolment-code-made", "user:bob"),
        ("DELETE", "/tokens/dwt_0001", None, "service-token-revoked", "service_token:dwt_0001"),
        ("POST", "/clients/wiki/secret", {}, "client-secret-made", "client:wiki"),
        ("DELETE", "/client-sessions/sid_0002", None, "client-session-ended", "client:wiki"),
    ],
)
async def test_every_act_is_done_and_audited(
    company: Office,
    api: httpx.AsyncClient,
    method: str,
    path: str,
    body: dict[str, object] | None,
    act: str,
    target: str,
) -> None:
    answer = await api.request(method, path, json=body)
    assert answer.status_code in {200, 201}, answer.text
    assert await audited(company) == ("operator", act, target)


async def test_an_act_says_whether_every_gateway_enforces_it(
    company: Office, api: httpx.AsyncClient
) -> None:
    company.gateways.obeys = False
    answer = (await api.delete("/sessions/ses_bob")).json()
    assert answer == {"number": company.control.live.current.number, "enforced": False}


@pytest.mark.parametrize(
    "body", [{"risk": 101}, {"risk": -1}, {"risk": "high"}, {}, {"risk": 1, "extra": 1}]
)
async def test_a_malformed_signal_changes_nothing(
    company: Office, api: httpx.AsyncClient, body: dict[str, object]
) -> None:
    before = company.control.live.current.number
    answer = await api.put("/users/bob/risk", json=body)
    assert answer.status_code == 400
    assert company.control.live.current.number == before


async def test_a_token_is_told_once_and_never_again(
    company: Office, api: httpx.AsyncClient
) -> None:
    wanted = {"service": "reports", "resources": ["payroll"], "lifetime_seconds": 3600}
    issued = (await api.post("/tokens", json=wanted)).json()
    secret = issued["bearer"].partition(".")[2]
    assert len(secret) > 20
    listed = await api.get("/tokens")
    assert issued["id"] in listed.text
    for text in (listed.text, (await api.get("/audit")).text):
        assert secret not in text
        assert "secret_hash" not in text


async def test_an_invitation_keeps_its_secret_in_the_fragment(api: httpx.AsyncClient) -> None:
    link = (await api.post("/users/bob/invitation")).json()["link"]
    address, _, secret = link.partition("#")
    assert address == "http://auth.doorward.localhost:8080/invitation"
    assert len(secret) > 20


async def test_an_enrolment_code_is_told_once(company: Office, api: httpx.AsyncClient) -> None:
    made = (await api.post("/devices/enrolment-codes", json={"owner": "bob"})).json()
    assert len(made["code"]) > 20
    assert made["expires_at"] == "2026-11-24T12:00:00Z"
    assert made["code"] not in (await api.get("/audit")).text
    assert made["code"] not in str(company.store.content())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"device": "a b", "owner": "bob"}, "device-invalid"),
        ({"device": "laptop-7", "owner": "alice"}, "device-exists"),
        ({"owner": "nobody"}, "user-unknown"),
        ({"owner": "bob", "name": "n" * 65}, "request-invalid"),
    ],
)
async def test_a_code_that_cannot_be_made(
    api: httpx.AsyncClient, body: dict[str, str], code: str
) -> None:
    assert (await api.post("/devices/enrolment-codes", json=body)).json()["code"] == code


async def test_an_estate_with_errors_names_every_file_and_line(
    company: Office, api: httpx.AsyncClient
) -> None:
    before = company.control.live.current.number
    files = {"a.toml": "[[user]]\nid = 3\n", "b.txt": ""}
    answer = await api.post("/estate/apply", json={"files": files})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "estate-invalid")
    assert {error["file"] for error in problem["errors"]} == {"a.toml", "b.txt"}
    assert all(error["line"] >= 1 and error["remedy"] for error in problem["errors"])
    assert company.control.live.current.number == before


@pytest.mark.parametrize("path", ["/estate/plan", "/estate/apply", "/devices/enrolment-codes"])
async def test_a_body_that_is_too_large_is_refused_before_all_of_it_came(
    api: httpx.AsyncClient, path: str
) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(40):
            sent += 1
            yield b" " * 1024 * 1024

    answer = await api.post(path, content=body(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "request-too-large")
    assert "32 MiB" in answer.json()["detail"]
    assert sent == 33


async def test_a_plan_changes_nothing_and_apply_does(
    company: Office, api: httpx.AsyncClient
) -> None:
    files = {"groups.toml": '[[group]]\nid = "new"\nname = "New"\n'}
    before = company.control.live.current.number
    planned = (await api.post("/estate/plan", json={"files": files})).json()
    assert {"act": "add", "kind": "group", "id": "new", "differences": []} in planned["steps"]
    assert company.control.live.current.number == before
    applied = (await api.post("/estate/apply", json={"files": files})).json()
    assert applied["steps"] == planned["steps"]
    assert applied["effect"]["number"] == company.control.live.current.number
    assert set(company.control.live.current.groups) == {"new"}


async def test_the_audit_log_is_verified(company: Office, api: httpx.AsyncClient) -> None:
    assert (await api.get("/audit/verify")).json()["intact"] is True
    company.heads.head = AuditHead(seq=99, hash="00" * 32)
    verdict = (await api.get("/audit/verify")).json()
    assert verdict["intact"] is False
    assert verdict["problem"] == "the end is missing"


async def test_listings_hold_what_the_snapshot_says(api: httpx.AsyncClient) -> None:
    users: list[dict[str, Any]] = (await api.get("/users")).json()
    assert [user["id"] for user in users] == ["alice", "bob", "carol", "dave"]
    assert users[2]["risk"] == 72
    assert users[2]["name"] == f"Carol {HOSTILE}"
    sessions = (await api.get("/sessions", params={"user": "bob"})).json()
    assert [session["id"] for session in sessions] == ["ses_bob"]
    resources = {item["id"]: item for item in (await api.get("/resources")).json()}
    assert resources["payroll"]["policies"] == ["payroll-at-work"]
    assert resources["payroll"]["sensitivity"] == 80
    assert "secret" not in (await api.get("/devices")).text


async def test_an_ended_session_is_not_listed(company: Office, api: httpx.AsyncClient) -> None:
    company.now = NOON + 28801
    assert (await api.get("/sessions")).json() == []


async def test_status_names_what_is_not_well(company: Office, api: httpx.AsyncClient) -> None:
    number = company.control.live.current.number
    assert (await api.get("/status")).json()["ok"] is True
    company.gateways.waited.clear()
    lagging = (await api.get("/status")).json()
    assert lagging["ok"] is False
    assert lagging["problems"] == [f"gateway gateway-1 enforces snapshot 0, not {number}"]


async def test_status_says_that_no_password_can_be_set(
    company: Office, api: httpx.AsyncClient, tmp_path: Path
) -> None:
    """The list of leaked passwords was there when the control plane started."""
    path = tmp_path / "leaked.txt"
    path.write_text("A" * 40 + ":1\n")
    parts = company.federation.authenticators
    object.__setattr__(parts, "leaked", leaked_passwords(str(path)))
    assert (await api.get("/status")).json()["ok"] is True
    path.unlink()
    missing = (await api.get("/status")).json()
    assert missing["ok"] is False
    assert missing["problems"] == [
        f"no password can be set: the list of leaked passwords {path}: No such file or directory"
    ]


async def test_an_unexpected_error_tells_nothing_but_a_reference(
    company: Office, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("the secret inner life")

    monkeypatch.setattr(company.gateways, "connected", broken)
    answer = await api.get("/status")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert "secret inner life" not in answer.text
