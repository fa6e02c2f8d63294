"""What a single document of an estate must satisfy, beyond its types."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from doorward.estate.clients import check_client
from doorward.estate.compliance_checks import check_compliance
from doorward.estate.problems import Problems, Source
from doorward.estate.provider_checks import check_provider
from doorward.estate.transmitter_checks import check_transmitter
from doorward.model.estate import (
    ANY_AUTHENTICATOR,
    CONTROL_UPSTREAM,
    EXTERNAL_UPSTREAM,
    OWN_UPSTREAMS,
    ActionRule,
    Authenticator,
    Label,
    Network,
    Resource,
    Service,
    User,
)
from doorward.model.ids import is_id
from doorward.model.snapshot import Document, Kind
from doorward.model.spiffe import is_device_id, is_service_segment

RESERVED_HOSTS = frozenset({"auth"})
RESERVED_RESOURCE = "auth"
"""What cookies of the sign-in host name as their resource."""
SERVICE_PREFIX = "service:"
"""What upstreams and the log see before a service's id, so that no person is taken for it."""
MAX_SENSITIVITY = 100

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_RULE_PATH = re.compile(r"/|(/[A-Za-z0-9._~!$&'()+,=:@-]+)+/?")
_METHOD = re.compile(r"[A-Z]{1,20}")
_AAGUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_AAGUID = "00000000-0000-0000-0000-000000000000"


def check_document(kind: Kind, document: Document, source: Source, problems: Problems) -> None:
    """Report whatever is wrong with one document on its own."""
    if not is_id(document.id):
        problems.add(
            source,
            ("id",),
            "bad-id",
            f"`{document.id}` cannot be an identifier.",
            "Use up to 128 letters, digits and `._@:+-`, the first a letter or digit.",
        )
    elif _reserved(kind, document.id):
        problems.add(
            source,
            ("id",),
            "reserved-id",
            f"The identifier `{document.id}` belongs to doorward itself.",
            "Choose another one.",
        )
    check = _CHECKS.get(kind)
    if check is not None:
        check(document, source, problems)


def _reserved(kind: Kind, document_id: str) -> bool:
    if kind == "resource":
        return document_id == RESERVED_RESOURCE
    return kind == "user" and document_id.startswith(SERVICE_PREFIX)


