from __future__ import annotations

import pytest

from doorward.errors import DoorwardError, SourceError
from doorward.model.estate import Policy
from doorward.model.ids import PolicyId
from doorward.policy import compile_bundle, parse_policies, validate

ANY = "permit(principal, action, resource)"


def refused(text: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        validate(parse_policies(text, "x.cedar"))
    return caught.value


def test_policies_keep_their_lines_ids_and_descriptions() -> None:
    text = f'// one; "two"\n@id("a")\n@description("; // no")\n{ANY};\n\n@id("b") {ANY};\n'
    first, second = parse_policies(text, "x.cedar")
    assert (first.id, first.line, first.description) == ("a", 2, "; // no")
    assert (second.id, second.line, second.file) == ("b", 6, "x.cedar")
    assert first.text.startswith("@id")
    assert first.text.endswith(";")


def test_a_file_of_comments_holds_no_policies() -> None:
    assert parse_policies("// nothing\n", "x.cedar") == ()
    validate(())


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (f"\n{ANY};", "policy-id-missing", 2),
        (f'@id("") {ANY};', "policy-id-missing", 1),
        (f'@id("two words") {ANY};', "policy-id-invalid", 1),
        (f'@id("a") {ANY};\n@id("a") {ANY};', "policy-id-duplicate", 2),
        ('\n@id("a") permit(principal == ?principal, action, resource);', "policy-template", 2),
        (f'@id("a") {ANY}\nwhen {{\n 1 + }};', "policy-syntax", 3),
        (f'@id("a")\n{ANY}', "policy-syntax", 1),
        (f'@id("a") {ANY} when {{ {"(" * 99}true{")" * 99} }};', "policy-syntax", 1),
        (f'@id("a") {ANY}\nwhen {{ context.session.risk > 1 }};', "policy-invalid", 2),
        (f'@id("a") {ANY}\nwhen {{\nprincipal.risk > 1 }};', "policy-invalid", 3),
        ('@id("a") permit(principal, action == Action::"delete", resource);', "policy-invalid", 1),
        (f'@id("a") {ANY} when {{ context.weekday == "Monday" }};', "policy-invalid", 1),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, code: str, line: int) -> None:
    error = refused(text)
    assert (error.code, error.line, error.file) == (code, line, "x.cedar")
    assert error.remedy


def test_a_fact_that_can_be_unknown_is_explained() -> None:
    error = refused(f'@id("a") {ANY} when {{ context.device.risk < 5 }};')
    assert "context has device" in error.remedy


def test_a_session_has_no_name_in_a_policy() -> None:
    text = f'@id("a") {ANY} when {{ context has session && context.session == Session::"s" }};'
    assert "Session" in refused(text).detail


def test_ids_are_unique_across_files() -> None:
    first = parse_policies(f'@id("a") {ANY};', "x.cedar")
    second = parse_policies(f'\n@id("a") {ANY};', "y.cedar")
    with pytest.raises(SourceError, match=r"x\.cedar:1") as caught:
        validate([*first, *second])
    assert (caught.value.file, caught.value.line) == ("y.cedar", 2)


@pytest.mark.parametrize("text", ["", f"{ANY}; {ANY};", "permit(", f"{ANY} when {{ ?principal }};"])
def test_a_published_policy_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(DoorwardError, match="policy-invalid"):
        compile_bundle([Policy(id=PolicyId("a"), text=text, file="x.cedar", line=1)])
