"""A provider's discovery document (OpenID Connect Discovery 1.0), read and checked. Pure."""

from __future__ import annotations

import msgspec

from doorward.administrator.federation.refusals import invalid
from doorward.model.endpoints import endpoint_problem

ALGORITHMS = (
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
    "PS256",
    "PS384",
    "PS512",
    "RS256",
    "RS384",
    "RS512",
)
"""Signatures that are accepted: public keys only, so that no key that is known signs (RFC 8725)."""

DISCOVERY_PATH = "/.well-known/openid-configuration"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of itself, as far as doorward uses it; defaults are the specification's.

    `authorization_response_iss_parameter_supported` is RFC 9207.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    response_types_supported: tuple[str, ...] = ("code",)
    code_challenge_methods_supported: tuple[str, ...] = ()
    acr_values_supported: tuple[str, ...] = ()
    claims_supported: tuple[str, ...] = ()
    authorization_response_iss_parameter_supported: bool = False
    backchannel_logout_supported: bool = False
    backchannel_logout_session_supported: bool = False

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The signatures that both sides accept; never empty."""
        offered = self.id_token_signing_alg_values_supported
        return tuple(name for name in ALGORITHMS if name in offered)


def discovery_url(issuer: str) -> str:
    """Where the document of `issuer` lies (4.1)."""
    return issuer.removesuffix("/") + DISCOVERY_PATH


def with_query(endpoint: str, query: str) -> str:
    """An endpoint of a provider, which may have a query of its own, with more of it."""
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"


def read_metadata(body: bytes, issuer: str) -> Metadata:
    """The document of `issuer`. Raises DoorwardError `provider-invalid`.

    1. It is JSON of the right types.
    2. It is this issuer's own, letter by letter (4.3): else one provider speaks for another.
    3. Every endpoint may be called: https, or this machine for a provider on this machine.
    4. It offers the code flow, S256 where it says anything of PKCE, and a signature we accept.
    """
    try:
        metadata = msgspec.json.decode(body, type=Metadata)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("its discovery document cannot be read") from error
    if metadata.issuer != issuer:
        raise invalid("its discovery document is of another issuer")
    named = {
        "authorization_endpoint": metadata.authorization_endpoint,
        "token_endpoint": metadata.token_endpoint,
        "jwks_uri": metadata.jwks_uri,
    }
    for name in ("userinfo_endpoint", "end_session_endpoint"):
        if getattr(metadata, name):
            named[name] = getattr(metadata, name)
    for name, endpoint in named.items():
        problem = endpoint_problem(endpoint, issuer)
        if problem:
            raise invalid(f"{name} cannot be used: {problem}")
    if "code" not in metadata.response_types_supported:
        raise invalid("it does not offer the authorization code flow")
    offered = metadata.code_challenge_methods_supported
    if offered and "S256" not in offered:
        raise invalid("it offers PKCE without S256")
    if not metadata.algorithms:
        raise invalid("it signs ID tokens with no algorithm that is accepted here")
    return metadata


def read_keys(body: bytes) -> tuple[dict[str, object], ...]:
    """The JWKs of a JWK set (RFC 7517). Raises DoorwardError `provider-invalid`."""
    try:
        document = msgspec.json.decode(body, type=_KeySet)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("its keys cannot be read") from error
    return document.keys


class _KeySet(msgspec.Struct, frozen=True):
    keys: tuple[dict[str, object], ...]
