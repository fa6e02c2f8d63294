"""The one-time code of the sign-in redirect, and the path that it leads to."""

from __future__ import annotations

import pytest

from doorward.administrator.authentication import digest
from doorward.administrator.redirect_code import (
    LIFETIME_SECONDS,
    is_return_path,
    issue_code,
    redeem_code,
)
from doorward.errors import DoorwardError
from doorward.model.ids import ResourceId, SessionId
from tests.fakes.sign_in import Desk, desk

FLOW = "a-flow-cookie-of-this-browser"
PAYROLL = ResourceId("payroll")


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def issued(office: Desk) -> str:
    return await issue_code(
        office.control,
        session=SessionId("ses_1"),
        resource=PAYROLL,
        flow=digest(FLOW),
        now=office.now,
    )


async def redeemed(
    office: Desk, code: str, resource: ResourceId = PAYROLL, flow: str = FLOW
) -> SessionId:
    return await redeem_code(
        office.control, code, resource=resource, flow_cookie=flow, now=office.now
    )


async def test_a_code_stands_for_its_session_once(office: Desk) -> None:
    code = await issued(office)
    assert await redeemed(office, code) == "ses_1"
    with pytest.raises(DoorwardError, match="code-refused"):
        await redeemed(office, code)


async def test_a_code_of_another_resource_is_refused_and_used_up(office: Desk) -> None:
    code = await issued(office)
    with pytest.raises(DoorwardError, match="code-refused"):
        await redeemed(office, code, resource=ResourceId("handbook"))
    with pytest.raises(DoorwardError, match="code-refused"):
        await redeemed(office, code)


@pytest.mark.parametrize("flow", ["", "another-browser", digest(FLOW)])
async def test_a_code_in_another_browser_is_refused_and_used_up(office: Desk, flow: str) -> None:
    code = await issued(office)
    with pytest.raises(DoorwardError, match="code-refused"):
        await redeemed(office, code, flow=flow)
    with pytest.raises(DoorwardError, match="code-refused"):
        await redeemed(office, code)


async def test_a_code_expires(office: Desk) -> None:
    code = await issued(office)
    office.now += LIFETIME_SECONDS
    with pytest.raises(DoorwardError, match="code-refused"):
        await redeemed(office, code)


async def test_the_store_never_holds_the_code(office: Desk) -> None:
    code = await issued(office)
    assert code not in repr(office.store._state.one_time)


@pytest.mark.parametrize("path", ["/", "/a/b?c=d&e=%2f", "/a//b", "/[x]", "/~me/.well-known"])
def test_a_path_on_the_host_is_accepted(path: str) -> None:
    assert is_return_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/a\\b",
        "https://evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\tevil",
        "/\n/evil.example",
        "\t//evil.example",
        "/a b",
        "/ä",
        "/\x00",
        "/\x7f",
        "/" + "a" * 2048,
    ],
)
def test_a_path_that_leaves_the_host_is_refused(path: str) -> None:
    assert not is_return_path(path)
