"""Whom or what an event is about: subject identifiers (RFC 9493; SSF 1.0, 3)."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

Json = dict[str, object]

FORMAT = "format"
COMPLEX = "complex"


class _Identifier(msgspec.Struct, frozen=True, kw_only=True, tag_field=FORMAT):
    """Members that a format does not define are ignored."""


class AccountSubject(_Identifier, frozen=True, kw_only=True, tag="account"):
    """RFC 9493, 3.2.1: an `acct:` URI."""

    uri: str


class EmailSubject(_Identifier, frozen=True, kw_only=True, tag="email"):
    """RFC 9493, 3.2.2."""

    email: str


class IssuerSubject(_Identifier, frozen=True, kw_only=True, tag="iss_sub"):
    """RFC 9493, 3.2.3: the subject of an issuer, as in its ID tokens."""

    iss: str
    sub: str


class OpaqueSubject(_Identifier, frozen=True, kw_only=True, tag="opaque"):
    """RFC 9493, 3.2.4: an id that means something to the two parties only."""

    id: str


class PhoneSubject(_Identifier, frozen=True, kw_only=True, tag="phone_number"):
    """RFC 9493, 3.2.5: E.164."""

    phone_number: str


class DidSubject(_Identifier, frozen=True, kw_only=True, tag="did"):
    """RFC 9493, 3.2.6."""

    url: str


class UriSubject(_Identifier, frozen=True, kw_only=True, tag="uri"):
    """RFC 9493, 3.2.7."""

    uri: str


class JwtSubject(_Identifier, frozen=True, kw_only=True, tag="jwt_id"):
    """SSF 1.0, 3.5.1: a JSON Web Token."""

    iss: str
    jti: str


class SamlSubject(_Identifier, frozen=True, kw_only=True, tag="saml_assertion_id"):
    """SSF 1.0, 3.5.2: a SAML assertion."""

    issuer: str
    assertion_id: str


class AddressSubject(_Identifier, frozen=True, kw_only=True, tag="ip-addresses"):
    """SSF 1.0, 3.5.3: the addresses that the transmitter saw."""

    ip_addresses: tuple[str, ...] = msgspec.field(name="ip-addresses")


OneSubject = (
    AccountSubject
    | EmailSubject
    | IssuerSubject
    | OpaqueSubject
    | PhoneSubject
    | DidSubject
    | UriSubject
    | JwtSubject
    | SamlSubject
    | AddressSubject
)


class AliasSubject(_Identifier, frozen=True, kw_only=True, tag="aliases"):
    """RFC 9493, 3.2.8: several identifiers of one subject; none of them is of this format."""

    identifiers: tuple[OneSubject, ...]


SimpleSubject = OneSubject | AliasSubject


class ComplexSubject(_Identifier, frozen=True, kw_only=True, tag=COMPLEX):
    """SSF 1.0, 3.3: one principal, told by several simple subjects."""

    user: SimpleSubject | UnsetType = UNSET
    device: SimpleSubject | UnsetType = UNSET
    session: SimpleSubject | UnsetType = UNSET
    application: SimpleSubject | UnsetType = UNSET
    tenant: SimpleSubject | UnsetType = UNSET
    org_unit: SimpleSubject | UnsetType = UNSET
    group: SimpleSubject | UnsetType = UNSET


Subject = SimpleSubject | ComplexSubject

_DECODER: msgspec.json.Decoder[Subject] = msgspec.json.Decoder(Subject)


def read_subject(body: bytes | msgspec.Raw) -> Subject:
    """The subject in `body`. Raises msgspec.ValidationError, also for a format of others' own."""
    return _DECODER.decode(body)
