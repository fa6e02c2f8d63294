"""`doorward device attestation` and `accept-measurements`: what devices' TPMs prove."""

from __future__ import annotations

from typing import Any

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import (
    connect,
    print_effect,
    print_json,
    print_table,
    printable,
    segment,
)


def attestation(device: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show what a device's TPM proved, and what it measured at boot."""
    with connect(data) as api:
        found = api.get(f"/devices/{segment(device)}/attestation")
    if as_json:
        print_json(found)
        return
    _print_registers(found)
    words = "It is attested." if found["attested"] else f"It is not attested. {found['why']}"
    typer.echo(printable(words))


def accept_measurements(device: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Let what a device's TPM measured last count as good."""
    place = f"/devices/{segment(device)}/attestation"
    with connect(data) as api:
        found = api.get(place)
        effect = api.post(f"{place}/accept", {"measurement": found["measurement"]})
    if not as_json:
        _print_registers(found)
    print_effect(effect, f"What device {device} measured is accepted.", as_json=as_json)


def _print_registers(found: dict[str, Any]) -> None:
    print_table(
        ("PCR", "measures", "as accepted", "measured (SHA-256)"),
        [
            (
                register["pcr"],
                register["measures"],
                "no" if register["changed"] else "yes",
                register["measured"] or "not yet",
            )
            for register in found["registers"]
        ],
        "It measures nothing.",
    )
