"""The SCIM server as identity providers meet it: over HTTP, through the gateway, by a token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from scim2_tester import Status, check_server

from tests.integration.scim_running import (
    Running,
    scim_client,
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
    yield doorward
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
