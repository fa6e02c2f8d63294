"""From a code to claims: token endpoint, ID token, and UserInfo where claims are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.flow import Flow, open_verifier
from doorward.administrator.federation.id_token import IdClaims, check_id_token, subject_of
from doorward.administrator.federation.metadata import Metadata
from doorward.administrator.federation.ports import VerifiedToken
from doorward.administrator.federation.provider_secret import secret_of
from doorward.administrator.federation.refusals import FederationRejectedError, invalid
from doorward.errors import DoorwardError
from doorward.model.estate import IdentityProvider
from doorward.model.ids import UnixSeconds

_ADDRESS = ("email", "email_verified")
_OK = 200
_SERVER_ERROR = 500


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str
    token_type: str


class _Refusal(msgspec.Struct, frozen=True):
    error: str = ""


async def claims_for_code(
    federation: Federation,
    provider: IdentityProvider,
    flow: Flow,
    *,
    state: str,
    code: str,
    now: UnixSeconds,
) -> IdClaims:
    """What the provider says of whoever got `code`.

    Raises FederationRejectedError, and DoorwardError `provider-unreachable`, `provider-invalid`,
    `provider-client-refused`.
    """
    metadata = await federation.directory.metadata(provider, now)
    tokens = await _tokens(federation, provider, metadata, flow, state, code)
    verified = await verified_token(federation, provider, tokens.id_token, now)
    claims = check_id_token(verified, flow.expected(provider), tokens.access_token, now)
    wanted = {provider.groups_claim, *(("email",) if provider.match == "email" else ())} - {""}
    if metadata.userinfo_endpoint and not wanted <= claims.others.keys():
        return await _with_user_info(federation, metadata, claims, tokens.access_token)
    return claims


async def verified_token(
    federation: Federation, provider: IdentityProvider, token: str, now: UnixSeconds
) -> VerifiedToken:
    """A token that one of the provider's keys signed. Raises FederationRejectedError."""
    unverified = federation.tokens.read(token)
    metadata = await federation.directory.metadata(provider, now)
    if unverified.algorithm not in metadata.algorithms:
        raise FederationRejectedError("algorithm-refused")
    keys = await federation.directory.keys(provider, unverified.key_id, now)
    return federation.tokens.verify(unverified, keys, metadata.algorithms)


async def _tokens(
    federation: Federation,
    provider: IdentityProvider,
    metadata: Metadata,
    flow: Flow,
    state: str,
    code: str,
) -> _Tokens:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "code_verifier": open_verifier(federation.authenticators, state, flow),
    }
    secret = await secret_of(federation, provider)
    basic = None
    if not secret:
        fields["client_id"] = provider.client_id
    elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
        basic = (provider.client_id, secret)
    else:
        fields |= {"client_id": provider.client_id, "client_secret": secret}
    answer = await federation.http.post(
        metadata.token_endpoint, fields, issuer=provider.issuer, basic=basic
    )
    if answer.status >= _SERVER_ERROR:
        raise invalid(f"its token endpoint answers with status {answer.status}")
    if answer.status != _OK:
        raise _refused(provider, answer.body)
    try:
        tokens = msgspec.json.decode(answer.body, type=_Tokens)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("its tokens cannot be read") from error
    if tokens.token_type.lower() != "bearer":
        raise invalid("its tokens are of a kind that was not asked for")
    return tokens


def _refused(provider: IdentityProvider, body: bytes) -> DoorwardError:
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, RecursionError):
        error = ""
    if error in {"invalid_client", "unauthorized_client"}:
        return DoorwardError(
            "provider-client-refused",
            f"{provider.name} does not accept doorward as its client.",
            f"Whoever runs doorward sets the client's secret: doorward provider secret "
            f"{provider.id}.",
        )
    return FederationRejectedError("code-refused-by-provider")


async def _with_user_info(
    federation: Federation, metadata: Metadata, claims: IdClaims, access_token: str
) -> IdClaims:
    """The claims with those of UserInfo (Core 5.3), which must be of the same subject (5.3.2)."""
    answer = await federation.http.get(
        metadata.userinfo_endpoint, issuer=metadata.issuer, bearer=access_token
    )
    if answer.status != _OK:
        raise invalid(f"its UserInfo endpoint answers with status {answer.status}")
    try:
        others = msgspec.json.decode(answer.body, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("its UserInfo cannot be read") from error
    if subject_of(others) != claims.subject:
        raise FederationRejectedError("user-info-of-another")
    return replace(claims, others=_merged(claims.others, others))


def _merged(signed: Mapping[str, object], told: Mapping[str, object]) -> dict[str, object]:
    """What the signed claims lack is added; an address and whether it is verified go together."""
    address = signed if "email" in signed else told
    rest = {name: value for name, value in {**told, **signed}.items() if name not in _ADDRESS}
    return rest | {name: address[name] for name in _ADDRESS if name in address}
