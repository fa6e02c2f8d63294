"""From method and path to action and, in the console, to area.

Rules (the same for Envoy's compiled routes, with one exception that errs towards asking):

1. The path is what Envoy passes after `normalize_path`, `merge_slashes` and the refusal of
   escaped slashes and backslashes. Query and fragment are cut off.
2. It is read twice: raw, and canonical (each segment without its `;parameters`, percent-decoded
   until it changes no more, then dot segments and empty segments resolved). A path that is
   percent-encoded more than seven times over is a `write`.
3. A reading matches a rule where the method is among the rule's methods (or it names none) and
   the path, compared without regard to ASCII case, is the rule's exact path, or starts with the
   prefix of a `/prefix/*` rule, or is that prefix without its last slash.
4. The first rule that matches decides; without one, GET, HEAD and OPTIONS are `read`, every
   other method is `write`.
5. Where the two readings disagree the action is `write`.
6. In doorward's own console the action follows from the method, and a path's area from the first
   of `AREA_RULES` that matches (as 3). Where the two readings disagree, there is no area. Rules
   that an estate from before has for the console still make a `write` of a `read`, never a `read`
   of a `write`.

What Envoy must do: a route whose raw path holds `;`, `%` or a backslash never accepts a ticket,
so that only rule 3 on plain paths has to be compiled into routes.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import unquote_to_bytes

from doorward.model.areas import AREA_RULES, NO_AREA, Area, under
from doorward.model.estate import CONTROL_UPSTREAM, Action, ActionRule, Resource

_READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_ENCODINGS = 8
_TRICKS = re.compile(r"[;%\\]|//|/\.|[^\x21-\x7e]")
_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class Classified(NamedTuple):
    """What a request does, and in which area of the console, empty for none."""

    action: Action
    area: Area | Literal[""] = NO_AREA


def classify(resource: Resource, method: str, path: str) -> Classified:
    """What a request does; `write` and no area wherever there is doubt. Total: any text is taken.

    `method` is compared exactly, as HTTP methods are; `path` is the request target's path, with
    or without its query.
    """
    raw = _lower(path.split("#", 1)[0].split("?", 1)[0]) or "/"
    found = _read(resource, method, raw)
    if not _TRICKS.search(raw):
        return found
    canonical = _canonical(raw)
    other = _DOUBTFUL if canonical is None else _read(resource, method, canonical)
    return Classified(
        found.action if found.action == other.action else "write",
        found.area if found.area == other.area else NO_AREA,
    )


_DOUBTFUL = Classified("write")


def _read(resource: Resource, method: str, path: str) -> Classified:
    if resource.upstream != CONTROL_UPSTREAM:
        return Classified(_first_match(resource.rules, method, path))
    areas = (rule.area for rule in AREA_RULES if under(rule.path, path))
    action = _first_match((), method, path)
    if action == "read":
        action = _first_match(resource.rules, method, path)
    return Classified(action, next(areas, NO_AREA))


def _first_match(rules: tuple[ActionRule, ...], method: str, path: str) -> Action:
    for rule in rules:
        if (not rule.methods or method in rule.methods) and under(_lower(rule.path), path):
            return rule.action
    return "read" if method in _READ_METHODS else "write"


def _canonical(path: str) -> str | None:
    """The path that a lenient application might see: parameters cut, decoded, dots resolved.

    None where it is encoded over and over, as only an attacker does.
    """
    text = path.encode("utf-8", "surrogatepass")
    for _ in range(_MAX_ENCODINGS):
        stripped = b"/".join(segment.split(b";", 1)[0] for segment in text.split(b"/"))
        decoded = unquote_to_bytes(stripped).replace(b"\\", b"/")
        if decoded == text:
            break
        text = decoded
    else:
        return None
    segments: list[str] = []
    for segment in _lower(text.decode("utf-8", "surrogateescape")).split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    trailing = "/" if text.endswith(b"/") and segments else ""
    return "/" + "/".join(segments) + trailing


def _lower(text: str) -> str:
    return text.translate(_ASCII_LOWER)
