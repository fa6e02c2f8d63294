"""OpenID Connect providers in memory, honest until a test tells one to lie.

`Providers` is the port `ProviderHttp`: it routes by origin, counts what is asked, and has no
network. `OidcProvider` keeps the code flow's rules on its own side: it checks the client, the
redirect URI and the PKCE verifier, and hands each code out once.

A browser's part is `authorize(url)`: the parameters of the way back. What is said of the person
stands in `claims`; `lies` are laid over an ID token at the last moment (None takes a claim away),
and `signed_by` replaces the signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, KeyParameters, OKPKey, RSAKey

from doorward.administrator.federation.ports import Answer
from doorward.administrator.federation.refusals import unreachable
from doorward.model.estate import IdentityProvider
from doorward.model.ids import ProviderId

WORK_ISSUER = "https://login.work.example"
OTHER_ISSUER = "https://login.other.example"
SECRET = "client secret: 100% +"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

AnyKey = RSAKey | ECKey | OKPKey


def declared(provider: str = "work", issuer: str = WORK_ISSUER, **fields: Any) -> IdentityProvider:
    """How an estate declares the provider."""
    return IdentityProvider(
        id=ProviderId(provider),
        name=provider.title(),
        issuer=issuer,
        client_id="doorward",
        **fields,
    )


def new_key(kid: str = "k1", algorithm: str = "ES256") -> AnyKey:
    """A key that suits `algorithm`."""
    parameters: KeyParameters = {"kid": kid, "use": "sig"}
    match algorithm[:2]:
        case "RS" | "PS":
            return RSAKey.generate_key(2048, parameters)
        case "Ed":
            return OKPKey.generate_key("Ed25519", parameters)
    curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[algorithm]
    return ECKey.generate_key(curve, parameters)


def signed(
    claims: Mapping[str, object], key: AnyKey | None, algorithm: str, **header: object
) -> str:
    """A compact JWS with any header and any algorithm, `none` included."""
    protected = {"alg": algorithm, **header}
    if algorithm == "none":
        parts = (msgspec.json.encode(protected), msgspec.json.encode(claims))
        return ".".join(base64url(part) for part in parts) + "."
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    with warnings.catch_warnings(action="ignore", category=SecurityWarning):
        return jws.serialize_compact(protected, msgspec.json.encode(claims), key, registry=registry)


def signed_by_hmac(claims: Mapping[str, object], secret: bytes, **header: object) -> str:
    """HS256 by hand: joserfc does not lend itself to a public key as a secret."""
    parts = ({"alg": "HS256", **header}, claims)
    message = ".".join(base64url(msgspec.json.encode(part)) for part in parts)
    return f"{message}.{base64url(hmac.digest(secret, message.encode(), 'sha256'))}"


@dataclass
class OidcProvider:
    """One provider. `now` answers its clock; `skew` is by how much that is ahead."""

    issuer: str
    clock: Callable[[], float]
    client_id: str = "doorward"
    secret: str = ""
    algorithm: str = "ES256"
    skew: float = 0.0
    down: bool = False
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "s-alice"})
    user_info: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    token_answer: dict[str, Any] = field(default_factory=dict)
    resign: Callable[[dict[str, Any]], str] | None = None
    asked: list[str] = field(default_factory=list)
    keys: list[AnyKey] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = self.keys or [new_key("k1", self.algorithm)]
        self._codes: dict[str, dict[str, str]] = {}
        self._numbers = itertools.count(1)

    @property
    def now(self) -> float:
        return self.clock() + self.skew

    def metadata(self) -> dict[str, Any]:
        honest = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/me",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": [self.algorithm],
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
        }
        return _laid_over(honest, self.document)

    def authorize(self, url: str) -> dict[str, str]:
        """The person signs in: what the browser brings back."""
        assert url.startswith(self.metadata()["authorization_endpoint"])
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == self.client_id
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{next(self._numbers)}"
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def id_token(self, nonce: str) -> str:
        now = int(self.now)
        honest = {
            "iss": self.issuer,
            "aud": self.client_id,
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": nonce,
            "sid": "sid-1",
            **self.claims,
        }
        return self.sign(_laid_over(honest, self.lies))

    def logout_token(self, **changed: Any) -> str:
        now = int(self.now)
        honest = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 120,
            "jti": f"jti-{next(self._numbers)}",
            "events": {LOGOUT_EVENT: {}},
            "sub": self.claims["sub"],
            "sid": "sid-1",
        }
        return self.sign(_laid_over(honest, changed), typ="logout+jwt")

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        if self.resign is not None:
            return self.resign(claims)
        kid = self.keys[-1].kid
        return signed(
            claims, self.keys[-1], self.algorithm, **{"kid": kid, **header, **self.header}
        )

    def get(self, path: str, bearer: str) -> Answer:
        match path:
            case "/.well-known/openid-configuration":
                return self._json(self.metadata())
            case "/keys":
                return self._json({"keys": [key.as_dict(private=False) for key in self.keys]})
            case "/me":
                known = bearer == "access-token"
                return self._json(
                    {"sub": self.claims["sub"], **self.user_info}, 200 if known else 401
                )
        return self._json({}, 404)

    def post(self, fields: Mapping[str, str], basic: tuple[str, str] | None) -> Answer:
        client = basic or (fields.get("client_id", ""), fields.get("client_secret", ""))
        if client != (self.client_id, self.secret):
            return self._json({"error": "invalid_client"}, 401)
        begun = self._codes.pop(fields.get("code", ""), None)
        verifier = fields.get("code_verifier", "")
        challenge = base64url(hashlib.sha256(verifier.encode()).digest())
        if (
            begun is None
            or begun["code_challenge"] != challenge
            or begun["redirect_uri"] != fields.get("redirect_uri")
            or fields.get("grant_type") != "authorization_code"
        ):
            return self._json({"error": "invalid_grant"}, 400)
        honest = {
            "access_token": "access-token",
            "token_type": "Bearer",
            "id_token": self.id_token(begun["nonce"]),
        }
        return self._json(_laid_over(honest, self.token_answer))

    def _json(self, content: object, status: int = 200) -> Answer:
        return Answer(status=status, body=msgspec.json.encode(content), date=float(int(self.now)))


class Providers:
    """Port `ProviderHttp` for some providers; nobody else answers."""

    def __init__(self, *providers: OidcProvider) -> None:
        self.providers = {provider.issuer: provider for provider in providers}

    async def get(self, url: str, *, issuer: str, bearer: str = "") -> Answer:
        provider, path = self._reached(url)
        assert issuer == provider.issuer
        return provider.answers.get(path) or provider.get(path, bearer)

    async def post(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        issuer: str,
        basic: tuple[str, str] | None = None,
    ) -> Answer:
        provider, path = self._reached(url)
        assert issuer == provider.issuer
        assert path == "/token"
        return provider.answers.get(path) or provider.post(fields, basic)

    def _reached(self, url: str) -> tuple[OidcProvider, str]:
        parts = urlsplit(url)
        provider = self.providers.get(f"{parts.scheme}://{parts.netloc}")
        if provider is None or provider.down:
            raise unreachable(parts.hostname or "")
        provider.asked.append(parts.path)
        return provider, parts.path


def _laid_over(honest: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**honest, **changes}.items() if value is not None}


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
