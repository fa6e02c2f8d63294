"""The command line as a whole: which commands there are, and how an error looks."""

from __future__ import annotations

import secrets
import sys
import traceback

import typer

from doorward.entrypoints.cli.agent import agent_app
from doorward.entrypoints.cli.attestation import accept_measurements, attestation
from doorward.entrypoints.cli.audit import audit_app
from doorward.entrypoints.cli.client import client_app
from doorward.entrypoints.cli.compliance import compliance
from doorward.entrypoints.cli.device import device_app
from doorward.entrypoints.cli.estate import apply, plan
from doorward.entrypoints.cli.init import init
from doorward.entrypoints.cli.keys import keys_app
from doorward.entrypoints.cli.lifecycle import handover, join, leave, move
from doorward.entrypoints.cli.log import log
from doorward.entrypoints.cli.osquery import osquery_app
from doorward.entrypoints.cli.processes import control, gateway_app
from doorward.entrypoints.cli.provider import provider_app
from doorward.entrypoints.cli.received_signals import received_app
from doorward.entrypoints.cli.recovery import recovery_app
from doorward.entrypoints.cli.session import session_app
from doorward.entrypoints.cli.signal import signal_app
from doorward.entrypoints.cli.status import status
from doorward.entrypoints.cli.token import token_app
from doorward.entrypoints.cli.up import up
from doorward.entrypoints.cli.user import user_app
from doorward.entrypoints.cli.verification import verification_app, verifier_app
from doorward.entrypoints.cli.why import why
from doorward.entrypoints.explained import describe
from doorward.errors import DoorwardError, EstateError

app = typer.Typer(
    name="doorward",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (init, up, control, status, plan, apply, log, why, compliance):
    app.command()(command)
for life in (join, move, leave, handover):
    user_app.command()(life)
for proof in (attestation, accept_measurements):
    device_app.command()(proof)
signal_app.add_typer(received_app)
for name, group in (
    ("gateway", gateway_app),
    ("user", user_app),
    ("recovery", recovery_app),
    ("session", session_app),
    ("device", device_app),
    ("osquery", osquery_app),
    ("agent", agent_app),
    ("token", token_app),
    ("client", client_app),
    ("keys", keys_app),
    ("provider", provider_app),
    ("signal", signal_app),
    ("audit", audit_app),
    ("verification", verification_app),
    ("verifier", verifier_app),
):
    app.add_typer(group, name=name)


@app.callback()
def doorward() -> None:
    """A self-hosted zero trust platform."""


def main() -> None:
    """Run one command. Exit status 1 for an error, which is one line; 2 for wrong usage."""
    try:
        app()
    except EstateError as error:
        for problem in error.errors:
            sys.stderr.write(f"{describe(problem)}\n")
        sys.stderr.write(f"{describe(error)}\n")
        sys.exit(1)
    except DoorwardError as error:
        sys.stderr.write(f"{describe(error)}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001
        sys.stderr.write(f"{_unexpected(error)}\n")
        sys.exit(1)


def _unexpected(error: Exception) -> str:
    """Where an error that nobody foresaw came from; never its text, which may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    return (
        f"doorward: Unexpected {type(error).__name__} at {place} (report {secrets.token_hex(4)}). "
        "This is a defect: please report it."
    )


if __name__ == "__main__":
    main()
