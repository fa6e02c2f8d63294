"""The addresses of a client: which may be registered, and which request names one of them."""

from __future__ import annotations

import re

from doorward.model.estate import Client

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()+,;=:@%/-]*)?(?P<query>\?[A-Za-z0-9._~!$&'()+,;=:@%/?-]*)?"
)
_LOOPBACK = re.compile(r"127\.0\.0\.1|\[::1\]|(?:[a-z0-9-]+\.)*localhost")
_ANY_PORT = re.compile(
    r"(?P<host>http://(?:127\.0\.0\.1|\[::1\]))(?::(?P<port>[0-9]{1,5}))?(?P<rest>/.*)?"
)
_MAX_PORT = 65535


def address_problem(text: str) -> str:
    """Why a client may not register `text`; empty where it may.

    An absolute `https` address (RFC 6749, 3.1.2), or `http` to this very machine (RFC 8252, 7.3),
    in a form that can be read in one way only: no fragment, credentials, wildcard or dot segment.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return "it is no plain https:// address in lower case, without fragment or credentials"
    if match["scheme"] == "http" and not _LOOPBACK.fullmatch(match["host"]):
        return "http:// is for loopback addresses only"
    if match["port"] and int(match["port"]) > _MAX_PORT:
        return "it names no port that exists"
    if not {".", ".."}.isdisjoint((match["path"] or "").split("/")):
        return "its path holds `.` or `..`"
    return ""


def is_registered(client: Client, address: str) -> bool:
    """Whether `address` is one of the client's redirect URIs, character by character.

    RFC 9700, 2.1. An application on a person's machine cannot know its port before it runs, so a
    public client's loopback address matches with any (RFC 8252, 7.3).
    """
    if address in client.redirect_uris:
        return True
    wanted = _ANY_PORT.fullmatch(address)
    if not client.public or wanted is None or int(wanted["port"] or 1) not in range(1, 65536):
        return False
    known = (_ANY_PORT.fullmatch(uri) for uri in client.redirect_uris)
    return any(
        uri is not None and (uri["host"], uri["rest"]) == (wanted["host"], wanted["rest"])
        for uri in known
    )


def form_sources(client: Client) -> tuple[str, ...]:
    """Where a form that ends in a redirect to the client may lead, as CSP sources (CSP3, 2.3.1)."""
    return tuple(dict.fromkeys(_source(uri, client) for uri in client.redirect_uris))


def origin_of(address: str) -> str:
    """Scheme, host and port of a registered address."""
    match = _ADDRESS.fullmatch(address)
    return address[: match.end("port") if match["port"] else match.end("host")] if match else ""


def _source(uri: str, client: Client) -> str:
    loopback = _ANY_PORT.fullmatch(uri)
    if loopback is None:
        return origin_of(uri)
    # CSP has no form for an IPv6 address.
    if "[" in loopback["host"]:
        return "http:"
    return f"{loopback['host']}:*" if client.public else origin_of(uri)
