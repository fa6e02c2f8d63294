"""What applications read first (OpenID Connect Discovery 1.0, RFC 8414)."""

from __future__ import annotations

from doorward.protocol.openid.claims import ACR_VALUES, CLAIMS, SCOPES

AUTHORIZE = "/openid/authorize"
TOKEN = "/openid/token"  # noqa: S105 - a path
USERINFO = "/openid/userinfo"
REVOKE = "/openid/revoke"
LOGOUT = "/openid/logout"
KEYS = "/openid/jwks.json"

_CLIENT_METHODS = ("client_secret_basic", "client_secret_post", "none")


def metadata(issuer: str) -> dict[str, object]:
    """The document; every address is below the issuer."""
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZE,
        "token_endpoint": issuer + TOKEN,
        "userinfo_endpoint": issuer + USERINFO,
        "revocation_endpoint": issuer + REVOKE,
        "end_session_endpoint": issuer + LOGOUT,
        "jwks_uri": issuer + KEYS,
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": _CLIENT_METHODS,
        "revocation_endpoint_auth_methods_supported": _CLIENT_METHODS,
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": ACR_VALUES,
        "claims_supported": [
            *("iss", "aud", "iat", "exp", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"),
            *CLAIMS,
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }
