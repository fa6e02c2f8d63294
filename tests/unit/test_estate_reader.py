"""A file is read once for each content, and nobody can tell from the answers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from doorward.errors import EstateError, SourceError
from doorward.estate import EstateReader, parse_estate
from doorward.estate.file import EstateFile, read_file
from doorward.model.estate import Policy
from doorward.policy import validate
from tests.unit.estate_files import CEDAR, FILES, TOML

MORE = '[[label]]\nid = "secret"\nname = "Secret"\nsensitivity = 90\n'
SECOND = '@id("second")\npermit (principal, action, resource == Resource::"board");\n'
THREE = FILES | {"more.toml": MORE}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, as they are."""
    names: list[str] = []

    def noting(name: str, text: str, accepted: Mapping[str, Policy]) -> EstateFile:
        names.append(name)
        return read_file(name, text, accepted)

    monkeypatch.setattr("doorward.estate.parse.read_file", noting)
    return names


def errors(reader: EstateReader, files: dict[str, str]) -> tuple[SourceError, ...]:
    with pytest.raises(EstateError) as caught:
        reader.read(files)
    return caught.value.errors


def test_only_what_changed_is_read_again(read: list[str]) -> None:
    reader = EstateReader()
    assert reader.read(THREE).documents["label"].keys() == {"internal", "secret"}
    assert read == ["estate.toml", "more.toml", "policies.cedar"]
    read.clear()
    changed = THREE | {"more.toml": MORE.replace("90", "95")}
    assert reader.read(changed) == parse_estate(changed)
    assert read[:1] == ["more.toml"]
    assert read[1:] == sorted(THREE)


def test_a_file_that_is_gone_declares_nothing_any_more() -> None:
    reader = EstateReader()
    reader.read(THREE)
    assert reader.read(FILES).documents["label"].keys() == {"internal"}


def test_the_same_text_under_another_name_is_another_file() -> None:
    reader = EstateReader()
    reader.read(FILES)
    moved = {"estate.toml": TOML, "moved.cedar": CEDAR}
    assert reader.read(moved) == parse_estate(moved)
    [error] = errors(reader, moved | {"twice.toml": MORE, "again.toml": MORE})
    assert (error.file, error.line, error.code) == ("twice.toml", 2, "duplicate-id")


def test_an_error_has_its_line_also_where_the_rest_is_remembered(read: list[str]) -> None:
    reader = EstateReader()
    reader.read(THREE)
    read.clear()
    wrong = MORE.replace("90", "900")
    for _ in range(2):
        [error] = errors(reader, THREE | {"more.toml": wrong})
        assert (error.file, error.line, error.code) == ("more.toml", 4, "bad-sensitivity")
    assert read == ["more.toml"] * 2


def test_a_remembered_file_is_wrong_once_what_it_names_is_gone() -> None:
    reader = EstateReader()
    reader.read(THREE)
    without = TOML[: TOML.index("[[label]]")] + TOML[TOML.index("[[network]]") :]
    secret = TOML[TOML.index("[[resource]]") :].replace("board", "vault")
    files = THREE | {"more.toml": MORE + secret.replace('"internal"', '"secret"')}
    reader.read(files)
    found = errors(reader, files | {"estate.toml": without})
    assert [(error.file, error.code) for error in found] == [("estate.toml", "unknown-label")]
    assert "alice" in reader.read(files).documents["user"]


def test_a_policy_that_moved_has_its_new_line_and_is_not_examined_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = EstateReader()
    reader.read(FILES)
    examined: list[str] = []

    def noting(policies: tuple[Policy, ...], accepted: Mapping[str, Policy]) -> None:
        examined.extend(item.id for item in policies if item.text not in accepted)
        validate(policies, accepted)

    monkeypatch.setattr("doorward.estate.file.validate", noting)
    policies = reader.read(FILES | {"policies.cedar": f"{SECOND}\n{CEDAR}"}).documents["policy"]
    assert examined == ["second"]
    lines = {name: getattr(item, "line", 0) for name, item in policies.items()}
    assert lines == {"second": 1, "board-for-staff": 5}


def test_a_refused_policy_is_refused_again_in_whatever_file() -> None:
    reader = EstateReader()
    wrong = SECOND.replace(");", ") when { resource.x == 1 };")
    for name in ("a.cedar", "b.cedar", "b.cedar"):
        [error] = errors(reader, FILES | {name: wrong})
        assert (error.file, error.code) == (name, "policy-invalid")


def test_two_policies_of_one_id_are_found_where_one_is_remembered() -> None:
    reader = EstateReader()
    reader.read(FILES)
    [error] = errors(reader, FILES | {"z.cedar": CEDAR})
    assert (error.file, error.code) == ("z.cedar", "policy-id-duplicate")


def test_what_is_remembered_of_an_error_holds_no_frames() -> None:
    reader = EstateReader()
    for error in errors(reader, FILES | {"a.cedar": "permit (", "b.toml": "[[user]\n"}):
        assert error.__traceback__ is None
        assert error.__context__ is None


def test_what_is_too_deep_is_one_error_wherever_it_is_found() -> None:
    for depth in range(150, 1000, 25):
        nested = f"[[user]]\nid = {'[' * depth}{']' * depth}\n"
        codes = {error.code for error in errors(EstateReader(), {"deep.toml": nested})}
        assert codes in ({"bad-toml"}, {"wrong-type", "missing-key"})


@pytest.mark.parametrize(("text", "right"), [("a\\nb", True), ("a\\u0007b", False)])
def test_a_description_may_have_lines_and_nothing_else_unprintable(text: str, right: bool) -> None:
    described = f'host = "board"\ndescription = "{text}"\n'
    files = FILES | {"estate.toml": TOML.replace('host = "board"\n', described)}
    if right:
        assert parse_estate(files).documents["resource"]
    else:
        assert [error.code for error in errors(EstateReader(), files)] == ["unprintable-text"]
