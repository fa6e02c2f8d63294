"""The SCIM server as a protocol: what directories send, and what they get."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from doorward.entrypoints.actors import GatewayAssertion
from doorward.entrypoints.scim import app as scim_app
from doorward.entrypoints.scim.app import DirectoryProtocol, ScimApplication
from tests.fakes.office import Office, office
from tests.fakes.provisioning import BULK, ENTERPRISE, GROUP, NOTED, PATCH, USER, ScimDesk

TITLE = {"op": "replace", "path": "title", "value": "Dr."}
GONE = {"method": "DELETE", "path": "/Users/zoe"}


@pytest.fixture
def desk() -> ScimDesk:
    return ScimDesk()


def add(*members: str) -> dict[str, Any]:
    return {"op": "add", "path": "members", "value": [{"value": member} for member in members]}


async def members(desk: ScimDesk, group: str) -> list[str]:
    found = await desk.store.directory.members([group])
    return [member.id for member in found.get(group, ())]


async def test_a_password_is_passed_over_and_kept_nowhere(desk: ScimDesk) -> None:
    document = await desk.made("Users", userName="zoe", password="correct horse")
    set_later = {"op": "replace", "value": {"password": "battery staple", "title": "Dr."}}
    assert await desk.patched("/Users/zoe", set_later) == 204
    assert "password" not in document
    assert "horse" not in repr(desk.store.content())
    assert "staple" not in repr(desk.store.content())
    schemas = (await desk.send("GET", "/Schemas")).json()["Resources"]
    assert not [a for s in schemas for a in s["attributes"] if a["name"] == "password"]


async def test_what_is_sent_is_what_is_answered(desk: ScimDesk) -> None:
    sent = {
        "userName": "Zoe@Example.org",
        "externalId": "00uX",
        "name": {"givenName": "Zoë", "familyName": "Ü"},
        "active": True,
        "emails": [{"value": "zoe@example.org", "type": "work", "primary": True}],
        "title": "Dr.",
        ENTERPRISE: {"department": "R&D"},
    }
    document = await desk.made("Users", schemas=[USER, ENTERPRISE], **sent)
    assert {key: document[key] for key in sent} == sent
    assert document["meta"]["version"] == 'W/"1"'
    read = await desk.send("GET", f"/Users/{document['id']}")
    assert read.json() == document
    assert read.headers["etag"] == 'W/"1"'
    assert read.headers["content-type"] == "application/scim+json"
    assert read.headers["cache-control"] == "no-store"


async def test_a_version_that_is_not_the_newest_changes_nothing(desk: ScimDesk) -> None:
    await desk.made("Users", userName="zoe")
    rename = {"op": "replace", "path": "title", "value": "Dr."}
    assert await desk.patched("/Users/zoe", rename, if_match='W/"7"') == 412
    assert await desk.patched("/Users/zoe", rename, if_match='W/"1"') == 204
    same = await desk.send("GET", "/Users/zoe", if_none_match='W/"2"')
    assert (same.status_code, same.content) == (304, b"")
    body = {"schemas": [USER], "userName": "zoe"}
    assert (await desk.send("PUT", "/Users/zoe", body, if_match='W/"1"')).status_code == 412
    assert (await desk.send("DELETE", "/Users/zoe", if_match='W/"1"')).status_code == 412
    assert (await desk.send("DELETE", "/Users/zoe", if_match='W/"2"')).status_code == 204


async def test_what_changes_nothing_is_no_new_version(desk: ScimDesk) -> None:
    document = await desk.made("Users", userName="zoe", title="Dr.")
    again = {"op": "replace", "path": "title", "value": "Dr."}
    assert await desk.patched("/Users/zoe", again) == 204
    put = await desk.send("PUT", "/Users/zoe", document)
    assert put.json()["meta"] == document["meta"]
    group = await desk.made("Groups", displayName="Ops", members=[{"value": "zoe"}])
    put = await desk.send("PUT", "/Groups/ops", group)
    assert put.json()["meta"] == group["meta"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Replace", "value": {"active": False}},
        {"op": "replace", "path": "active", "value": False},
        {"op": "Add", "path": "active", "value": "false"},
        {"op": "replace", "path": f"{USER}:active", "value": False},
    ],
)
async def test_directories_say_inactive_in_several_ways(
    desk: ScimDesk, operation: dict[str, Any]
) -> None:
    await desk.made("Users", userName="zoe", active=True)
    assert await desk.patched("/Users/zoe", operation) == 204
    assert desk.control.live.current.standings["zoe"].disabled
    assert await desk.found("Users", "active eq false") == ["zoe"]


async def test_put_without_what_was_there_takes_it_away(desk: ScimDesk) -> None:
    await desk.made("Users", userName="zoe", title="Dr.", active=False)
    put = await desk.send("PUT", "/Users/zoe", {"schemas": [USER], "userName": "zoe2"})
    assert put.status_code == 200
    assert "title" not in put.json()
    assert not desk.control.live.current.standings["zoe"].disabled
    assert await desk.found("Users", 'userName eq "ZOE2"') == ["zoe"]


MEMBERSHIPS = [
    ([add("b")], ["a", "b"]),
    ([add("b"), add("c")], ["a", "b", "c"]),
    ([{"op": "Remove", "path": "members", "value": [{"value": "a"}]}], []),
    ([{"op": "remove", "path": 'members[value eq "a"]'}], []),
    ([{"op": "remove", "path": 'members[value eq "a" or value eq "b"]'}, add("b")], ["b"]),
    ([{"op": "remove", "path": "members"}], []),
    ([{"op": "replace", "path": "members", "value": [{"value": "c"}]}], ["c"]),
    ([{"op": "replace", "path": "members", "value": []}], []),
    ([add("b"), {"op": "replace", "path": "members", "value": [{"value": "c"}]}, add("a")], "ac"),
    ([{"op": "replace", "value": {"displayName": "New", "members": [{"value": "b"}]}}], ["b"]),
    ([{"op": "replace", "path": "displayName", "value": "New"}, add("b")], ["a", "b"]),
    ([{"op": "remove", "path": 'members[type eq "User"]'}], []),
    ([{"op": "add", "path": f"{GROUP}:members", "value": {"value": "b"}}], ["a", "b"]),
    ([{"op": "add", "path": "MEMBERS", "value": [{"value": "b", "display": "B"}]}], ["a", "b"]),
]


@pytest.mark.parametrize(("operations", "after"), MEMBERSHIPS)
async def test_members_come_and_go_in_several_ways(
    desk: ScimDesk, operations: list[dict[str, Any]], after: list[str]
) -> None:
    for name in "abc":
        await desk.made("Users", userName=name)
    await desk.made("Groups", displayName="Ops", members=[{"value": "a"}])
    assert await desk.patched("/Groups/ops", *operations) == 204
    assert await members(desk, "ops") == list(after)
    inside = [u.id for u in desk.control.live.current.users.values() if "ops" in u.groups]
    assert sorted(inside) == list(after)


async def test_members_can_be_left_out_of_an_answer(desk: ScimDesk) -> None:
    await desk.made("Users", userName="zoe")
    await desk.made("Groups", displayName="Ops", members=[{"value": "zoe"}])
    without = await desk.send("GET", "/Groups/ops?excludedAttributes=members")
    assert "members" not in without.json()
    [listed] = (await desk.send("GET", "/Groups?attributes=members.value")).json()["Resources"]
    assert listed == {"schemas": [GROUP], "id": "ops", "members": [{"value": "zoe"}]}


async def test_filters_find_by_what_is_looked_up_and_by_what_is_not(desk: ScimDesk) -> None:
    for name, title in (("a", "Dr."), ("b", None), ("c", "Prof.")):
        more = {"title": title} if title else {}
        await desk.made("Users", userName=name, emails=[{"value": f"{name}@x.example"}], **more)
    await desk.made("Groups", displayName="Ops", members=[{"value": "b"}])
    assert await desk.found("Users", 'emails.value eq "A@x.example"') == ["a"]
    assert await desk.found("Users", "title pr") == ["a", "c"]
    assert await desk.found("Users", 'title sw "d" and userName lt "c"') == ["a"]
    assert await desk.found("Users", 'not (title eq "dr.")') == ["b", "c"]
    assert await desk.found("Users", 'groups.value eq "ops" or title co "rof"') == ["b", "c"]
    assert await desk.found("Groups", 'members eq "b"') == ["ops"]
    assert await desk.found("Groups", 'members[value eq "a"]') == []
    assert await desk.found("", 'meta.resourceType eq "Group"') == ["ops"]
    assert await desk.found("", 'displayName eq "ops" or userName eq "c"') == ["c", "ops"]


async def test_answers_come_in_pages_and_in_order(desk: ScimDesk) -> None:
    for number in range(5):
        await desk.made("Users", userName=f"u{number}", title=f"t{4 - number}")
    for by in ("userName", "title"):
        page = await desk.send(
            "GET", f"/Users?sortBy={by}&sortOrder=descending&startIndex=2&count=2"
        )
        body = page.json()
        assert (body["totalResults"], body["startIndex"], body["itemsPerPage"]) == (5, 2, 2)
        wanted = ["u3", "u2"] if by == "userName" else ["u1", "u2"]
        assert [item["id"] for item in body["Resources"]] == wanted
    counted = (await desk.send("GET", "/Users?count=0")).json()
    assert (counted["totalResults"], counted["Resources"]) == (5, [])
    search = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": 'userName ge "u3"',
        "attributes": ["userName"],
    }
    found = (await desk.send("POST", "/Users/.search", search)).json()
    assert [item["userName"] for item in found["Resources"]] == ["u3", "u4"]
    assert [entry.act for entry in await desk.audit()] == ["person-provisioned"] * 5


async def test_each_operation_of_a_bulk_stands_alone(desk: ScimDesk) -> None:
    operations = [
        {
            "method": "POST",
            "path": "/Groups",
            "bulkId": "g",
            "data": {
                "schemas": [GROUP],
                "displayName": "Ops",
                "members": [{"value": "bulkId:u"}],
            },
        },
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": "u",
            "data": {"schemas": [USER], "userName": "zoe"},
        },
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": "v",
            "data": {"schemas": [USER], "userName": "ZOE"},
        },
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:g",
            "data": {"schemas": [PATCH], "Operations": [add("nobody")]},
        },
    ]
    answer = await desk.send("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
    statuses = [item["status"] for item in answer.json()["Operations"]]
    assert statuses == ["201", "201", "409", "400"]
    assert await members(desk, "ops") == ["zoe"]
    refused = [entry for entry in await desk.audit() if entry.act == "provisioning-refused"]
    assert [entry.detail["operations"] for entry in refused] == ["2 of 4"]


async def test_a_bulk_stops_where_it_was_told_to(desk: ScimDesk) -> None:
    wrong = {"method": "DELETE", "path": "/Users/nobody"}
    right = {
        "method": "POST",
        "path": "/Users",
        "bulkId": "u",
        "data": {"schemas": [USER], "userName": "zoe"},
    }
    body = {"schemas": [BULK], "failOnErrors": 1, "Operations": [wrong, right]}
    answer = await desk.send("POST", "/Bulk", body)
    assert len(answer.json()["Operations"]) == 1
    assert desk.control.live.current.users == {}


REFUSED: list[tuple[str, str, Any, int, str | None]] = [
    ("POST", "/Users", {"schemas": [USER]}, 400, "invalidValue"),
    ("POST", "/Users", {"schemas": [USER], "userName": "zoe"}, 409, "uniqueness"),
    ("POST", "/Users", {"schemas": [USER], "userName": "a\nb"}, 400, "invalidValue"),
    ("POST", "/Users", b"{", 400, "invalidSyntax"),
    ("POST", "/Users", b"\xff", 400, "invalidSyntax"),
    ("POST", "/Users", b"[" * 100_000, 400, None),
    ("POST", "/Groups", {"schemas": [GROUP], "displayName": " "}, 400, "invalidValue"),
    (
        "POST",
        "/Groups",
        {"schemas": [GROUP], "displayName": "G", "members": [{"value": "x"}]},
        400,
        "invalidValue",
    ),
    ("PATCH", "/Users/zoe", {"schemas": [PATCH], "Operations": []}, 400, "invalidValue"),
    (
        "PATCH",
        "/Users/zoe",
        {"schemas": [PATCH], "Operations": [{"op": "remove", "path": "userName"}]},
        400,
        "mutability",
    ),
    (
        "PATCH",
        "/Users/zoe",
        {"schemas": [PATCH], "Operations": [{"op": "remove"}]},
        400,
        "noTarget",
    ),
    (
        "PATCH",
        "/Users/zoe",
        {"schemas": [PATCH], "Operations": [{"op": "add", "path": "a[", "value": 1}]},
        400,
        "invalidPath",
    ),
    ("POST", "/Bulk", {"schemas": [BULK], "Operations": [{}] * 1001}, 413, None),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "kind"), REFUSED)
async def test_what_is_wrong_is_told_audited_and_not_done(
    desk: ScimDesk, method: str, path: str, body: Any, status: int, kind: str | None
) -> None:
    await desk.made("Users", userName="zoe")
    before, entries = desk.content(), len(await desk.audit())
    answer = await desk.send(method, path, body)
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert error["status"] == str(status)
    if kind is not None:
        assert error["scimType"] == kind
    assert desk.content() == before
    [entry] = (await desk.audit())[entries:]
    assert (entry.act, entry.actor) == ("provisioning-refused", "service:idp")
    assert entry.target == f"scim:{method} /scim/v2{path}"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Users/nobody", 404),
        ("GET", "/Nothing", 404),
        ("GET", "/Users/zoe/more", 404),
        ("GET", "/Me", 501),
        ("PUT", "/Users", 405),
        ("GET", "/Users?filter=nonsense", 400),
        ("GET", "/Users?filter=foo%20eq%201", 400),
        ("GET", "/Users?sortBy=foo", 400),
        ("GET", "/Users?startIndex=x", 400),
        ("GET", "/Users?cursor=", 501),
        ("GET", "/Users?" + "&".join(f"a{n}=1" for n in range(60)), 400),
        ("GET", "/Schemas?filter=id%20pr", 403),
        ("DELETE", "/Groups/zoe", 404),
    ],
)
async def test_what_is_not_there_is_told_as_scim_tells_it(
    desk: ScimDesk, method: str, path: str, status: int
) -> None:
    await desk.made("Users", userName="zoe")
    answer = await desk.send(method, path)
    assert answer.status_code == status, answer.text
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


@pytest.mark.parametrize(
    ("path", "value", "detail"),
    [
        ("profileUrl", "x y", "Value error, Invalid URI: x y: profile_url"),
        ("photos", [{"value": "x y"}], "Value error, Invalid URI: x y: photos[0].value"),
    ],
)
async def test_a_value_that_a_change_makes_wrong_is_told_in_one_line(
    desk: ScimDesk, path: str, value: object, detail: str
) -> None:
    """Without the words of the library that found it."""
    await desk.made("Users", userName="zoe")
    change = {"op": "replace", "path": path, "value": value}
    answer = await desk.send("PATCH", "/Users/zoe", {"schemas": [PATCH], "Operations": [change]})
    assert answer.status_code == 400
    assert answer.json()["detail"] == detail
    assert (await desk.audit())[-1].detail["detail"] == detail


async def test_a_filter_that_is_too_long_is_refused(desk: ScimDesk) -> None:
    for text in ('userName eq "' + "x" * 9000 + '"', " or ".join(['id eq "a"'] * 201)):
        query = "/Users?filter=" + text.replace(" ", "%20")
        answer = await desk.send("GET", query)
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")
    deep = "not (" * 1500 + 'userName eq "a"' + ")" * 1500
    assert (await desk.send("GET", f"/Users?filter={deep}")).status_code == 400


async def test_a_body_beyond_the_bound_is_refused(
    desk: ScimDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = dict.fromkeys(scim_app._BODY_BYTES, 100)
    monkeypatch.setattr(scim_app, "_BODY_BYTES", bounds)
    body = {"schemas": [USER], "userName": "x" * 100}
    assert (await desk.send("POST", "/Users", body)).status_code == 413
    assert desk.control.live.current.users == {}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_what_cannot_be_an_id_is_not_looked_up(
    desk: ScimDesk, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(desk.store.directory, "get", None)
    body = {"schemas": [PATCH], "Operations": [TITLE]}
    if method == "PUT":
        body = {"schemas": [USER], "userName": "zoe"}
    sent = body if method in {"PUT", "PATCH"} else None
    assert (await desk.send(method, "/Users/a%00b", sent)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "work"),
    [
        ("POST", "/Users", {"schemas": [USER], "userName": "zed"}, "read_creation"),
        ("PUT", "/Users/zoe", {"schemas": [USER], "userName": "z"}, "read_replacement"),
        ("PUT", "/Users/zoe", {"schemas": [USER], "userName": "z"}, "apply_replacement"),
        ("PATCH", "/Users/zoe", {"schemas": [PATCH], "Operations": [TITLE]}, "read_patch"),
        ("PATCH", "/Users/zoe", {"schemas": [PATCH], "Operations": [TITLE]}, "apply_patch"),
        ("POST", "/Bulk", {"schemas": [BULK], "Operations": [GONE]}, "read_bulk"),
    ],
)
async def test_nobody_waits_for_a_message_that_is_long(
    desk: ScimDesk, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: Any, work: str
) -> None:
    await desk.made("Users", userName="zoe")
    real = getattr(DirectoryProtocol, work)
    threads: list[threading.Thread] = []

    def seen(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return real(*arguments)

    monkeypatch.setattr(desk.application._service, work, seen.__get__(desk.application._service))
    assert (await desk.send(method, path, body)).is_success
    assert threads
    assert threading.main_thread() not in threads


async def test_a_system_that_repeats_itself_does_not_fill_the_audit(desk: ScimDesk) -> None:
    for _ in range(NOTED + 5):
        assert (await desk.send("POST", "/Users", {"schemas": [USER]})).status_code == 400
    assert len(await desk.audit()) == NOTED


async def test_an_unexpected_error_is_told_by_a_reference_alone(
    desk: ScimDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        message = "a secret of the store"
        raise RuntimeError(message)

    monkeypatch.setattr(desk.store.directory, "get", broken)
    answer = await desk.send("GET", "/Users/zoe")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "reference" in answer.json()["detail"]


async def test_it_says_what_it_can_do(desk: ScimDesk) -> None:
    config = (await desk.send("GET", "/ServiceProviderConfig")).json()
    supported = {name: config[name]["supported"] for name in ("patch", "bulk", "filter", "sort")}
    assert supported == dict.fromkeys(supported, True)
    assert config["changePassword"] == {"supported": False}
    assert config["etag"] == {"supported": True}
    types = (await desk.send("GET", "/ResourceTypes")).json()["Resources"]
    assert [item["endpoint"] for item in types] == ["/Users", "/Groups"]


@pytest.fixture
async def company() -> Office:
    return await office()


async def test_an_assertion_for_the_console_opens_no_directory(company: Office) -> None:
    console = company.gateway_assertion()
    verifier, live = console._verifier, console._live
    directory = GatewayAssertion(verifier, live, (), "scim")
    desk = ScimDesk(company.store, company.now)
    believing = desk.application._context
    desk.application = ScimApplication(replace(believing, authenticator=directory))
    answer = await desk.send("GET", "/Users", **company.headers())
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert json.loads(answer.content)["status"] == "401"
