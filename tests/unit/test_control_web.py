"""Which application answers for which host."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from doorward.entrypoints.control.web import ByHost
from doorward.model.estate import Resource
from doorward.model.ids import LabelId, ResourceId, UserId
from doorward.model.snapshot import Snapshot


def resource(name: str, upstream: str) -> Resource:
    return Resource(
        id=ResourceId(name),
        name=name,
        host=name,
        upstream=upstream,
        label=LabelId("internal"),
        owner=UserId("owner"),
    )


class Estate:
    current = Snapshot(
        resources={
            "console": resource("console", "control"),
            "people": resource("people", "scim"),
            "wiki": resource("wiki", "http://127.0.0.1:1"),
        }
    )

    async def reached(self, number: int) -> Snapshot:
        raise AssertionError(number)


@pytest.mark.parametrize(
    ("host", "path", "status", "answer"),
    [
        ("auth.example.test", "/", 200, "login"),
        ("console.example.test", "/", 200, "console"),
        ("console.example.test:8080", "/api/v1/users", 200, "console"),
        ("auth.example.test", "/agent/v1/enrolments", 200, "fleet"),
        ("auth.example.test", "/agent/v2/enrolments", 200, "login"),
        ("console.example.test", "/agent/v1/enrolments", 200, "console"),
        ("console.example.test", "/scim/v2/Users", 200, "console"),
        ("people.example.test", "/scim/v2/Users", 200, "directory"),
        ("people.example.test", "/api/v1/users", 200, "directory"),
        ("people.example.test", "/.doorward/sign-out", 200, "login"),
        ("wiki.example.test", "/", 421, ""),
        ("nothing.example.test", "/scim/v2/Users", 421, ""),
        ("people.elsewhere.test", "/scim/v2/Users", 421, ""),
    ],
)
async def test_each_host_has_its_application(
    host: str, path: str, status: int, answer: str
) -> None:
    web = ByHost(
        "example.test",
        Estate(),
        PlainTextResponse("login"),
        {"control": PlainTextResponse("console"), "scim": PlainTextResponse("directory")},
        {"/agent/v1/": PlainTextResponse("fleet")},
    )
    transport = httpx.ASGITransport(app=web)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{host}") as client:
        got = await client.get(path)
    assert got.status_code == status
    if answer:
        assert got.text == answer
