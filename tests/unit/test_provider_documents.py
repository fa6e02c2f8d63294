"""Discovery documents: what is accepted of them, how often they are asked for, what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from doorward.administrator.federation.directory import (
    KEPT_SECONDS,
    NEW_KEY_SECONDS,
    RETRY_SECONDS,
    ProviderDirectory,
)
from doorward.administrator.federation.metadata import discovery_url, read_keys, read_metadata
from doorward.administrator.federation.ports import Answer
from doorward.errors import DoorwardError
from doorward.model.endpoints import endpoint_problem, is_loopback, issuer_problem
from tests.fakes.provider import WORK_ISSUER, OidcProvider, Providers, declared
from tests.fakes.sign_in import NOON

WORK = declared()


class SlowKeys(Providers):
    """Answers with keys when it is let."""

    def __init__(self, provider: OidcProvider) -> None:
        super().__init__(provider)
        self.answers = asyncio.Event()

    async def get(self, url: str, *, issuer: str, bearer: str = "") -> Answer:
        if url.endswith("/keys"):
            await self.answers.wait()
        return await super().get(url, issuer=issuer, bearer=bearer)


@pytest.fixture
def work() -> OidcProvider:
    return OidcProvider(WORK_ISSUER, lambda: NOON)


@pytest.fixture
def directory(work: OidcProvider) -> ProviderDirectory:
    return ProviderDirectory(Providers(work))


def document(**changed: Any) -> bytes:
    honest = OidcProvider(WORK_ISSUER, lambda: NOON).metadata()
    left = {name: value for name, value in {**honest, **changed}.items() if value is not None}
    return msgspec.json.encode(left)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"issuer": "https://evil.example"}, "another issuer"),
        ({"issuer": WORK_ISSUER + "/"}, "another issuer"),
        ({"issuer": WORK_ISSUER.upper()}, "another issuer"),
        ({"issuer": None}, "cannot be read"),
        ({"token_endpoint": None}, "cannot be read"),
        ({"jwks_uri": 7}, "cannot be read"),
        ({"authorization_response_iss_parameter_supported": "true"}, "cannot be read"),
        ({"authorization_endpoint": "http://login.work.example/a"}, "not https"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "does not begin with https"),
        ({"authorization_endpoint": "https://login.work.example/a#b"}, "fragment"),
        ({"authorization_endpoint": "https://login.work.example/a\r\nx: y"}, "characters"),
        ({"token_endpoint": "http://127.0.0.1/token"}, "not https"),
        ({"token_endpoint": "https://127.0.0.1/token"}, "private network"),
        ({"token_endpoint": "https://10.0.0.1/token"}, "private network"),
        ({"token_endpoint": "https://169.254.169.254/latest"}, "private network"),
        ({"token_endpoint": "https://[::1]/token"}, "private network"),
        ({"token_endpoint": "https://[::ffff:127.0.0.1]/token"}, "private network"),
        ({"token_endpoint": "https://[fd00::1]/token"}, "private network"),
        ({"token_endpoint": "https://localhost/token"}, "private network"),
        ({"token_endpoint": "https://x.localhost/token"}, "private network"),
        ({"token_endpoint": "https://127.1/token"}, "names no host"),
        ({"token_endpoint": "https://0x7f000001/token"}, "names no host"),
        ({"token_endpoint": "https://2130706433/token"}, "names no host"),
        ({"token_endpoint": "https://login.work.example@evil.example/"}, "credentials"),
        ({"jwks_uri": "file:///etc/passwd"}, "does not begin with https"),
        ({"jwks_uri": "https://login.work.example:99999/"}, "port"),
        ({"userinfo_endpoint": "http://login.work.example/me"}, "not https"),
        ({"end_session_endpoint": "javascript:alert(1)"}, "does not begin with https"),
        ({"response_types_supported": ["id_token"]}, "code flow"),
        ({"code_challenge_methods_supported": ["plain"]}, "without S256"),
        ({"id_token_signing_alg_values_supported": ["none"]}, "no algorithm"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "no algorithm"),
        ({"id_token_signing_alg_values_supported": []}, "no algorithm"),
    ],
    ids=str,
)
def test_a_document_that_is_not_right_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(DoorwardError, match="provider-invalid") as error:
        read_metadata(document(**changed), WORK_ISSUER)
    assert words in error.value.detail


def test_only_public_key_algorithms_that_both_know_are_left() -> None:
    offered = ["none", "HS256", "RS256", "ES256K", "ES256", "X"]
    body = document(id_token_signing_alg_values_supported=offered)
    assert read_metadata(body, WORK_ISSUER).algorithms == ("ES256", "RS256")


def test_what_the_specification_defaults_to_is_the_default() -> None:
    left_out = dict.fromkeys(
        (
            "response_types_supported",
            "code_challenge_methods_supported",
            "id_token_signing_alg_values_supported",
            "authorization_response_iss_parameter_supported",
            "userinfo_endpoint",
        )
    )
    metadata = read_metadata(document(**left_out), WORK_ISSUER)
    assert metadata.algorithms == ("RS256",)
    assert not metadata.authorization_response_iss_parameter_supported


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://a.example", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example/t/1", "https://a.example/t/1/.well-known/openid-configuration"),
    ],
)
def test_where_the_document_lies(issuer: str, url: str) -> None:
    assert discovery_url(issuer) == url


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.example.org",
        "https://login.example.org:8443/realms/a",
        "https://10.0.0.1",
        "http://127.0.0.1:4000",
        "http://[::1]:4000",
        "http://localhost:4000",
        "http://idp.localhost",
    ],
)
def test_issuers_that_are_fine(issuer: str) -> None:
    assert issuer_problem(issuer) == ""
    assert endpoint_problem(f"{issuer}/token", issuer) == ""


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "login.example.org",
        "ftp://login.example.org",
        "http://login.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://notlocalhost",
        "https://",
        "https://a b",
        "https://login.example.org?x",
        "https://login.example.org?",
        "https://login.example.org#",
        "https://user@login.example.org",
        "https://login.example.org:0",
        "https://login.example.org\\@evil.example",
        "https://login.ex\u0430mple.org",
        "https://" + "a" * 2000,
    ],
)
def test_issuers_that_are_not(issuer: str) -> None:
    assert issuer_problem(issuer)


def test_a_provider_on_this_machine_may_use_plain_http_on_this_machine_only() -> None:
    home = "http://127.0.0.1:4000"
    assert endpoint_problem("http://127.0.0.1:4001/token", home) == ""
    assert endpoint_problem("http://login.example.org/token", home)
    assert endpoint_problem("https://login.example.org/token", home) == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "LOCALHOST", "a.localhost"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


def test_a_document_that_is_nested_too_deep_is_refused() -> None:
    deep = document()[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(DoorwardError, match="provider-invalid"):
        read_metadata(deep, WORK_ISSUER)


DEEP = b'{"keys":[{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"keys":3}', b'{"keys":[1]}', b"\xff", DEEP],
    ids=lambda body: repr(body[:20]),
)
def test_keys_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(DoorwardError, match="provider-invalid"):
        read_keys(body)


async def test_a_document_is_kept_for_an_hour(
    work: OidcProvider, directory: ProviderDirectory
) -> None:
    for later in (0, 1, KEPT_SECONDS - 1):
        await directory.metadata(WORK, NOON + later)
    assert work.asked == ["/.well-known/openid-configuration"]
    await directory.metadata(WORK, NOON + KEPT_SECONDS)
    assert len(work.asked) == 2
    # A clock that ran back does not make it last for ever.
    await directory.metadata(WORK, NOON)
    assert len(work.asked) == 3


async def test_a_failure_is_not_tried_again_at_once(
    work: OidcProvider, directory: ProviderDirectory
) -> None:
    work.answers["/.well-known/openid-configuration"] = Answer(status=500, body=b"")
    for later in (0, 1, RETRY_SECONDS - 1):
        with pytest.raises(DoorwardError, match="provider-invalid"):
            await directory.metadata(WORK, NOON + later)
    assert len(work.asked) == 1
    work.answers.clear()
    await directory.metadata(WORK, NOON + RETRY_SECONDS)


async def test_another_issuer_is_another_document(
    work: OidcProvider, directory: ProviderDirectory
) -> None:
    await directory.metadata(WORK, NOON)
    with pytest.raises(DoorwardError, match="provider-unreachable"):
        await directory.metadata(declared(issuer="https://login.new.example"), NOON)


async def test_keys_that_could_not_be_had_are_asked_for_again(
    work: OidcProvider, directory: ProviderDirectory
) -> None:
    work.answers["/keys"] = Answer(status=500, body=b"")
    for later in (0, 1, RETRY_SECONDS - 1):
        with pytest.raises(DoorwardError, match="provider-invalid"):
            await directory.keys(WORK, "", NOON + later)
    assert work.asked.count("/keys") == 1
    work.answers.clear()
    assert len(await directory.keys(WORK, "", NOON + RETRY_SECONDS)) == 1
    assert len(await directory.keys(WORK, "k1", NOON + RETRY_SECONDS + 1)) == 1
    assert work.asked.count("/keys") == 2


async def test_a_key_of_nobody_takes_no_known_key_away_while_the_provider_is_down(
    work: OidcProvider, directory: ProviderDirectory
) -> None:
    """Anybody can post a logout token with a key id of their own."""
    known = await directory.keys(WORK, "k1", NOON)
    work.answers["/keys"] = Answer(status=500, body=b"")
    with pytest.raises(DoorwardError, match="provider-invalid"):
        await directory.keys(WORK, "forged", NOON + NEW_KEY_SECONDS)
    assert await directory.keys(WORK, "k1", NOON + NEW_KEY_SECONDS + 1) == known


async def test_nobody_waits_for_keys_that_somebody_else_made_up(work: OidcProvider) -> None:
    slow = SlowKeys(work)
    directory = ProviderDirectory(slow)
    slow.answers.set()
    known = await directory.keys(WORK, "k1", NOON)
    slow.answers.clear()
    forged = asyncio.create_task(directory.keys(WORK, "forged", NOON + NEW_KEY_SECONDS))
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        assert await directory.keys(WORK, "k1", NOON + NEW_KEY_SECONDS) == known
        await directory.metadata(WORK, NOON + NEW_KEY_SECONDS)
    assert not forged.done()
    slow.answers.set()
    assert await forged == known


async def test_keys_that_are_an_hour_old_are_not_used_while_there_are_no_new_ones(
    work: OidcProvider, directory: ProviderDirectory
) -> None:
    await directory.keys(WORK, "k1", NOON)
    work.answers["/keys"] = Answer(status=500, body=b"")
    for later in (KEPT_SECONDS, KEPT_SECONDS + 1, KEPT_SECONDS + RETRY_SECONDS):
        with pytest.raises(DoorwardError, match="provider-invalid"):
            await directory.keys(WORK, "k1", NOON + later)


async def test_the_state_says_what_was_found(
    work: OidcProvider, directory: ProviderDirectory
) -> None:
    assert directory.state(WORK).checked_at is None
    work.skew = 90.0
    state = await directory.check(WORK, NOON)
    assert (state.error, state.skew_seconds, state.checked_at) == (None, 90.0, NOON)
    assert set(work.asked) == {"/.well-known/openid-configuration", "/keys"}
    work.down = True
    state = await directory.check(WORK, NOON + 1)
    assert state.error is not None
    assert state.error.code == "provider-unreachable"
    assert directory.state(WORK) is state


async def test_a_check_finds_keys_that_cannot_be_read(
    work: OidcProvider, directory: ProviderDirectory
) -> None:
    work.answers["/keys"] = Answer(status=404, body=b"")
    state = await directory.check(WORK, NOON)
    assert state.error is not None
    assert "status 404" in state.error.detail
