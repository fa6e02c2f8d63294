"""Envoy's choice of a route, in Python, and random tables and requests to try it on."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from doorward.enforcement.envoy.settings import ControlWeb, EnvoySettings, PlainListener
from doorward.model.estate import ActionRule, Resource
from doorward.model.ids import LabelId, ResourceId, UserId

DOMAIN = "example.test"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "BREW")
SEGMENTS = ("admin", "Admin", "a", "reports", "x.y", "~z", "a:b", "caf", "administrator")
TRICKS = ("%61dmin", "admin;x", ";", "%2e%2e", "a%00", "a%20b", "%c3%a9", "...", ".hidden")

rules = st.builds(
    lambda path, action, methods: ActionRule(path=path, action=action, methods=methods),
    st.builds(
        lambda parts, end: "/" + "/".join(parts) + (end if parts else end.removeprefix("/")),
        st.lists(st.sampled_from(SEGMENTS), max_size=2),
        st.sampled_from(("", "/", "/*")),
    ),
    st.sampled_from(("read", "write")),
    st.one_of(st.just(()), st.lists(st.sampled_from(METHODS), max_size=3, unique=True).map(tuple)),
)
tables = st.lists(rules, max_size=5).map(tuple)

_plain = st.lists(st.sampled_from(SEGMENTS), max_size=3)
_tricky = st.lists(st.sampled_from(SEGMENTS + TRICKS), max_size=4)
paths = st.builds(
    lambda parts, end, query: "/" + "/".join(parts) + (end if parts else "") + query,
    st.one_of(_plain, _tricky),
    st.sampled_from(("", "/")),
    st.sampled_from(("", "", "?q=/admin", "?a;%2e")),
)


@st.composite
def tables_and_paths(draw: st.DrawFn) -> tuple[tuple[ActionRule, ...], str]:
    """A table, and a path that often is near one of its rules."""
    table = draw(tables)
    if not table or draw(st.integers(0, 3)) == 0:
        return table, draw(paths)
    path = draw(st.sampled_from(table)).path.removesuffix("*")
    if draw(st.booleans()):
        path = path.rstrip("/") or "/"
    if draw(st.booleans()):
        path = path.swapcase()
    ends = ("", "x") if path.endswith("/") else ("", "x", "/", "/x", ";x", "?q=1")
    path += draw(st.sampled_from(ends))
    return table, path


def resource(name: str, table: tuple[ActionRule, ...], upstream: str = "http://a:1") -> Resource:
    return Resource(
        id=ResourceId(name),
        name=name,
        host=name,
        upstream=upstream,
        label=LabelId("internal"),
        owner=UserId("alice"),
        rules=table,
    )


def envoy_settings(folder: str = "/nowhere", port: int = 8080) -> EnvoySettings:
    return EnvoySettings(
        domain=DOMAIN,
        folder=folder,
        plain=PlainListener("127.0.0.1", port),
        tls=None,
        control=ControlWeb(
            "127.0.0.1",
            8082,
            "control.doorward",
            f"{folder}/c.pem",
            f"{folder}/c.key",
            f"{folder}/ca.pem",
        ),
        check_socket=f"{folder}/check.sock",
        relay_socket=f"{folder}/relay.sock",
        admin_socket=f"{folder}/admin.sock",
        probe_socket=f"{folder}/probe.sock",
        ticket_jwk='{"kty":"EC","crv":"P-256","alg":"ES256",'
        '"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",'
        '"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}',
        access_log_path=f"{folder}/tickets.log",
    )


def chosen(routes: list[dict[str, Any]], method: str, target: str) -> dict[str, Any]:
    """The first route that matches a request without further headers."""
    path = target.split("?", 1)[0]
    return next(route for route in routes if _matches(route["match"], method, path))


def _matches(match: dict[str, Any], method: str, path: str) -> bool:
    for header in match.get("headers", ()):
        if header["name"] != ":method":
            return False  # present_match of a header that these requests do not have
        if not re.fullmatch(header["string_match"]["safe_regex"]["regex"], method):
            return False
    if "safe_regex" in match:
        return re.fullmatch(match["safe_regex"]["regex"], path, re.DOTALL) is not None
    kind = next(name for name in ("path", "prefix", "path_separated_prefix") if name in match)
    wanted: str = match[kind]
    if not match.get("case_sensitive", True):
        wanted, path = wanted.lower(), path.lower()
    if kind == "path":
        return path == wanted
    if kind == "prefix":
        return path.startswith(wanted)
    return path == wanted or path.startswith(wanted + "/")
