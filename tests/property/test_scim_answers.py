"""Where we do for speed what `scim2_models` does too, it is the oracle."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import Context, PatchOp, ResponseParameters, SCIMException
from scim2_server.utils import parametrize

from doorward.entrypoints.scim.description import provider
from doorward.entrypoints.scim.documents import details_of
from doorward.entrypoints.scim.members import member_change
from doorward.entrypoints.scim.projection import Projection
from tests.fakes.provisioning import ENTERPRISE, GROUP, PATCH, USER

MODELS: dict[str, Any] = {name: provider().model_for(name) for name in ("User", "Group")}
DOCUMENT: dict[str, Any] = {
    "schemas": [USER, ENTERPRISE],
    "id": "zoe",
    "externalId": "x",
    "userName": "zoe",
    "name": {"givenName": "Zoë", "familyName": "Ü"},
    "active": True,
    "emails": [
        {"value": "a@x.example", "type": "work", "primary": True},
        {"value": "b@x.example"},
    ],
    "groups": [{"value": "ops", "$ref": "https://d.test/Groups/ops", "display": "Ops"}],
    "x509Certificates": [{"value": "AAAA"}],
    "meta": {"resourceType": "User", "version": 'W/"1"', "created": "2026-01-01T00:00:00Z"},
    ENTERPRISE: {"department": "R&D", "manager": {"value": "26118915"}},
}
ATTRIBUTES = st.sampled_from(
    [
        *("userName", "USERNAME", "name", "name.givenName", "emails", "emails.value", "groups"),
        *("groups.$ref", "meta", "meta.version", "active", "id", "schemas", "externalId", "user"),
        *(f"{USER}:userName", f"{USER}:name.familyName", f"{USER}:emails.type", USER),
        *(ENTERPRISE, f"{ENTERPRISE}:department", f"{ENTERPRISE}:manager.value", "department"),
        *("x509Certificates.value", "title", "nothing", "emails.nothing", "manager"),
    ]
)


@settings(max_examples=400)
@given(attributes=st.lists(ATTRIBUTES, max_size=3), excluded=st.booleans())
def test_a_projection_keeps_what_the_library_keeps(attributes: list[str], excluded: bool) -> None:
    field = "excluded_attributes" if excluded else "attributes"
    with provider():
        parameters = parametrize(ResponseParameters, MODELS["User"]).model_validate(
            {field: ",".join(attributes)}
        )
        model = MODELS["User"].model_validate(DOCUMENT)
        context = Context.RESOURCE_QUERY_RESPONSE
        whole = model.model_dump(scim_ctx=context, mode="json")
        wanted = model.model_dump(scim_ctx=context, response_parameters=parameters, mode="json")
    kept = Projection(() if excluded else attributes, attributes if excluded else ())
    assert kept.of(whole, USER) == wanted
    assert kept.keeps(USER, "groups") == ("groups" in wanted) or not wanted.get("groups")


MEMBERS = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.lists(MEMBERS.map(lambda member: {"value": member}), max_size=3)
OPERATIONS = st.one_of(
    st.builds(lambda value: {"op": "add", "path": "members", "value": value}, VALUES),
    st.builds(lambda value: {"op": "replace", "path": "members", "value": value}, VALUES),
    st.builds(
        lambda value: {"op": "remove", "path": "members", "value": value},
        VALUES.filter(bool),
    ),
    st.builds(lambda member: {"op": "remove", "path": f'members[value eq "{member}"]'}, MEMBERS),
    st.just({"op": "remove", "path": "members"}),
    st.builds(
        lambda one, other: {
            "op": "remove",
            "path": f'members[value eq "{one}" or value eq "{other}"]',
        },
        MEMBERS,
        MEMBERS,
    ),
)


@settings(max_examples=300)
@given(before=st.sets(MEMBERS), operations=st.lists(OPERATIONS, min_size=1, max_size=5))
def test_members_are_those_whom_the_library_leaves(
    before: set[str], operations: list[dict[str, Any]]
) -> None:
    group = {
        "schemas": [GROUP],
        "id": "ops",
        "displayName": "Ops",
        "members": [{"value": member} for member in sorted(before)],
    }
    with provider():
        patch = parametrize(PatchOp, MODELS["Group"]).model_validate(
            {"schemas": [PATCH], "Operations": operations},
            scim_ctx=Context.RESOURCE_PATCH_REQUEST,
        )
        model = MODELS["Group"].model_validate(group)
        patch.patch(model)
        change = member_change(patch)
    assert change is not None
    wanted = {member.value for member in model.members or ()}
    kept = set() if change.everyone else before - set(change.removed)
    assert kept | set(change.added) == wanted


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
NAMES = st.sampled_from([*DOCUMENT, "displayName", "members", "password", "roles", "title"])


@settings(max_examples=200)
@given(document=st.dictionaries(NAMES, JSON, max_size=6))
def test_what_the_library_accepts_can_be_read(document: dict[str, Any]) -> None:
    """Whatever a document holds that passed its schema, doorward's own reading of it ends."""
    with provider():
        try:
            model = MODELS["User"].model_validate({"schemas": [USER], "userName": "z"} | document)
        except (ValueError, SCIMException):
            return
        dumped = model.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, mode="json")
    details_of(dumped)
