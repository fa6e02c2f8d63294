"""Addresses of other parties that doorward calls or sends browsers to: which are acceptable. Pure.

Plain HTTP and addresses of this machine or its networks are for providers that are themselves
here: what a public provider's document says must not make doorward call its own neighbours (SSRF).
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

MAX_LENGTH = 2000

_VISIBLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def issuer_problem(issuer: str) -> str:
    """What keeps `issuer` from being an issuer (OpenID Connect Discovery 1.0, 3); empty if fine."""
    problem = _problem(issuer)
    if problem:
        return problem
    parts = urlsplit(issuer)
    if "?" in issuer or "#" in issuer:
        return "an issuer has no query and no fragment"
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return "plain http is for this machine only"
    return ""


def endpoint_problem(endpoint: str, issuer: str) -> str:
    """What keeps `endpoint` from being one that `issuer`, which is fine, may name."""
    problem = _problem(endpoint)
    if problem:
        return problem
    if "#" in endpoint:
        return "an endpoint has no fragment"
    parts, home = urlsplit(endpoint), urlsplit(issuer)
    if parts.scheme == "http" and home.scheme != "http":
        return "it is not https"
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_loopback(host):
        return "plain http is for this machine only"
    if _is_inside(host) and not _is_inside(home.hostname or ""):
        return "it is inside a private network, and the issuer is not"
    return ""


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: a loopback address, `localhost` or a name below it."""
    name = host.lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def _is_inside(host: str) -> bool:
    address = _address(host)
    return is_loopback(host) or (address is not None and not address.is_global)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _problem(text: str) -> str:
    if len(text) > MAX_LENGTH:
        return "it is too long"
    if not _VISIBLE.fullmatch(text) or "\\" in text:
        return "it holds characters that no address has"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        return str(error).lower()
    if parts.scheme not in {"http", "https"}:
        return "it does not begin with https://"
    if "@" in parts.netloc:
        return "it holds credentials"
    return _host_problem(parts, port)


def _host_problem(parts: SplitResult, port: int | None) -> str:
    host = parts.hostname or ""
    # `127.1` and `0x7f000001` are names to us and addresses to some resolvers.
    named = _NAME.fullmatch(host) and not _NUMBER.fullmatch(host.rpartition(".")[2])
    if not named and _address(host) is None:
        return "it names no host"
    return "it names port 0" if port == 0 else ""
