"""The SCIM server as identity providers meet it: over HTTP, through the gateway, by a token."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from scim2_tester import Status, check_server
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.integration.gateway_control import wait_until
from tests.integration.scim_running import (
    DOMAIN,
    Running,
    publish,
    scim_client,
    signed_in,
    start,
)

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CHECKS = 130
"""What `scim2-tester` asks at the least: fewer, and it has stopped half-way."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    doorward = start(tmp_path_factory.mktemp("scim"))
    try:
        with doorward.client("directory", doorward.tokens["idp"]) as client:
            assert create(client, "Groups", displayName="On call")["id"] == "on-call"
        yield doorward
    finally:
        doorward.stop()


@pytest.fixture
def idp(running: Running) -> Iterator[httpx.Client]:
    with running.client("directory", running.tokens["idp"]) as client:
        yield client


def create(idp: httpx.Client, endpoint: str, **attributes: Any) -> dict[str, Any]:
    schema = USER if endpoint == "Users" else GROUP
    answer = idp.post(f"/scim/v2/{endpoint}", json={"schemas": [schema], **attributes})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def patch(idp: httpx.Client, path: str, *operations: dict[str, Any]) -> httpx.Response:
    return idp.patch(f"/scim/v2/{path}", json={"schemas": [PATCH], "Operations": operations})


@pytest.mark.timeout(600)
def test_scim2_tester_passes_entirely(running: Running) -> None:
    with scim_client(running) as client:
        client.discover()
        results = check_server(client)
    told = [result for result in results if result.status is not Status.SUCCESS]
    assert not told, told
    assert len(results) >= CHECKS, Counter(result.title for result in results)
    assert {result.resource_type for result in results} >= {"User", "Group"}


def allowed(client: httpx.Client, cookie: str) -> int:
    return client.get("/", headers={"cookie": cookie}).status_code


def test_who_becomes_inactive_is_out_within_a_second_open_streams_too(
    running: Running, idp: httpx.Client
) -> None:
    create(idp, "Users", userName="zoe", emails=[{"value": "zoe@example.org", "type": "work"}])
    patch(idp, "Groups/on-call", {"op": "add", "path": "members", "value": [{"value": "zoe"}]})
    wiki, wiki_session = signed_in("zoe", "wiki")
    chat, chat_session = signed_in("zoe", "chat")
    publish(running, [*wiki_session, *chat_session])
    with (
        running.client("wiki") as browser,
        socket.create_connection(("127.0.0.1", running.port)) as raw,
    ):
        wait_until(lambda: allowed(browser, wiki) == 200, 10)
        ticketed = browser.get("/", headers={"cookie": wiki})
        ticket = ticketed.cookies["__Host-doorward-ticket"]
        both = f"{wiki}; __Host-doorward-ticket={ticket}"
        assert allowed(browser, both) == 200
        with connect(
            f"ws://chat.{DOMAIN}:{running.port}/live",
            sock=raw,
            additional_headers={"Cookie": chat},
            proxy=None,
        ) as stream:
            stream.send("before")
            assert stream.recv(5) == "before"
            sent = time.monotonic()
            answer = patch(idp, "Users/zoe", {"op": "replace", "path": "active", "value": False})
            assert answer.status_code == 204, answer.text
            assert allowed(browser, both) != 200
            with pytest.raises(ConnectionClosed):
                stream.recv(2)
            assert time.monotonic() - sent < 1.0
        patch(idp, "Users/zoe", {"op": "replace", "path": "active", "value": True})
        # Whoever is active again signs in again: what was open stays closed.
        assert allowed(browser, wiki) != 200


def test_a_person_who_leaves_the_group_loses_what_it_opened(
    running: Running, idp: httpx.Client
) -> None:
    create(idp, "Users", userName="yan")
    group = create(idp, "Groups", displayName="Passers-by")
    cookie, session = signed_in("yan", "wiki")
    publish(running, session)
    with running.client("wiki") as browser:
        wait_until(lambda: allowed(browser, cookie) == 403, 10)
        patch(idp, "Groups/on-call", {"op": "add", "path": "members", "value": [{"value": "yan"}]})
        assert allowed(browser, cookie) == 200
        patch(idp, "Groups/on-call", {"op": "remove", "path": 'members[value eq "yan"]'})
        assert allowed(browser, cookie) == 403
        nested = {"op": "add", "path": "members", "value": [{"value": group["id"]}]}
        patch(idp, "Groups/on-call", nested)
        inner = {"op": "add", "path": "members", "value": [{"value": "yan"}]}
        patch(idp, f"Groups/{group['id']}", inner)
        assert allowed(browser, cookie) == 200
        assert idp.delete(f"/scim/v2/Groups/{group['id']}").status_code == 204
        assert allowed(browser, cookie) == 403


def test_the_token_opens_the_directory_and_not_the_console(
    running: Running, idp: httpx.Client
) -> None:
    assert idp.get("/scim/v2/Users").status_code == 200
    with running.client("console", running.tokens["idp"]) as console:
        assert console.get("/api/v1/users").status_code == 403
        assert console.get("/scim/v2/Users").status_code == 403
    assert idp.get("/api/v1/users").status_code == 404
    assert idp.get("/").status_code == 404


def test_policies_say_who_may_change_the_directory(running: Running) -> None:
    with running.client("directory", running.tokens["other"]) as reader:
        assert reader.get("/scim/v2/Users").status_code == 200
        refused = reader.post("/scim/v2/Users", json={"schemas": [USER], "userName": "mallory"})
        assert refused.status_code == 403
        filtered = reader.get("/scim/v2/Users", params={"filter": 'userName eq "mallory"'})
        assert filtered.json()["totalResults"] == 0
    with running.client("directory") as stranger:
        assert stranger.get("/scim/v2/ServiceProviderConfig").status_code == 401


def test_addresses_of_resources_are_those_that_the_client_reaches(
    running: Running, idp: httpx.Client
) -> None:
    created = create(idp, "Users", userName="x@example.org")
    base = f"http://directory.{DOMAIN}:{running.port}"
    assert created["meta"]["location"] == f"{base}/scim/v2/Users/x@example.org"
    found = idp.get(created["meta"]["location"].removeprefix(base))
    assert found.json() == created


def test_the_audit_names_the_service_and_holds_what_was_refused(
    running: Running, idp: httpx.Client
) -> None:
    create(idp, "Users", userName="audited@example.org")
    refused = idp.post("/scim/v2/Users", json={"schemas": [USER], "userName": "a\nb"})
    assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidValue")
    with running.api() as api:
        entries = api.get("/audit", params={"limit": 1000}).json()
    newest = entries[0]
    assert (newest["act"], newest["actor"]) == ("provisioning-refused", "service:idp")
    assert {entry["actor"] for entry in entries if entry["act"] == "person-provisioned"} == {
        "service:idp"
    }
