"""Whatever the files hold: an estate, or errors that each name a line of a file that is there."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.errors import EstateError, SourceError
from doorward.estate import Estate, EstateReader, parse_estate, plan
from doorward.model.snapshot import Snapshot
from tests.unit.estate_files import CEDAR, FILES, TOML

POLICY = '@id("second")\npermit (principal, action, resource == Resource::"board");\n'
WRONG_POLICY = '@id("third")\npermit (principal, action, resource) when { resource.x == 1 };\n'

PIECES = st.sampled_from(
    ["[", "]", "{", "}", '"', "'", "=", ",", "\n", "#", "\\", "\x00", "é", "0"]
)


def check(files: dict[str, str]) -> None:
    outcome = read(files)
    if isinstance(outcome, Estate):
        after = Snapshot().advance(1, plan(Snapshot(), outcome).changes)
        assert plan(after, outcome).steps == ()
        return
    assert outcome
    for problem in outcome:
        assert 1 <= problem.line <= files[problem.file].count("\n") + 1
        assert problem.detail
        assert problem.remedy


def read(files: dict[str, str]) -> Estate | tuple[SourceError, ...]:
    try:
        return parse_estate(files)
    except EstateError as error:
        return error.errors


@given(st.integers(0, len(TOML) - 1), PIECES, st.integers(0, 20))
@settings(max_examples=200)
def test_a_file_with_a_piece_overwritten(at: int, piece: str, cut: int) -> None:
    check(FILES | {"estate.toml": TOML[:at] + piece + TOML[at + cut :]})


@given(st.randoms(use_true_random=False), st.integers(1, 4))
@settings(max_examples=100)
def test_a_file_with_lines_shuffled_doubled_or_lost(chance: random.Random, times: int) -> None:
    lines = TOML.splitlines(keepends=True)
    for _ in range(times):
        at, to = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[to:to] = [lines[at]] if chance.random() < 0.5 else []
        del lines[chance.randrange(len(lines))]
    check(FILES | {"estate.toml": "".join(lines)})


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=100)
def test_files_of_any_text(toml: str, cedar: str) -> None:
    check({"a.toml": toml, "b.cedar": cedar})


VERSIONS = {
    "estate.toml": (TOML, TOML.replace('"Staff"', '"All"'), TOML.replace('"alice"', '"alcie"')),
    "more.toml": (
        '[[user]]\nid = "bob"\nname = "Bob"\nemail = "bob@example.com"\ngroups = ["staff"]\n',
        '[[user]]\nid = "alice"\nname = "A"\nemail = "ALICE@example.com"\n',
        '[[user]]\nid = "b b"\nname = "B"\nemail = "b"\ngroups = ["x"]\n',
        "[[user]\n",
    ),
    "policies.cedar": (CEDAR, f"{CEDAR}{POLICY}", f"{POLICY}\n{CEDAR}", "permit (", CEDAR * 2),
    "z.cedar": (POLICY, f"\n{CEDAR}", f"{POLICY}{WRONG_POLICY}", "// nothing\n"),
    "notes.txt": ("",),
}


@st.composite
def estates(draw: st.DrawFn) -> dict[str, str]:
    names = draw(st.sets(st.sampled_from(sorted(VERSIONS))))
    return {name: draw(st.sampled_from(VERSIONS[name])) for name in names}


@given(st.lists(estates(), min_size=2, max_size=6))
@settings(max_examples=150)
def test_a_reader_that_remembers_answers_like_one_that_does_not(
    versions: list[dict[str, str]],
) -> None:
    reader = EstateReader()
    for files in versions:
        assert answer(reader, files) == answer(EstateReader(), files)


def answer(reader: EstateReader, files: dict[str, str]) -> object:
    try:
        return reader.read(files)
    except EstateError as error:
        return [(e.file, e.line, e.code, e.detail, e.remedy) for e in error.errors]
