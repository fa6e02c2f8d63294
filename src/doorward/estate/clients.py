"""What a client of the OpenID Provider must satisfy, beyond its types."""

from __future__ import annotations

import re

from doorward.estate.problems import Problems, Source
from doorward.model.estate import Client
from doorward.protocol.openid.addresses import address_problem

_ID = re.compile(r"[A-Za-z0-9._-]+")


def check_client(client: Client, source: Source, problems: Problems) -> None:
    """Report whatever is wrong with one client on its own."""
    if not _ID.fullmatch(client.id):
        problems.add(
            source,
            ("id",),
            "bad-client-id",
            f"`{client.id}` cannot be sent as a `client_id` in every form.",
            "Use letters, digits, `.`, `_` and `-`.",
        )
    if not client.redirect_uris:
        problems.add(
            source,
            ("redirect_uris",),
            "redirect-uri-missing",
            f"The client `{client.id}` has no address to come back to.",
            'Write redirect_uris = ["https://…"], as the application names it.',
        )
    for field in ("redirect_uris", "post_logout_redirect_uris"):
        for index, address in enumerate(getattr(client, field)):
            _check_address(address, source, (field, index), problems)
    for field in ("backchannel_logout_uri", "home"):
        if address := getattr(client, field):
            _check_address(address, source, (field,), problems)


def _check_address(
    address: str, source: Source, keys: tuple[str | int, ...], problems: Problems
) -> None:
    problem = address_problem(address)
    if problem:
        problems.add(
            source,
            keys,
            "bad-client-address",
            f"`{address}` is not an address of an application: {problem}.",
            "Write https://HOST/PATH, or http://127.0.0.1/PATH for an application on this machine.",
        )
