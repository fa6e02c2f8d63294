from __future__ import annotations

from msgspec import structs

from doorward.estate import Difference, parse_estate, plan
from doorward.model.snapshot import Snapshot, change
from tests.unit.estate_files import FILES, with_change


def applied() -> Snapshot:
    return Snapshot().advance(1, plan(Snapshot(), parse_estate(FILES)).changes)


def test_what_is_new_is_added_in_the_order_of_the_kinds() -> None:
    steps = plan(Snapshot(), parse_estate(FILES)).steps
    assert {step.act for step in steps} == {"add"}
    assert [step.kind for step in steps] == [
        "group",
        "group",
        "role",
        "user",
        "service",
        "service",
        "label",
        "network",
        "resource",
        "provider",
        "authenticator",
        "compliance",
        "transmitter",
        "policy",
    ]


def test_a_change_tells_the_fields_before_and_after() -> None:
    wanted = parse_estate(with_change("sensitivity = 20", "sensitivity = 30"))
    [step] = plan(applied(), wanted).steps
    assert (step.act, step.kind, step.id) == ("change", "label", "internal")
    assert step.differences == (Difference("sensitivity", 20, 30),)


def test_differences_of_lists_are_json_values() -> None:
    regrouped = applied().users["alice"]
    snapshot = applied().advance(2, [change("user", structs.replace(regrouped, groups=()))])
    [step] = plan(snapshot, parse_estate(FILES)).steps
    [difference] = step.differences
    assert (difference.before, difference.after) == ([], list(regrouped.groups))


def test_what_is_no_longer_declared_is_removed() -> None:
    service = '[[service]]\nid = "ci"\nname = "CI"\n'
    planned = plan(applied(), parse_estate(with_change(service, "")))
    [step] = planned.steps
    assert (step.act, step.kind, step.id) == ("remove", "service", "ci")
    assert "ci" not in applied().advance(2, planned.changes).services


def test_what_is_not_declared_in_files_is_left_alone() -> None:
    planned = plan(applied(), parse_estate(FILES))
    assert planned.steps == ()
    assert planned.changes == ()
