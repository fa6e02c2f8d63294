r"""The contract between Envoy and the decision process: the ext_authz check.

Envoy asks by HTTP/1.1 over `EnvoySettings.check_socket`, over few connections that it keeps open.

The question repeats the client's method, path with query, and `Host`, has no body, and carries
- of the client's headers those in `CLIENT_HEADERS`, unchanged (cookies and bearer included);
- `ADDRESS_HEADER`: the client's IP address without port, an IPv6 address without brackets;
- `CERTIFICATE_HEADER`: the client's certificate, which the device CA signed, as
  `CERTIFICATE_FORMAT` writes it (`certificate_in` reads it); hyphens where the client showed none;
- `SCHEME_HEADER`: `http` or `https`, by which listener the request came;
- `RESOURCE_HEADER`: the id of the resource whose route Envoy chose, to whose upstream the request
  goes. Envoy's routes may be older or newer than the snapshot that the answer comes from;
- `ROUTE_HEADER`: the name of that route; `RELAYED` where the relay carries the request.
The last five are Envoy's own: what a client sends under `doorward-*` is dropped on arrival.
The path is normalised already (dot segments, double slashes); it may still hold `;`, `%` or `\`.

The answer 200 means allow. Of its headers those in `UPSTREAM_HEADERS` replace the request's own
on the way to the upstream, and those in `SUCCESS_CLIENT_HEADERS` reach the client. An allow
answers every one of `IDENTITY_HEADERS`, those without a value as the empty string, so that
nothing else can fill the gap. On a route of the relay it also answers `STREAM_HEADER`.

Any other answer from 300 to 499 is a denial: status, body and `DENIED_CLIENT_HEADERS` reach the
client. An answer of 500 and above, a broken connection or `CHECK_TIMEOUT_SECONDS` without an
answer: the client gets a bare 503.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from typing import Final

from doorward.model.device import ClientCertificate

ADDRESS_HEADER: Final = "doorward-check-address"
CERTIFICATE_HEADER: Final = "doorward-check-certificate"
SCHEME_HEADER: Final = "doorward-check-scheme"
RESOURCE_HEADER: Final = "doorward-check-resource"
ROUTE_HEADER: Final = "doorward-check-route"

CHECK_HEADERS: Final = (
    ADDRESS_HEADER,
    CERTIFICATE_HEADER,
    SCHEME_HEADER,
    RESOURCE_HEADER,
    ROUTE_HEADER,
)
"""Sent with every check, from Envoy itself."""

RELAYED: Final = "relayed"
"""The name of every route that leads through the relay."""

CLIENT_HEADERS: Final = (
    "accept",
    "authorization",
    "content-type",
    "cookie",
    "origin",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-websocket-protocol",
    "upgrade",
    "user-agent",
)
"""Sent with the check where the client sent them."""

USER_HEADER: Final = "doorward-user"
EMAIL_HEADER: Final = "doorward-email"
NAME_HEADER: Final = "doorward-name"
GROUPS_HEADER: Final = "doorward-groups"
SESSION_HEADER: Final = "doorward-session"
ASSERTION_HEADER: Final = "doorward-assertion"
DECISION_HEADER: Final = "doorward-decision"
STREAM_HEADER: Final = "doorward-stream"

IDENTITY_HEADERS: Final = (
    USER_HEADER,
    EMAIL_HEADER,
    NAME_HEADER,
    GROUPS_HEADER,
    SESSION_HEADER,
    ASSERTION_HEADER,
    DECISION_HEADER,
)
UPSTREAM_HEADERS: Final = (*IDENTITY_HEADERS, STREAM_HEADER)
SUCCESS_CLIENT_HEADERS: Final = ("set-cookie",)
DENIED_CLIENT_HEADERS: Final = (
    "cache-control",
    "content-security-policy",
    "content-type",
    "location",
    "referrer-policy",
    "retry-after",
    "set-cookie",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
)

CHECK_TIMEOUT_SECONDS: Final = 2.0

CERTIFICATE_FORMAT: Final = (
    "%DOWNSTREAM_PEER_FINGERPRINT_256% %DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_CERT_V_END(%s)%"
    " %DOWNSTREAM_PEER_SUBJECT%"
)
"""Envoy's format of a client certificate: SHA-256, URI names, notAfter in seconds since 1970,
subject. The subject is last: it alone may hold spaces."""

_CERTIFICATE: Final = re.compile(r"([0-9a-f]{64}) ([\x21-\x7e]*) (\d{1,12}) ([\x21-\x7e]*)")
_NO_CERTIFICATE: Final = frozenset({"", "-", "- - - -"})


def certificate_in(value: str) -> ClientCertificate | None:
    """The certificate in a `CERTIFICATE_HEADER`; None where the client showed none.

    Raises ValueError where the value is not one that Envoy writes.
    """
    if value.strip(" ") in _NO_CERTIFICATE:
        return None
    found = _CERTIFICATE.fullmatch(value)
    if found is None:
        raise ValueError(CERTIFICATE_HEADER)
    uri, subject = ("" if text == "-" else text for text in (found[2], found[4]))
    return ClientCertificate(thumbprint=found[1], uri=uri, ends_at=float(found[3]), subject=subject)


def binding(address: str, thumbprint: str | None) -> str:
    """The ticket claim `bnd`: what a ticket is bound to, in the form that Envoy compares.

    The certificate's thumbprint, else the address as Envoy writes it with its closing `:`, so
    that `10.0.0.1` is no prefix of `10.0.0.11`. Raises ValueError where `address` is none.
    """
    if thumbprint:
        return thumbprint
    parsed = ip_address(address)
    return f"[{parsed}]:" if isinstance(parsed, IPv6Address) else f"{parsed}:"
