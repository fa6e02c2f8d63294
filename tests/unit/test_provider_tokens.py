"""Which key a token is verified with, and which keys verify nothing."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey

from doorward.adapters.federation.tokens import JoseTokens
from doorward.administrator.authentication import digest
from doorward.administrator.federation.id_token import Expected, check_id_token
from doorward.administrator.federation.metadata import ALGORITHMS
from doorward.administrator.federation.ports import VerifiedToken
from doorward.administrator.federation.refusals import FederationRejectedError
from tests.fakes.provider import base64url, new_key, signed

CLAIMS = {"sub": "s-alice", "n": 1}


def verify(token: str, *keys: dict[str, Any]) -> VerifiedToken:
    tokens = JoseTokens()
    return tokens.verify(tokens.read(token), keys, ALGORITHMS)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_that_is_accepted_works(algorithm: str) -> None:
    key = new_key("k1", algorithm)
    token = signed(CLAIMS, key, algorithm, kid="k1", typ="JWT")
    verified = verify(token, key.as_dict(private=False))
    assert (verified.algorithm, verified.type, verified.claims) == (algorithm, "JWT", CLAIMS)


def test_a_token_without_a_key_id_is_verified_by_the_only_key_that_fits() -> None:
    elliptic, other = new_key("a", "ES256"), new_key("b", "RS256")
    token = signed(CLAIMS, elliptic, "ES256")
    keys = [key.as_dict(private=False) for key in (elliptic, other)]
    assert verify(token, *keys).claims == CLAIMS
    second = new_key("c", "ES256").as_dict(private=False)
    with pytest.raises(FederationRejectedError, match="federation-refused"):
        verify(token, *keys, second)


@pytest.mark.parametrize(
    "changed",
    [
        {"use": "enc"},
        {"alg": "ES384"},
        {"crv": "P-384"},
        {"kty": "oct"},
        {"kty": "RSA"},
        {"kid": "k2"},
        {"x": "AAAA"},
        {"x": 7},
        {"x": None},
    ],
    ids=str,
)
def test_a_key_for_something_else_verifies_nothing(changed: dict[str, Any]) -> None:
    key = new_key("k1")
    public: dict[str, Any] = dict(key.as_dict(private=False))
    token = signed(CLAIMS, key, "ES256", kid="k1")
    assert verify(token, public).claims == CLAIMS
    with pytest.raises(FederationRejectedError):
        verify(token, {**public, **changed})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_access_token_is_known_by_the_hash_of_the_algorithm(algorithm: str) -> None:
    """OpenID Connect Core 1.0, 3.1.3.6: the hash of the algorithm; SHA-512 with Ed25519."""
    bits = {"256": 256, "384": 384, "512": 512}.get(algorithm[-3:], 512)
    whole = hashlib.new(f"sha{bits}", b"access-token").digest()
    claims = {
        "iss": "https://a.example",
        "aud": "doorward",
        "sub": "s",
        "nonce": "n",
        "iat": 100,
        "exp": 200,
        "at_hash": base64url(whole[: bits // 16]),
    }
    expected = Expected("https://a.example", "doorward", digest("n"), 100.0, fresh=False)
    token = VerifiedToken(type="", algorithm=algorithm, claims=claims)
    assert check_id_token(token, expected, "access-token", 100.0).subject == "s"
    with pytest.raises(FederationRejectedError):
        check_id_token(token, expected, "another-token", 100.0)


def test_a_short_rsa_key_verifies_nothing() -> None:
    private = rsa.generate_private_key(65537, 1024)
    numbers = private.public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    public = {
        "kty": "RSA",
        "kid": "k1",
        "n": base64url(numbers.n.to_bytes(size, "big")),
        "e": base64url(numbers.e.to_bytes(3, "big")),
    }
    token = signed(CLAIMS, new_key("k1", "RS256"), "RS256", kid="k1")
    with pytest.raises(FederationRejectedError) as error:
        verify(token, public)
    assert error.value.why == "key-too-short"


def test_private_members_of_a_published_key_are_not_used() -> None:
    key = new_key("k1", "RS256")
    assert isinstance(key, RSAKey)
    token = signed(CLAIMS, key, "RS256", kid="k1")
    whole: dict[str, Any] = dict(key.as_dict(private=True))
    assert verify(token, {**whole, "d": "AAAA", "p": 3}).claims == CLAIMS
