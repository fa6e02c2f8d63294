"""`doorward provider`: other OpenID Connect providers whose word is believed."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import (
    connect,
    local,
    print_effect,
    print_json,
    print_table,
    printable,
    segment,
)
from doorward.errors import DoorwardError

provider_app = typer.Typer(no_args_is_help=True, help="Identity providers.")

_MAX_SECRET = 4096
_WORTH_TELLING_SECONDS = 2


@provider_app.command("list")
def list_providers(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show the providers of the estate, and how their discovery went last."""
    with connect(data) as api:
        providers = api.get("/providers")
    if as_json:
        print_json(providers)
        return
    print_table(
        ("provider", "name", "issuer", "match", "secret", "state"),
        [
            (
                item["id"],
                item["name"],
                item["issuer"],
                item["match"],
                "set" if item["secret_set"] else "none",
                {None: "not asked yet", True: "well", False: "not well"}[item["ok"]],
            )
            for item in providers
        ],
        "The estate declares no identity provider.",
    )


@provider_app.command()
def check(provider: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Ask a provider for its discovery document and keys now, and print what it says."""
    with connect(data) as api:
        found = api.post(f"/providers/{segment(provider)}/check")
    if as_json:
        print_json(found)
    else:
        _print_found(found)
    if not found["ok"]:
        raise typer.Exit(1)


@provider_app.command()
def secret(
    provider: str,
    data: Data = DEFAULT_DATA,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the secret.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set the client's secret, read from standard input: one line."""
    text = "" if remove else _read_secret()
    with connect(data) as api:
        answer = api.put(f"/providers/{segment(provider)}/secret", {"secret": text})
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"The secret for {provider} is {'set' if answer['secret_set'] else 'removed'}.")


@provider_app.command()
def links(user: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show the accounts at providers that sign a person in."""
    with connect(data) as api:
        found = api.get(f"/users/{segment(user)}/links")
    if as_json:
        print_json(found)
        return
    print_table(
        ("provider", "subject", "e-mail", "linked", "last used"),
        [
            (
                link["provider"],
                link["subject"],
                link["email"],
                local(link["linked_at"]),
                local(link["last_used_at"]),
            )
            for link in found
        ],
        f"No account at a provider is linked to {user}.",
    )


@provider_app.command()
def unlink(user: str, provider: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Forget a person's account at a provider, and end the sessions that came by it."""
    with connect(data) as api:
        effect = api.delete(f"/users/{segment(user)}/links/{segment(provider)}")
    print_effect(effect, f"{user} is not linked at {provider} any more.", as_json=as_json)


def _read_secret() -> str:
    if sys.stdin.isatty():
        text: str = typer.prompt("Client secret", hide_input=True)
    else:
        text = sys.stdin.readline(_MAX_SECRET)
    text = text.rstrip("\r\n")
    if not text:
        raise DoorwardError(
            "provider-secret-invalid",
            "Standard input holds no secret.",
            "Pipe it in: doorward provider secret ID < FILE; --remove forgets the one there is.",
        )
    return text


def _print_found(found: dict[str, Any]) -> None:
    typer.echo(f"{printable(found['name'])}: {'well' if found['ok'] else 'not well'}")
    lines = [
        ("issuer", found["issuer"]),
        ("client", found["client_id"]),
        ("secret", "set" if found["secret_set"] else "none"),
        *(("register as callback", url) for url in found["callback_urls"]),
        ("register as back-channel logout", found["logout_url"]),
    ]
    skew = found["clock_skew_seconds"]
    if skew is not None:
        off = abs(skew) >= _WORTH_TELLING_SECONDS
        lines.append(("its clock", f"{skew:+.0f} s from ours" if off else "agrees with ours"))
    lines += [("it says", remark) for remark in found["remarks"]]
    lines += [("wrong", problem) for problem in found["problems"]]
    for name, value in lines:
        typer.echo(f"  {name}: {printable(value)}")
