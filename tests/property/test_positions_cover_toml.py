"""`positions` against `tomllib`: every key and element has a line, and no other has."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from doorward.estate.positions import Path, positions

KEYS = st.text("abc-_", min_size=1, max_size=3)
STRINGS = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = st.one_of(
    st.integers(-9, 9).map(str),
    st.booleans().map(lambda value: str(value).lower()),
    STRINGS.map(lambda text: '"' + "".join(f"\\U{ord(letter):08x}" for letter in text) + '"'),
    st.text("ab]}#=,[{ .", max_size=6).map(lambda text: f"'{text}'"),
    st.text("ab]}#=,[{\n", max_size=6).map(lambda text: f'"""{text}"""'),
    st.just("2026-01-01 10:00:00"),
)


def _array(values: list[str], gap: str) -> str:
    return "[" + "".join(f"{gap}{value}," for value in values) + gap + "]"


def _table(pairs: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + "}"


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(
            _array, st.lists(inner, max_size=3), st.sampled_from(["", " ", "\n", " # ]\n", "\t"])
        ),
        st.dictionaries(KEYS, inner, max_size=3).map(_table),
    ),
    max_leaves=6,
)
BODIES = st.dictionaries(KEYS, VALUES, max_size=3)


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = [f"{key} = {value}" for key, value in draw(BODIES).items()]
    for name in draw(st.lists(st.sampled_from(["t.u", "[v]", "[v]", "[w.x]"]), max_size=4)):
        if name == "t.u" and any(line.startswith("[t.u]") for line in lines):
            continue
        lines.append(f"[{name}]" + draw(st.sampled_from(["", "  # [x]"])))
        lines.extend(f"{key} = {value}" for key, value in draw(BODIES).items())
    return draw(st.sampled_from(["\n", "\r\n", "\n\n"])).join(lines) + "\n"


def paths(value: object, prefix: Path = ()) -> Iterator[Path]:
    yield prefix
    items: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    for key, inner in items:
        yield from paths(inner, (*prefix, key))


@given(documents())
def test_every_path_of_the_value_has_a_line_and_no_other(text: str) -> None:
    found = positions(text)
    assert set(found) == set(paths(tomllib.loads(text)))
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
