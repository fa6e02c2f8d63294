"""Adapters of sign-in: sealing, hashing, counting, codes, identifiers."""

from __future__ import annotations

import asyncio
import re
import time

import pyotp
import pytest

from doorward.adapters.password_judge import ZxcvbnJudge
from doorward.adapters.passwords import Argon2idHasher
from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.totp import PyotpCodes
from doorward.errors import DoorwardError
from doorward.model.ids import is_id

KEY = bytes(range(32))
NOW = 1795435200.0


def cheap(*, at_once: int = 2, waiting: int = 32) -> Argon2idHasher:
    return Argon2idHasher(at_once=at_once, waiting=waiting, time_cost=1, memory_kib=64)


def test_what_is_sealed_opens_in_its_context() -> None:
    sealer = AesGcmSealer(KEY)
    sealed = sealer.seal(b"secret", "totp:alice")
    assert b"secret" not in sealed
    assert sealer.seal(b"secret", "totp:alice") != sealed
    assert sealer.open(sealed, "totp:alice") == b"secret"


@pytest.mark.parametrize("position", [0, 1, 13, -1])
def test_any_change_breaks_the_seal(position: int) -> None:
    sealer = AesGcmSealer(KEY)
    sealed = bytearray(sealer.seal(b"secret", "totp:alice"))
    sealed[position] ^= 1
    with pytest.raises(DoorwardError, match="seal-broken"):
        sealer.open(bytes(sealed), "totp:alice")


def test_another_context_key_or_length_breaks_the_seal() -> None:
    sealed = AesGcmSealer(KEY).seal(b"secret", "totp:alice")
    for sealer, text, context in (
        (AesGcmSealer(KEY), sealed, "totp:bob"),
        (AesGcmSealer(bytes(32)), sealed, "totp:alice"),
        (AesGcmSealer(KEY), b"", "totp:alice"),
        (AesGcmSealer(KEY), sealed[:8], "totp:alice"),
    ):
        with pytest.raises(DoorwardError, match="seal-broken"):
            sealer.open(text, context)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(DoorwardError, match="seal-key-malformed"):
        AesGcmSealer(KEY[:16])


async def test_a_password_matches_its_own_hash_only() -> None:
    hasher = cheap()
    phc = await hasher.hash("four words in a row")
    assert phc.startswith("$argon2id$")
    assert await hasher.verify(phc, "four words in a row")
    assert not await hasher.verify(phc, "four words in a ro")
    assert not await hasher.verify("not a hash", "four words in a row")


async def test_nobodys_hash_is_verified_too_and_never_matches() -> None:
    hasher = cheap()
    verified: list[str] = []
    honest = hasher._matches

    def watched(phc: str, password: str) -> bool:
        verified.append(phc)
        return honest(phc, password) or True

    hasher._matches = watched  # type: ignore[method-assign]
    assert not await hasher.verify(None, "anything")
    assert verified[0].startswith("$argon2id$")


async def test_hashing_is_bounded_in_width_and_in_queue() -> None:
    hasher = cheap(at_once=1, waiting=1)
    results = await asyncio.gather(
        *(hasher.hash("four words in a row") for _ in range(4)), return_exceptions=True
    )
    refused = [item for item in results if isinstance(item, DoorwardError)]
    assert [item.code for item in refused] == ["sign-in-busy", "sign-in-busy"]
    assert (await hasher.hash("four words in a row")).startswith("$argon2id$")


def test_codes_are_those_of_rfc_6238() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    codes = PyotpCodes("example")
    assert codes.accepted_step(secret, "287082", 59) == 1
    assert codes.accepted_step(secret, "287 082", 59) == 1
    assert codes.accepted_step(secret, "081804", 1111111109) == 37037036
    for wrong in ("", "28708", "2870822", "²87082", "abcdef"):
        assert codes.accepted_step(secret, wrong, 59) is None


def test_an_enrolment_is_what_authenticator_apps_read() -> None:
    enrolment = PyotpCodes("example").enrolment("alice@example.test")
    parsed = pyotp.parse_uri(enrolment.uri)
    assert (parsed.issuer, parsed.name) == ("example", "alice@example.test")
    assert len(enrolment.secret) == 32
    assert PyotpCodes("example").enrolment("alice").secret != enrolment.secret


def test_the_qr_code_has_its_finder_patterns_within_a_quiet_zone() -> None:
    enrolment = PyotpCodes("example").enrolment("alice@example.test")
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", enrolment.qr_path)}
    last = enrolment.qr_size - 1
    quiet = {x for x, _ in dark} | {y for _, y in dark}
    assert min(quiet) == 4
    assert max(quiet) == last - 4
    for corner in ((4, 4), (last - 4, 4), (4, last - 4)):
        assert corner in dark


def test_ids_are_valid_and_sort_by_time() -> None:
    moments = iter([NOW, NOW + 0.001, NOW + 1])
    secrets = SystemSecrets(lambda: next(moments))
    ids = [secrets.id("ses") for _ in range(3)]
    assert ids == sorted(ids)
    assert all(is_id(item) and re.fullmatch(r"ses_[0-9A-Z]{26}", item) for item in ids)


def test_tokens_have_256_bits_and_never_repeat() -> None:
    secrets = SystemSecrets()
    tokens = {secrets.token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


@pytest.mark.parametrize(
    ("password", "guessable"),
    [
        ("!@#$%^&*()_+", True),
        ("p@$$w0rd", True),
        ("P4$$W0RD!", True),
        ("k7#vQ[m2<x!e|z", False),
        ("4@8({[<369!1|0$5+7%2", False),
    ],
)
def test_signs_are_read_as_letters(password: str, guessable: bool) -> None:
    assert ZxcvbnJudge().guessable(password, []) is guessable


def test_no_password_keeps_the_judge_busy() -> None:
    """Every sign that stands for a letter, again and again: hundreds of ways to read it."""
    began = time.process_time()
    assert not ZxcvbnJudge().guessable("4@8({[<369!1|0$5+7%2" * 4, [])
    assert time.process_time() - began < 3
