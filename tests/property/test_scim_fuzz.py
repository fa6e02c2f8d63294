"""Whatever is sent to the SCIM server is answered by SCIM, and what is refused changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.provisioning import BULK, ENTERPRISE, GROUP, PATCH, USER, ScimDesk

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
ATTRIBUTES = st.sampled_from(
    [
        *("userName", "active", "emails", "emails.value", "emails.type", "name", "meta.created"),
        *("name.familyName", "members", "groups", "id", "schemas", "title", "password", "foo"),
        *(f"{USER}:userName", f"{ENTERPRISE}:manager.value", "x509Certificates.value", "$ref"),
        *("meta.resourceType", "externalId", "displayName", ENTERPRISE, "emails[type eq", ""),
    ]
)
LITERALS = st.one_of(
    TEXT.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
    st.sampled_from(["true", "null", "1", "-2.5e3", '"2026-01-01T00:00:00Z"', '"zoe"', '"', "\0"]),
)
OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "pr", "gt", "ge", "lt", "le", "EQ", "x"])
FILTERS = st.recursive(
    st.one_of(
        st.builds("{} {} {}".format, ATTRIBUTES, OPERATORS, LITERALS),
        st.builds("{} pr".format, ATTRIBUTES),
        st.builds("{}[{} {} {}]".format, ATTRIBUTES, ATTRIBUTES, OPERATORS, LITERALS),
        TEXT,
    ),
    lambda inner: st.one_of(
        st.builds("{} and {}".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=5,
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(
        [
            *("schemas", "userName", "displayName", "name", "emails", "active", "members", "id"),
            *("meta", "groups", "externalId", "roles", "password", "title", ENTERPRISE),
        ]
    ),
    JSON | st.just([USER]) | st.just([GROUP]) | st.just([{"value": "zoe"}]) | st.just("new"),
    max_size=6,
)
OPERATION = st.dictionaries(
    st.sampled_from(["op", "path", "value"]),
    st.one_of(
        st.sampled_from(["add", "remove", "replace", "Add", "x"]),
        ATTRIBUTES,
        FILTERS,
        st.builds("{}[{}].value".format, ATTRIBUTES, FILTERS),
        DOCUMENTS,
        JSON,
    ),
    max_size=3,
)
PATCHES = st.fixed_dictionaries(
    {"schemas": st.just([PATCH]), "Operations": st.lists(OPERATION, max_size=3)}
)
BULKS = st.fixed_dictionaries(
    {
        "schemas": st.just([BULK]),
        "Operations": st.lists(
            st.dictionaries(
                st.sampled_from(["method", "path", "bulkId", "data", "version"]),
                st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "/Users", "/Users/zoe", "q"])
                | DOCUMENTS
                | PATCHES,
                max_size=4,
            ),
            max_size=3,
        ),
    }
)
BODIES = st.one_of(
    DOCUMENTS, PATCHES, BULKS, JSON, st.binary(max_size=40), st.just(b"{" + b'"a":{' * 3000)
)
TARGETS = st.sampled_from(
    [
        *("/Users", "/Groups", "/Users/zoe", "/Groups/ops", "/Bulk", "/Users/.search", "/.search"),
        *("/Me", "/Schemas", "/Users/nobody", "/x", "/Groups/zoe"),
    ]
)


async def filled() -> ScimDesk:
    desk = ScimDesk()
    await desk.made(
        "Users", userName="zoe", emails=[{"value": "zoe@example.org", "type": "work"}], title="Dr."
    )
    await desk.made("Groups", displayName="Ops", members=[{"value": "zoe"}])
    return desk


def judge(answer: httpx.Response) -> None:
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    if answer.status_code >= 400:
        error = answer.json()
        assert error["schemas"] == [ERROR]
        assert error["status"] == str(answer.status_code)


async def ask(method: str, body: Any, *paths: str) -> None:
    desk = await filled()
    for path in paths:
        before = desk.content()
        answer = await desk.send(method, path, body)
        judge(answer)
        if answer.status_code >= 400 or method == "GET":
            assert desk.content() == before
    users, groups = desk.control.live.current.users, desk.control.live.current.groups
    for user in users.values():
        assert user.source == "scim"
        assert user.name.isprintable()
        assert set(user.groups) <= groups.keys()


@settings(max_examples=250)
@given(text=FILTERS, sort=st.none() | ATTRIBUTES, attributes=st.none() | ATTRIBUTES)
def test_any_filter_is_answered(text: str, sort: str | None, attributes: str | None) -> None:
    asked = {"filter": text, "sortBy": sort, "attributes": attributes}
    query = httpx.QueryParams({key: value for key, value in asked.items() if value is not None})
    paths = [f"{endpoint}?{query}" for endpoint in ("/Users", "/Groups", "/")]
    asyncio.run(ask("GET", None, *paths))


@settings(max_examples=250)
@given(method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]), path=TARGETS, body=BODIES)
def test_any_body_is_answered(method: str, path: str, body: Any) -> None:
    asyncio.run(ask(method, body, path))


@settings(max_examples=250)
@given(path=st.sampled_from(["/Users/zoe", "/Groups/ops"]), body=PATCHES)
def test_any_patch_is_answered(path: str, body: Any) -> None:
    asyncio.run(ask("PATCH", body, path))
