"""A transmitter's configuration metadata (SSF 1.0, 7.1), read and checked. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from doorward.administrator.receiver.refusals import invalid
from doorward.model.endpoints import endpoint_problem
from doorward.protocol.signals.delivery import CONFIGURATION_PATH

_ENDPOINTS = ("jwks_uri", "configuration_endpoint", "status_endpoint", "verification_endpoint")


class TransmitterMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a transmitter says of itself, as far as doorward uses it; other members are ignored.

    `critical_subject_members` are those of a complex subject that must be understood.
    """

    issuer: str
    jwks_uri: str
    spec_version: str = "1_0-ID1"
    delivery_methods_supported: tuple[str, ...] = ()
    configuration_endpoint: str = ""
    status_endpoint: str = ""
    verification_endpoint: str = ""
    critical_subject_members: tuple[str, ...] = ()


def configuration_url(issuer: str) -> str:
    """Where the document of `issuer` lies: the path goes behind the well-known one (7.2.1)."""
    parts = urlsplit(issuer)
    return parts._replace(path=CONFIGURATION_PATH + parts.path.removesuffix("/")).geturl()


def read_configuration(body: bytes, issuer: str) -> TransmitterMetadata:
    """The document of `issuer`. Raises DoorwardError `transmitter-invalid`.

    1. It is JSON of the right types, and names keys: unsigned tokens are not taken.
    2. It is this issuer's own, letter by letter (7.2.4).
    3. Every endpoint may be called: https, or this machine for a transmitter on this machine.
    """
    try:
        metadata = msgspec.json.decode(body, type=TransmitterMetadata)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("its configuration cannot be read") from error
    if metadata.issuer != issuer:
        raise invalid("its configuration is of another issuer")
    for name in _ENDPOINTS:
        endpoint: str = getattr(metadata, name)
        problem = endpoint_problem(endpoint, issuer) if endpoint or name == "jwks_uri" else ""
        if problem:
            raise invalid(f"{name} cannot be used: {problem}")
    return metadata
