"""Reading an authorization request (OpenID Connect Core 3.1.2.1), one rule after another.

Nothing is known of who sent it. Its rules, in order; the first that is broken is the answer:

1. `client_id` names a client.
2. `redirect_uri` is one that the client registered.

What breaks one of these two is told to the person and to nobody else: an address that nobody
registered must not be led to (RFC 6749, 4.1.2.1). From here on the application is told.

3. No parameter stands there twice (RFC 6749, 3.1), is longer than any can be, or unprintable.
4. Nothing comes by a request object (Core 6), nor is the client registered by it (Core 7).
5. `response_type` is `code`, answered in the query.
6. `scope` holds `openid`; of the others those are granted that the client may have.
7. `code_challenge` is there, made with S256 (RFC 7636). No client is let off: without it, whoever
   gets hold of a code could use it in a session of their own (RFC 9700, 2.1.1).
8. `prompt`, `max_age` and `acr_values` are such as Core 3.1.2.1 has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from doorward.model.estate import Client
from doorward.model.ids import ClientId
from doorward.protocol.openid.addresses import is_registered
from doorward.protocol.openid.claims import ACR_PREFIX, OPENID
from doorward.protocol.openid.errors import OpenidRefusedError
from doorward.protocol.openid.parameters import Parameters

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_AGE = re.compile(r"[0-9]{1,9}")
_AAL = re.compile(rf"{re.escape(ACR_PREFIX)}([123])")
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_UNSUPPORTED = ("request", "request_uri", "registration")
_KNOWN = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "acr_values",
    "id_token_hint",
    "login_hint",
    *_UNSUPPORTED,
)


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an application asks for. `scopes` are those to grant; `max_age` is in seconds.

    `silent` allows no page (`prompt=none`), `anew` demands a new authentication. `aal` is the
    least authenticator assurance level that will do, 0 for any. `hint` is an unverified ID token.
    """

    client: ClientId
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    state: str = ""
    nonce: str = ""
    silent: bool = False
    anew: bool = False
    max_age: int | None = None
    aal: int = 0
    hint: str = ""


def find_client(parameters: Parameters, clients: Mapping[str, Client]) -> tuple[Client, str]:
    """The client and the redirect URI, both known good. Raises OpenidRefusedError, for a page."""
    client = clients.get(parameters.get("client_id"))
    if client is None:  # 1
        raise OpenidRefusedError("invalid_client", "No application is known by this name.")
    redirect_uri = parameters.get("redirect_uri")
    if not is_registered(client, redirect_uri):  # 2
        raise OpenidRefusedError(
            "invalid_request", f"{client.name} did not register the address that it asks for."
        )
    return client, redirect_uri


def read_request(parameters: Parameters, client: Client, redirect_uri: str) -> AuthorizationRequest:
    """The request of a known client. Raises OpenidRefusedError, for the application."""
    parameters.require_plain(_KNOWN)  # 3
    for name in _UNSUPPORTED:  # 4
        if parameters.get(name):
            raise OpenidRefusedError(
                f"{name}_not_supported",  # type: ignore[arg-type]
                f"{name} is not supported.",
            )
    _require_code(parameters)  # 5
    prompts = frozenset(parameters.get("prompt").split())
    max_age = parameters.get("max_age")
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):  # 8
        raise OpenidRefusedError("invalid_request", "prompt is none alone, login or consent.")
    if max_age and not _MAX_AGE.fullmatch(max_age):
        raise OpenidRefusedError("invalid_request", "max_age is a whole number of seconds.")
    return AuthorizationRequest(
        client=client.id,
        redirect_uri=redirect_uri,
        scopes=granted_scopes(parameters.get("scope").split(), client),  # 6
        challenge=_challenge(parameters),  # 7
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        silent="none" in prompts,
        anew=not prompts.isdisjoint({"login", "select_account"}),
        max_age=int(max_age) if max_age else None,
        aal=_least_level(parameters.get("acr_values")),
        hint=parameters.get("id_token_hint"),
    )


def granted_scopes(wanted: list[str] | tuple[str, ...], client: Client) -> tuple[str, ...]:
    """Those that the client may have. Raises OpenidRefusedError `invalid_scope` without `openid`.

    What is not understood is left out (Core 3.1.2.1); the token's answer says what was granted.
    """
    if OPENID not in wanted:
        raise OpenidRefusedError("invalid_scope", "scope must hold openid.")
    return (OPENID, *(scope for scope in client.scopes if scope in wanted))


def _require_code(parameters: Parameters) -> None:
    response_type = parameters.get("response_type")
    if not response_type:
        raise OpenidRefusedError("invalid_request", "response_type is missing.")
    if response_type != "code":
        raise OpenidRefusedError("unsupported_response_type", "response_type must be code.")
    if parameters.get("response_mode") not in {"", "query"}:
        raise OpenidRefusedError("invalid_request", "response_mode must be query.")


def _challenge(parameters: Parameters) -> str:
    challenge = parameters.get("code_challenge")
    if not challenge:
        raise OpenidRefusedError("invalid_request", "PKCE is required: code_challenge is missing.")
    # Without a method RFC 7636, 4.3 means `plain`, which anyone who sees the request can answer.
    if parameters.get("code_challenge_method") != "S256":
        raise OpenidRefusedError("invalid_request", "code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise OpenidRefusedError("invalid_request", "code_challenge is no SHA-256 in base64url.")
    return challenge


def _least_level(acr_values: str) -> int:
    """The least level that one of the wanted classes has; classes of others are not known here."""
    levels = [int(match[1]) for value in acr_values.split() if (match := _AAL.fullmatch(value))]
    return min(levels, default=0)
