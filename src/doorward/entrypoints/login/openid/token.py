"""The token endpoint (RFC 6749, 3.2) and the revocation endpoint (RFC 7009)."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.openid.clients import authenticated_client
from doorward.administrator.openid.exchange_code import exchange_code
from doorward.administrator.openid.refresh import refresh_tokens
from doorward.administrator.openid.tokens import Tokens
from doorward.administrator.openid.use_token import revoke_token
from doorward.entrypoints.login.answers import json
from doorward.entrypoints.login.openid.endpoint import form_parameters
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import Wiring
from doorward.model.estate import Client
from doorward.protocol.openid.credentials import read_credentials
from doorward.protocol.openid.errors import OpenidRefusedError
from doorward.protocol.openid.parameters import Parameters

_TOKEN = ("grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope")
_REVOKE = ("token", "token_type_hint")


async def token(wiring: Wiring, visit: Visit) -> Response:
    """Tokens, for a code or for a refresh token."""
    parameters = await form_parameters(visit)
    client = await _client(wiring, visit, parameters)
    parameters.require_plain(_TOKEN)
    match parameters.get("grant_type"):
        case "authorization_code":
            tokens = await exchange_code(
                wiring.openid,
                client,
                code=_required(parameters, "code"),
                redirect_uri=_required(parameters, "redirect_uri"),
                verifier=_required(parameters, "code_verifier"),
                now=visit.now,
            )
        case "refresh_token":
            tokens = await refresh_tokens(
                wiring.openid,
                client,
                refresh=_required(parameters, "refresh_token"),
                scope=parameters.get("scope"),
                now=visit.now,
            )
        case "":
            raise OpenidRefusedError("invalid_request", "grant_type is missing.")
        case _:
            raise OpenidRefusedError(
                "unsupported_grant_type", "grant_type is authorization_code or refresh_token."
            )
    response = json(_body(tokens))
    response.headers["pragma"] = "no-cache"
    return response


async def revoke(wiring: Wiring, visit: Visit) -> Response:
    """End a token. One that is not there is as good as ended."""
    parameters = await form_parameters(visit)
    client = await _client(wiring, visit, parameters)
    parameters.require_plain(_REVOKE)
    await revoke_token(wiring.openid, client, _required(parameters, "token"), visit.now)
    return json({})


async def _client(wiring: Wiring, visit: Visit, parameters: Parameters) -> Client:
    credentials = read_credentials(visit.request.headers.getlist("authorization"), parameters)
    return await authenticated_client(wiring.openid, credentials, visit.now)


def _required(parameters: Parameters, name: str) -> str:
    value = parameters.get(name)
    if not value:
        raise OpenidRefusedError("invalid_request", f"{name} is missing.")
    return value


def _body(tokens: Tokens) -> dict[str, object]:
    body: dict[str, object] = {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_seconds,
        "id_token": tokens.id_token,
        "scope": " ".join(tokens.scopes),
    }
    return {**body, "refresh_token": tokens.refresh} if tokens.refresh else body