def is_address(text: str) -> bool:
    """Whether `text` has the form of an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def _check_user(user: User, source: Source, problems: Problems) -> None:
    if not is_address(user.email):
        problems.add(
            source,
            ("email",),
            "bad-email",
            f"`{user.email}` is not an e-mail address.",
            "Write it like alice@example.org.",
        )


def _check_authenticator(authenticator: Authenticator, source: Source, problems: Problems) -> None:
    if authenticator.id == ANY_AUTHENTICATOR:
        if authenticator.aal3:
            problems.add(
                source,
                ("aal3",),
                "unattested-aal3",
                "Any authenticator at all cannot reach AAL 3.",
                "Take `aal3` away, and name the models that may.",
            )
    elif not _AAGUID.fullmatch(authenticator.id) or authenticator.id == _NO_AAGUID:
        problems.add(
            source,
            ("id",),
            "bad-aaguid",
            f"`{authenticator.id}` is not the AAGUID of a model.",
            "Write the lower-case UUID that its maker publishes, or any.",
        )


def _check_service(service: Service, source: Source, problems: Problems) -> None:
    if service.hosts and not is_service_segment(service.id):
        problems.add(
            source,
            ("id",),
            "bad-workload-id",
            f"`{service.id}` cannot be part of a SPIFFE ID, so hosts get no certificate for it.",
            "Use letters, digits, `.`, `-` and `_`, or take `hosts` away.",
        )
    for index, host in enumerate(service.hosts):
        if not is_device_id(host):
            problems.add(
                source,
                ("hosts", index),
                "bad-host-device",
                f"`{host}` cannot be the id of a device.",
                "Write the id as doorward device list shows it.",
            )
        elif host in service.hosts[:index]:
            problems.add(
                source,
                ("hosts", index),
                "duplicate-host-device",
                f"The device `{host}` stands here twice.",
                "Take one away.",
            )


def _check_label(label: Label, source: Source, problems: Problems) -> None:
    if not 0 <= label.sensitivity <= MAX_SENSITIVITY:
        problems.add(
            source,
            ("sensitivity",),
            "bad-sensitivity",
            f"The sensitivity {label.sensitivity} is out of range.",
            "Give a number from 0 (public) to 100.",
        )


def _check_network(network: Network, source: Source, problems: Problems) -> None:
    for index, text in enumerate(network.ranges):
        try:
            ipaddress.ip_network(text)
        except ValueError:
            problems.add(
                source,
                ("ranges", index),
                "bad-range",
                f"`{text}` is not an address range.",
                _range_remedy(text),
            )


def _range_remedy(text: str) -> str:
    try:
        return f"Did you mean {ipaddress.ip_network(text, strict=False)}?"
    except ValueError:
        return "Write it in CIDR form, like 10.0.0.0/8 or 2001:db8::/32."


def _check_resource(resource: Resource, source: Source, problems: Problems) -> None:
    if resource.upstream == EXTERNAL_UPSTREAM:
        if resource.host:
            problems.add(
                source,
                ("host",),
                "host-without-upstream",
                f"`{resource.id}` stands elsewhere, so doorward answers at no host for it.",
                "Take `host` away, or name its upstream.",
            )
    elif not resource.host:
        problems.add(source, (), "missing-key", "`host` is missing.", "Add a line: host = …")
    elif resource.host in RESERVED_HOSTS:
        problems.add(
            source,
            ("host",),
            "reserved-host",
            f"The host name `{resource.host}` belongs to doorward itself.",
            "Choose another name.",
        )
    elif not _HOST.fullmatch(resource.host):
        problems.add(
            source,
            ("host",),
            "bad-host",
            f"`{resource.host}` is not one DNS label.",
            "Use lower-case letters, digits and `-`; the domain is added by doorward.",
        )
    problem = _upstream_problem(resource.upstream)
    if problem:
        problems.add(
            source,
            ("upstream",),
            "bad-upstream",
            f"`{resource.upstream}` is not an upstream: {problem}.",
            "Write http://ADDRESS:PORT, https://ADDRESS:PORT, control, scim or external.",
        )
    try:
        zoneinfo.ZoneInfo(resource.timezone)
    except (KeyError, ValueError, OSError):
        problems.add(
            source,
            ("timezone",),
            "bad-time-zone",
            f"`{resource.timezone}` is not a time zone.",
            "Use an IANA name like Europe/Berlin, or leave it out for UTC.",
        )
    _check_against_upstream(resource, source, problems)
    for index, rule in enumerate(resource.rules):
        _check_rule(rule, source.below("rules", index), problems)


def _check_against_upstream(resource: Resource, source: Source, problems: Problems) -> None:
    """What a resource may say only where its upstream is an application."""
    if resource.streams and resource.upstream in {*OWN_UPSTREAMS, EXTERNAL_UPSTREAM}:
        problems.add(
            source,
            ("streams",),
            "streams-without-upstream",
            f"`{resource.id}` is not behind the gateway's relay, so its answers cannot be cut.",
            "Take `streams` away, or name an upstream of http:// or https://.",
        )
    if resource.rules and resource.upstream == CONTROL_UPSTREAM:
        problems.add(
            source,
            ("rules",),
            "rules-of-console",
            "The console has its own table of what reads, what writes, and in which area.",
            "Take the rules out; policies tell the console's parts apart by `context.area`.",
        )


def _upstream_problem(text: str) -> str:
    if text in OWN_UPSTREAMS or text == EXTERNAL_UPSTREAM:
        return ""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        return str(error).lower()
    if parts.scheme not in {"http", "https"}:
        return "it does not begin with http:// or https://"
    if parts.username is not None or parts.password is not None:
        return "it holds credentials"
    if not parts.hostname or not re.fullmatch(r"[A-Za-z0-9.:-]+", parts.hostname):
        return "it names no address"
    if not port:
        return "it names no port"
    if parts.path or parts.query or parts.fragment or text.endswith(("?", "#")):
        return "something follows the port"
    return ""


def _check_rule(rule: ActionRule, source: Source, problems: Problems) -> None:
    path = rule.path.removesuffix("/*") or "/"
    segments = path.split("/")
    if not _RULE_PATH.fullmatch(path) or not {".", ".."}.isdisjoint(segments):
        problems.add(
            source,
            ("path",),
            "bad-rule-path",
            f"`{rule.path}` is not a path for a rule.",
            "Write /exact or /prefix/*, without `..`, `//`, `%`, `;`, `?` or `*` elsewhere.",
        )
    for index, method in enumerate(rule.methods):
        if not _METHOD.fullmatch(method):
            problems.add(
                source,
                ("methods", index),
                "bad-method",
                f"`{method}` is not an HTTP method.",
                "Write it in capitals, like GET or POST.",
            )


_CHECKS: Mapping[Kind, Callable[[Any, Source, Problems], None]] = MappingProxyType(
    {
        "user": _check_user,
        "service": _check_service,
        "authenticator": _check_authenticator,
        "label": _check_label,
        "network": _check_network,
        "resource": _check_resource,
        "client": check_client,
        "provider": check_provider,
        "compliance": check_compliance,
        "transmitter": check_transmitter,
    }
)
