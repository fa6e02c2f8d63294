"""`doorward user`: people, and what is signalled about them."""

from __future__ import annotations

from typing import Annotated

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data, Reason, Risk
from doorward.entrypoints.cli.output import (
    connect,
    local,
    print_effect,
    print_json,
    print_table,
    segment,
)

user_app = typer.Typer(no_args_is_help=True, help="People.")


@user_app.command("list")
def list_users(
    search: Annotated[
        str, typer.Option(help="Only those whose name, id or e-mail address holds this.")
    ] = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show everyone, or those whom a search finds."""
    with connect(data) as api:
        users = api.get("/users", search=search or None)
    if as_json:
        print_json(users)
        return
    print_table(
        ("user", "name", "e-mail", "groups", "source", "state", "identity", "risk", "sessions"),
        [
            (
                user["id"],
                user["name"],
                user["email"],
                " ".join(user["groups"]),
                user["source"],
                "left" if user["left"] else "disabled" if user["disabled"] else "enabled",
                f"IAL{user['ial']}" if user["ial"] else "unproofed",
                user["risk"],
                user["sessions"],
            )
            for user in users
        ],
        "Nobody fits."
        if search
        else "There are no people yet: apply an estate with doorward apply.",
    )


@user_app.command("sign-ins")
def list_sign_ins(
    user: str,
    data: Data = DEFAULT_DATA,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at the most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show who signed in as a person, or tried to, newest first."""
    with connect(data) as api:
        page = api.get(f"/users/{segment(user)}/sign-ins", limit=limit)
    if as_json:
        print_json(page)
        return
    print_table(
        ("when", "what", "by", "address", "session", "cause", "disowned"),
        [
            (
                local(entry["at"]),
                entry["outcome"],
                "+".join(entry["methods"]),
                entry["address"],
                entry["session"],
                entry["why"],
                local(entry["disowned_at"]) if entry["disowned_at"] else "",
            )
            for entry in page["sign_ins"]
        ],
        "Nobody has signed in as this person, or tried to.",
    )


@user_app.command()
def disable(
    user: str, data: Data = DEFAULT_DATA, reason: Reason = "", as_json: AsJson = False
) -> None:
    """Keep a person out of everything, and end their sessions."""
    with connect(data) as api:
        effect = api.post(f"/users/{segment(user)}/disable", {"reason": reason})
    print_effect(effect, f"{user} is disabled.", as_json=as_json)


@user_app.command()
def enable(
    user: str, data: Data = DEFAULT_DATA, reason: Reason = "", as_json: AsJson = False
) -> None:
    """Let a disabled person sign in again."""
    with connect(data) as api:
        effect = api.post(f"/users/{segment(user)}/enable", {"reason": reason})
    print_effect(effect, f"{user} is enabled.", as_json=as_json)


@user_app.command()
def groups(
    user: str,
    groups: Annotated[
        list[str] | None, typer.Argument(help="All groups that the person is in; none for none.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Set the groups of a person, until the estate's files are applied again."""
    wanted = groups or []
    with connect(data) as api:
        effect = api.put(f"/users/{segment(user)}/groups", {"groups": wanted})
    print_effect(effect, f"{user} is in {', '.join(wanted) or 'no group'}.", as_json=as_json)


@user_app.command()
def risk(
    user: str, risk: Risk, data: Data = DEFAULT_DATA, reason: Reason = "", as_json: AsJson = False
) -> None:
    """Signal how risky a person is."""
    with connect(data) as api:
        effect = api.put(f"/users/{segment(user)}/risk", {"risk": risk, "reason": reason})
    print_effect(effect, f"{user} has risk {risk}.", as_json=as_json)


@user_app.command()
def invite(user: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Print a link, once, by which a person makes a passkey or a password."""
    with connect(data) as api:
        invitation = api.post(f"/users/{segment(user)}/invitation")
    if as_json:
        print_json(invitation)
        return
    typer.echo(invitation["link"])
    typer.echo(f"It works once, until {local(invitation['expires_at'])}.", err=True)


@user_app.command()
def credentials(user: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show by what a person can sign in, and their further address for notices."""
    with connect(data) as api:
        held = api.get(f"/users/{segment(user)}/credentials")
    if as_json:
        print_json(held)
        return
    print_table(
        ("passkey", "name", "AAL", "model", "attested", "synced", "added", "last used"),
        [
            (
                passkey["id"],
                passkey["name"],
                passkey["aal"] or passkey["refused"],
                passkey["aaguid"],
                "yes" if passkey["attested"] else "no",
                "yes" if passkey["backed_up"] else "no",
                local(passkey["created_at"]),
                local(passkey["last_used_at"]) if passkey["last_used_at"] else "never",
            )
            for passkey in held["passkey_list"]
        ],
        f"{user} has no passkey.",
    )
    has = (
        ("off, after too many failed attempts" if held["password_off"] else "yes")
        if held["password"]
        else "no"
    )
    typer.echo(f"Password with authenticator app: {has}.")
    typer.echo(f"Recovery codes left: {held['recovery_codes']}.")
    further = held["notice_address"]
    typer.echo(f"Further address for notices: {further['address'] if further else 'none'}.")


# The id of a passkey is base64url, so it may begin like an option.
@user_app.command("remove-passkey", context_settings={"ignore_unknown_options": True})
def remove_passkey(
    user: str,
    passkey: Annotated[str, typer.Argument(help="Its id, as `doorward user credentials` shows.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Remove a passkey, also the last one, and end the sessions that rest on it."""
    with connect(data) as api:
        effect = api.delete(f"/users/{segment(user)}/passkeys/{segment(passkey)}")
    print_effect(effect, f"The passkey of {user} is removed.", as_json=as_json)


@user_app.command("remove-password")
def remove_password(user: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Remove password, authenticator app and recovery codes, and end sessions that rest on them."""
    with connect(data) as api:
        effect = api.delete(f"/users/{segment(user)}/password")
    print_effect(effect, f"The password of {user} is removed.", as_json=as_json)


@user_app.command("allow-password")
def allow_password(user: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Let a password sign in again that too many failed attempts in a row had turned off."""
    with connect(data) as api:
        held = api.post(f"/users/{segment(user)}/password/allow")
    if as_json:
        print_json(held)
        return
    typer.echo(f"The password of {user} signs in again.")


@user_app.command("remove-notice-address")
def remove_notice_address(user: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Remove a person's further address for notices, and tell them, there too."""
    with connect(data) as api:
        held = api.delete(f"/users/{segment(user)}/notice-address")
    if as_json:
        print_json(held)
        return
    typer.echo(f"Notices for {user} go to no further address any more.")


@user_app.command("sign-out")
def sign_out(user: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """End every session of a person, with their open streams."""
    with connect(data) as api:
        effect = api.post(f"/users/{segment(user)}/sign-out")
    print_effect(effect, f"{user} is signed out everywhere.", as_json=as_json)
