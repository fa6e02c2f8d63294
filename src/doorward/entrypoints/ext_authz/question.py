"""Envoy's question, read: who presents what, from where, for which resource.

The contract is `doorward.enforcement.envoy.check`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from doorward.enforcement.envoy.check import (
    ADDRESS_HEADER,
    CERTIFICATE_HEADER,
    RELAYED,
    RESOURCE_HEADER,
    ROUTE_HEADER,
    SCHEME_HEADER,
    certificate_in,
)
from doorward.entrypoints.ext_authz.credentials import (
    AmbiguousCredentialsError,
    Credentials,
    read_credentials,
)
from doorward.entrypoints.ext_authz.http_server import HttpRequest
from doorward.model.device import ClientCertificate
from doorward.model.estate import Resource

_TARGET = re.compile(r"/[\x21-\x7e]*")
_MAX_PORT = 65535
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class QuestionRefusedError(Exception):
    """The request can be read in two ways, or is none that Envoy would pass on."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request before any lookup. `host` is in lower case, `port` as the client wrote it.

    `routed` is the id of the resource to whose upstream Envoy will send it, `relayed` whether it
    does so through the relay.
    """

    method: str
    target: str
    host: str
    port: str
    scheme: str
    routed: str
    address: str
    certificate: ClientCertificate | None
    credentials: Credentials
    relayed: bool
    navigation: bool
    cross_site: bool

    @property
    def path(self) -> str:
        """The target without its query, which may hold an application's secrets."""
        return self.target.split("?", 1)[0]

    @property
    def port_suffix(self) -> str:
        """`:port` where the client named one."""
        return f":{self.port}" if self.port else ""


def read_question(request: HttpRequest) -> Question:
    """Raises QuestionRefusedError."""
    try:
        host, port = _host(request.only("host"))
        address = _address(request.only(ADDRESS_HEADER))
        certificate = certificate_in(request.only(CERTIFICATE_HEADER))
        credentials = read_credentials(
            request.headers.get("cookie", ()), request.headers.get("authorization", ())
        )
        target = _matching(_TARGET, request.target)
        return Question(
            method=request.method,
            target=target,
            host=host,
            port=port,
            scheme="http" if request.only(SCHEME_HEADER) == "http" else "https",
            routed=request.only(RESOURCE_HEADER),
            address=address,
            certificate=certificate,
            credentials=credentials,
            relayed=request.only(ROUTE_HEADER) == RELAYED,
            navigation=_is_navigation(request),
            cross_site=_is_cross_site(request),
        )
    except (ValueError, AmbiguousCredentialsError) as error:
        raise QuestionRefusedError from error


@lru_cache(maxsize=16_384)
def _address(text: str) -> str:
    return str(ip_address(text))


def _matching(form: re.Pattern[str], text: str) -> str:
    if form.fullmatch(text) is None:
        raise ValueError(form.pattern)
    return text


def _host(authority: str) -> tuple[str, str]:
    host, _, port = authority.lower().partition(":")
    if not host or (port and not (port.isascii() and port.isdecimal() and int(port) <= _MAX_PORT)):
        raise ValueError("host")
    return host, port


def _is_cross_site(request: HttpRequest) -> bool:
    """Whether another site's page makes this browser change something, or open a stream.

    All resources are one site to a browser, so SameSite cookies do not keep one application from
    acting on another; WebSockets are not bound by CORS at all (RFC 6455, 10.2).
    """
    if request.method in _SAFE_METHODS and not request.headers.get("upgrade"):
        return False
    site, origin = request.only("sec-fetch-site"), request.only("origin").lower()
    if site in {"cross-site", "same-site"}:
        return True
    if origin == "null":
        return site != "same-origin"
    scheme = "http" if request.only(SCHEME_HEADER) == "http" else "https"
    return bool(origin) and origin != f"{scheme}://{request.only('host').lower()}"


def _is_navigation(request: HttpRequest) -> bool:
    """Whether a person's browser asks for a page, so that it can be sent to sign in."""
    if request.method != "GET" or request.headers.get("upgrade"):
        return False
    mode = request.headers.get("sec-fetch-mode")
    if mode is not None:
        return mode == ["navigate"] and request.headers.get("sec-fetch-dest") != ["iframe"]
    return any("text/html" in value for value in request.headers.get("accept", ()))


class Hosts:
    """Finds the resource of a host name; rebuilt where the resources changed."""

    def __init__(self, domain: str) -> None:
        self._suffix = "." + domain
        self._source: Mapping[str, Resource] = {}
        self._by_host: dict[str, Resource] = {}

    def resource(self, host: str, resources: Mapping[str, Resource]) -> Resource | None:
        """The resource at `host`, None where there is none."""
        if resources is not self._source:
            self._by_host = {
                item.host + self._suffix: item for item in resources.values() if item.host
            }
            self._source = resources
        return self._by_host.get(host)
