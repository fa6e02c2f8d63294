"""`doorward compliance`: how the fleet stands with each policy."""

from __future__ import annotations

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import connect, print_json, print_table


def compliance(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show how many devices pass each compliance policy, or would if it were enforced."""
    with connect(data) as api:
        policies = api.get("/compliance")
    if as_json:
        print_json(policies)
        return
    print_table(
        ("policy", "name", "mode", "pass", "of these in grace", "fail", "unknown"),
        [
            (
                policy["policy"],
                policy["name"],
                policy["mode"],
                policy["passing"],
                policy["grace"],
                policy["failing"],
                policy["unknown"],
            )
            for policy in policies
        ],
        "The estate declares no compliance policy.",
    )
