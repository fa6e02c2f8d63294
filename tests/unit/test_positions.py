from __future__ import annotations

import tomllib

import pytest

from doorward.estate.positions import positions

DOCUMENT = '''# a comment with [[brackets]]
top = 1
"quoted key" = "a # no comment"

[[user]]
id = "alice"
groups = [
  "one", # [
  "two",
]
text = """
[[not.a.table]]
x = 1""""
rules = [{ path = "/a", methods = ["GET"] },
         { path = '/b]' }]

[[user]]
id = "bob"

[[user.keys]]
dotted.name = 2026-01-01T00:00:00Z

[table.below]
'inline' = { a.b = 1 }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted key",), 3),
        (("user", 0), 5),
        (("user", 0, "id"), 6),
        (("user", 0, "groups"), 7),
        (("user", 0, "groups", 0), 8),
        (("user", 0, "groups", 1), 9),
        (("user", 0, "text"), 11),
        (("user", 0, "rules", 0, "methods", 0), 14),
        (("user", 0, "rules", 1, "path"), 15),
        (("user", 1, "id"), 18),
        (("user", 1, "keys", 0), 20),
        (("user", 1, "keys", 0, "dotted", "name"), 21),
        (("table",), 23),
        (("table", "below", "inline", "a", "b"), 24),
    ],
)
def test_line_of(path: tuple[str | int, ...], line: int) -> None:
    assert positions(DOCUMENT)[path] == line


def test_windows_line_ends_count_once() -> None:
    text = "a = 1\r\nb = [\r\n2]\r\n"
    assert tomllib.loads(text) == {"a": 1, "b": [2]}
    assert positions(text)[("b", 0)] == 3


def test_escaped_quotes_do_not_end_a_string() -> None:
    assert positions('a = "\\"]"\nb = """x\\""" y"""\n"\\u0063" = 1\n')[("c",)] == 3
