"""Whatever text comes in, reading policies and classifying paths stay total and safe."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.engine import classify
from doorward.errors import SourceError
from doorward.model.estate import ActionRule, Policy, Resource
from doorward.policy import compile_bundle, parse_policies
from tests.property.estates import built

FRAGMENTS = st.sampled_from(
    (
        '@id("a")',
        '@id("b")',
        '@description("x;y")',
        "permit",
        "forbid",
        "(principal, action, resource)",
        "(principal == ?principal, action, resource)",
        "when {",
        "unless {",
        "context has session",
        "true",
        "}",
        ";",
        '// a comment; with "quotes"\n',
        '"',
        "\\",
        "(" * 70,
        "-" * 9,
        "99999999999999999999",
        "\n",
        "\r",
        " ",
    )
)
RULES = (
    ActionRule(path="/admin/*", action="write"),
    ActionRule(path="/search", methods=("POST",), action="read"),
    ActionRule(path="/Export/*", methods=("GET",), action="write"),
)
RESOURCE = built(
    Resource,
    id="app",
    name="",
    host="app",
    upstream="http://127.0.0.1:1",
    label="public",
    owner="alice",
    rules=RULES,
)


@settings(max_examples=150)
@given(st.one_of(st.text(), st.lists(FRAGMENTS, max_size=14).map("".join)))
def test_any_text_is_policies_or_a_source_error_with_a_line(text: str) -> None:
    error, policies = read(text)
    if error is not None:
        assert 1 <= error.line <= text.count("\n") + 1
        assert error.remedy
    lines = text.split("\n")
    for policy in policies:
        assert policy.text.split("\n")[0].rstrip("\r") in lines[policy.line - 1]
        assert parse_policies(policy.text, "one.cedar")[0].id == policy.id
    compile_bundle(policies)


def read(text: str) -> tuple[SourceError | None, tuple[Policy, ...]]:
    try:
        return None, parse_policies(text, "any.cedar")
    except SourceError as error:
        return error, ()


@settings(max_examples=150)
@given(st.text(), st.text())
def test_any_method_and_path_have_an_action(method: str, path: str) -> None:
    assert classify(RESOURCE, method, path).action in {"read", "write"}


def disguises(path: str) -> st.SearchStrategy[str]:
    """Spellings of `path` that some application takes for it."""

    def disguise(parts: list[tuple[str, int]]) -> str:
        found = ""
        for character, kind in parts:
            if character == "/":
                found += ("/", "//", "/./", "/x/../", "%2f", "\\", ";a=b/", "/%2e/")[kind]
            else:
                found += (
                    character,
                    character.upper(),
                    f"%{ord(character):02x}",
                    f"%25{ord(character):02X}",
                    quote(f"%25{ord(character):02x}"),
                    character,
                    character,
                    character,
                )[kind]
        return found

    kinds = st.lists(st.integers(0, 7), min_size=len(path), max_size=len(path))
    return kinds.map(lambda chosen: "/" + disguise(list(zip(path, chosen, strict=True))[1:]))


@settings(max_examples=300)
@given(disguises("/admin/users"), st.sampled_from(("", "?a=/wiki", "#/wiki", ";v=1", "/")))
def test_no_disguise_makes_a_write_a_read(path: str, tail: str) -> None:
    assert classify(RESOURCE, "GET", path + tail).action == "write"
    assert classify(RESOURCE, "GET", path.replace("users", "%75sers") + tail).action == "write"


@settings(max_examples=150)
@given(disguises("/export/all"))
def test_rules_apply_whatever_their_own_case(path: str) -> None:
    assert classify(RESOURCE, "GET", path).action == "write"
