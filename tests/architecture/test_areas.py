"""Every endpoint of the console and its API has an area, and every area is a word of policies."""

from __future__ import annotations

import re

import pytest

from doorward.entrypoints.api.context import PREFIX
from doorward.entrypoints.console.app import ACTS, PAGES
from doorward.entrypoints.console.navigation import NAVIGATION
from doorward.model.areas import AREA_RULES, AREAS, NO_AREA, area_of, under
from doorward.policy.schema import SCHEMA_TEXT
from tests.architecture.source_tree import REFERENCE
from tests.architecture.test_endpoint_authorization import ENDPOINTS

PATHS = sorted({*(item.path for item in ENDPOINTS), *(item.path for item in (*PAGES, *ACTS))})


@pytest.mark.parametrize("path", PATHS)
def test_every_endpoint_has_an_area(path: str) -> None:
    try:
        area = area_of(path)
    except KeyError:
        pytest.fail(f"`{path}` is in no area: add a row to AREA_RULES (model/areas.py)")
    filled = re.sub(r"\{\w+\}", "verifiers", path)
    assert area_of(filled) == area, f"what stands for a parameter moves `{path}` to another area"


def test_no_rule_is_left_over_or_hidden_by_another() -> None:
    seen = [path.replace("{", "").replace("}", "") for path in PATHS]
    for rule in AREA_RULES:
        first = [path for path in seen if under(rule.path, path)]
        assert any(
            next(other for other in AREA_RULES if under(other.path, path)) == rule for path in first
        ), f"{rule} is the area of no endpoint"


def test_rules_are_written_as_they_are_compared() -> None:
    for rule in AREA_RULES:
        assert rule.path == rule.path.lower()
        assert re.fullmatch(r"/|(/[a-z0-9.-]+)+(/\*)?", rule.path), rule


def test_policies_know_the_areas_by_the_same_names() -> None:
    declared = re.search(r"entity Area enum \[([^\]]*)\]", SCHEMA_TEXT)
    assert declared is not None
    assert tuple(re.findall(r'"([a-z]+)"', declared[1])) == AREAS
    assert NO_AREA not in AREAS


def test_every_area_is_an_entry_of_the_navigation() -> None:
    entries = [entry for group in NAVIGATION for entry in group.entries]
    assert sorted(entry.area for entry in entries) == sorted(AREAS)
    for entry in entries:
        assert area_of(entry.path) == entry.area


def test_every_area_is_explained() -> None:
    page = (REFERENCE / "policy.md").read_text()
    rows = re.findall(r"^\| `([a-z]+)` \| .*`/", page, re.MULTILINE)
    assert tuple(rows) == AREAS
    for rule in AREA_RULES:
        stem = rule.path.removesuffix("/*").removeprefix(PREFIX)
        assert f"`{stem}`" in page, f"docs/reference/policy.md does not say where `{stem}` belongs"
