"""Where each key and element of a TOML document stands.

`tomllib` gives values without lines. `positions` walks a document that `tomllib` has already
accepted, so it assumes well-formed TOML 1.0 and only follows its structure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

Path = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def positions(text: str) -> Mapping[Path, int]:
    """The line, from 1, of every table, key and array element of a valid TOML document.

    Elements of arrays and of arrays of tables are numbered from 0, as in the parsed value.
    """
    walker = _Walker(text)
    walker.document()
    return walker.lines


class Lines:
    """The positions in a valid TOML document, found when first asked: most have no errors."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def found(self) -> Mapping[Path, int]:
        return positions(self._text)


class _Walker:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.line = 1
        self.lines: dict[Path, int] = {(): 1}
        self.counts: dict[Path, int] = {}

    def document(self) -> None:
        prefix: Path = ()
        self.blank()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                prefix = self.header()
            else:
                self.pair(prefix)
            self.blank()

    def header(self) -> Path:
        line = self.line
        array = self.text.startswith("[[", self.at)
        self.advance(2 if array else 1)
        name = self.key()
        self.advance(2 if array else 1)
        path = self.resolve((), name)
        if array:
            index = self.counts.get(path, 0)
            self.counts[path] = index + 1
            self.lines.setdefault(path, line)
            path = (*path, index)
        self.mark(path, line)
        return path

    def resolve(self, prefix: Path, name: tuple[str, ...]) -> Path:
        """The path of a dotted name, through the newest element of each array of tables."""
        path = prefix
        for position, part in enumerate(name):
            path = (*path, part)
            if position < len(name) - 1 and path in self.counts:
                path = (*path, self.counts[path] - 1)
        return path

    def mark(self, path: Path, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def pair(self, prefix: Path) -> None:
        line = self.line
        path = (*prefix, *self.key())
        self.mark(path, line)
        self.advance(1)
        self.spaces()
        self.value(path)

    def value(self, path: Path) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self.string()
        elif first == "[":
            self.array(path)
        elif first == "{":
            self.inline_table(path)
        elif match := _SCALAR.match(self.text, self.at):
            self.at = match.end()

    def array(self, path: Path) -> None:
        self.advance(1)
        self.blank()
        index = 0
        while self.text[self.at] != "]":
            self.lines[(*path, index)] = self.line
            self.value((*path, index))
            index += 1
            self.blank()
            if self.text[self.at] == ",":
                self.advance(1)
                self.blank()
        self.advance(1)

    def inline_table(self, path: Path) -> None:
        self.advance(1)
        self.blank()
        while self.text[self.at] != "}":
            self.pair(path)
            self.blank()
            if self.text[self.at] == ",":
                self.advance(1)
                self.blank()
        self.advance(1)

    def key(self) -> tuple[str, ...]:
        parts = []
        while True:
            self.spaces()
            if self.text[self.at] in "\"'":
                parts.append(self.string())
            elif match := _BARE_KEY.match(self.text, self.at):
                parts.append(match.group())
                self.at = match.end()
            self.spaces()
            if self.text[self.at] != ".":
                return tuple(parts)
            self.advance(1)

    def string(self) -> str:
        """Skip a string; its value is exact for single-line strings, as all keys are."""
        quote = self.text[self.at]
        multiline = self.text.startswith(quote * 3, self.at)
        delimiter = quote * 3 if multiline else quote
        self.advance(len(delimiter))
        value = []
        while not self.text.startswith(delimiter, self.at):
            if quote == '"' and self.text[self.at] == "\\":
                value.append(self.escape())
            else:
                value.append(self.text[self.at])
                self.advance(1)
        self.advance(len(delimiter))
        while multiline and self.text.startswith(quote, self.at):
            self.advance(1)
        return "".join(value)

    def escape(self) -> str:
        kind = self.text[self.at + 1]
        if kind in "uU":
            digits = 4 if kind == "u" else 8
            code = int(self.text[self.at + 2 : self.at + 2 + digits], 16)
            self.advance(2 + digits)
            return chr(code)
        self.advance(2)
        return _ESCAPES.get(kind, kind)

    def blank(self) -> None:
        """Skip white space, line ends and comments."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] in " \t\n":
                self.advance(1)
            else:
                return

    def spaces(self) -> None:
        while self.text[self.at] in " \t":
            self.at += 1

    def advance(self, count: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count
