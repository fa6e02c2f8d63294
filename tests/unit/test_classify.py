from __future__ import annotations

import pytest

from doorward.engine import classify
from doorward.model.estate import ActionRule, Resource
from tests.property.estates import built


def resource(*rules: ActionRule) -> Resource:
    return built(
        Resource,
        id="app",
        name="",
        host="app",
        upstream="http://127.0.0.1:1",
        label="public",
        owner="alice",
        rules=rules,
    )


@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("GET", "read"),
        ("HEAD", "read"),
        ("OPTIONS", "read"),
        ("POST", "write"),
        ("PROPFIND", "write"),
        ("get", "write"),
        ("", "write"),
    ],
)
def test_without_rules_the_method_decides(method: str, action: str) -> None:
    assert classify(resource(), method, "/anything").action == action


def test_the_first_rule_that_matches_wins() -> None:
    app = resource(
        ActionRule(path="/graphql", methods=("POST",), action="read"),
        ActionRule(path="/graphql", action="write"),
    )
    assert classify(app, "POST", "/graphql").action == "read"
    assert classify(app, "GET", "/graphql").action == "write"
    assert classify(app, "GET", "/graphql/").action == "read"


@pytest.mark.parametrize(
    "path", ["/admin", "/admin/", "/admin/x", "/ADMIN/x", "/admin?x", "/admin#"]
)
def test_a_prefix_matches_itself_and_all_below(path: str) -> None:
    app = resource(ActionRule(path="/admin/*", action="write"))
    assert classify(app, "GET", path).action == "write"


@pytest.mark.parametrize("path", ["/administrator", "/", "", "/x/admin", "/?p=/admin/"])
def test_a_prefix_matches_nothing_beside_it(path: str) -> None:
    app = resource(ActionRule(path="/admin/*", action="write"))
    assert classify(app, "GET", path).action == "read"


@pytest.mark.parametrize(
    "path",
    [
        "/search/../admin",
        "/search/%2e%2e/admin",
        "/search;/../admin",
        "/search/%252e%252e/admin",
        "/search\\..\\admin",
        "/search%00",
        "/search;x=1/y",
    ],
)
def test_a_rule_that_lowers_to_read_needs_both_readings(path: str) -> None:
    app = resource(ActionRule(path="/search", action="read"), ActionRule(path="/*", action="write"))
    assert classify(app, "POST", path).action == "write"


def test_a_read_prefix_does_not_hide_what_the_application_resolves_elsewhere() -> None:
    app = resource(ActionRule(path="/public/*", action="read"))
    assert classify(app, "POST", "/public/x").action == "read"
    assert classify(app, "POST", "/public/%2e%2e/private").action == "write"
    assert classify(app, "POST", "/public/..;/private").action == "write"
