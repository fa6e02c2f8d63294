"""A filter on documents as they are kept says what `scim2_models` says of the models."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import Context, SCIMException, ScimFilter, SearchRequest
from scim2_server.utils import parametrize

from doorward.entrypoints.scim.description import provider
from doorward.entrypoints.scim.documents import body_of
from doorward.entrypoints.scim.matching import matcher, sort_key
from tests.fakes.provisioning import ENTERPRISE, USER

MODEL: Any = provider().model_for("User")

TEXTS = st.sampled_from(
    [
        *(
            "",
            "a",
            "A",
            "Ä",
            "ä",
            "A\u0308",
            "\u0391\u03a3",
            "\u03b1\u03c2",
            "\u03b1\u03c3",
            "İ",
            "i\u0307",
            "ß",
            "ẞ",
            "SS",
            "ﬁ",
        ),
        *("Dr.", "dr. a", "Working student", "work", "WORK", "home", "佐藤", "\U0001f600", "a\nΣ"),
    ]
)
FLAGS = st.booleans()


def some(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


PHONES = st.lists(some(value=TEXTS, type=TEXTS, display=TEXTS, primary=FLAGS), max_size=3)
DOCUMENTS = some(
    title=TEXTS,
    nickName=TEXTS,
    userType=TEXTS,
    name=some(formatted=TEXTS, middleName=TEXTS, familyName=TEXTS),
    active=FLAGS,
    phoneNumbers=PHONES,
    roles=PHONES,
    addresses=st.lists(some(locality=TEXTS, country=TEXTS, type=TEXTS), max_size=2),
).flatmap(
    lambda core: st.one_of(
        st.just(core),
        some(
            department=TEXTS,
            employeeNumber=TEXTS,
            manager=some(value=TEXTS, displayName=TEXTS),
        ).map(lambda extension: core | {ENTERPRISE: extension}),
    )
)
PATHS = st.sampled_from(
    [
        *("title", "TITLE", "nickName", "userType", "name.formatted", "name.middlename"),
        *("phoneNumbers", "phoneNumbers.value", "phoneNumbers.type", "roles.display", "roles"),
        *("addresses.locality", f"{USER}:title", f"{ENTERPRISE}:department", "nothing"),
        *(f"{ENTERPRISE}:manager.displayName", f"{ENTERPRISE}:employeeNumber", "locale"),
    ]
)
OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])
VALUES = st.one_of(TEXTS.map(ScimFilter.quote), st.just("null"))
FLAG_TESTS = st.builds(
    "{} {} {}".format,
    st.sampled_from(["active", "phoneNumbers.primary", "roles.primary"]),
    st.sampled_from(["eq", "ne"]),
    st.sampled_from(["true", "false", "null"]),
)
PRESENT = st.sampled_from(["name", "phoneNumbers", "addresses", f"{ENTERPRISE}:manager", "title"])
PARTS = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from(["value", "type", "DISPLAY"]), OPERATORS, VALUES),
    st.builds("primary {} {}".format, st.sampled_from(["eq", "ne"]), FLAGS.map(ScimFilter.quote)),
    st.sampled_from(["type pr", "value pr", "primary pr"]),
)


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map("not ({})".format),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
    )


TERMS = st.one_of(
    st.builds("{} {} {}".format, PATHS, OPERATORS, VALUES),
    FLAG_TESTS,
    PRESENT.map("{} pr".format),
    st.builds(
        "{}[{}]".format,
        st.sampled_from(["phoneNumbers", "roles", f"{USER}:roles"]),
        st.recursive(PARTS, joined, max_leaves=3),
    ),
)


def kept(document: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The model of a person who was sent so, and the document that is kept of them."""
    sent = {"schemas": [USER], "userName": "z"} | document
    dumped = MODEL.model_validate(sent).model_dump(
        scim_ctx=Context.RESOURCE_QUERY_RESPONSE, mode="json"
    )
    return MODEL.model_validate(dumped), msgspec.json.decode(body_of(dumped))


@settings(max_examples=600)
@given(document=DOCUMENTS, text=st.recursive(TERMS, joined, max_leaves=3))
def test_documents_fulfil_what_their_models_do(document: dict[str, Any], text: str) -> None:
    with provider():
        model, body = kept(document)
        try:
            asked = ScimFilter.__class_getitem__(MODEL)(text)
        except SCIMException:
            return
        assert matcher(asked, MODEL)(body) == asked.match(model)


@settings(max_examples=150)
@given(document=DOCUMENTS, path=PATHS.filter(lambda path: path != "nothing"))
def test_documents_are_sorted_as_their_models_are(document: dict[str, Any], path: str) -> None:
    with provider():
        model, body = kept(document)
        request = parametrize(SearchRequest, MODEL).model_validate({"sortBy": path})
        binding = request.sort_binding(MODEL)
        assert binding is not None
        assert sort_key(binding)(body) == request.sort_value(model)
