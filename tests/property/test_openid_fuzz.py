"""Whatever arrives at the provider's endpoints: defined answers only, and nothing comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, get_args
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorward.model.estate import Client
from doorward.protocol.openid.addresses import address_problem, is_registered, origin_of
from doorward.protocol.openid.claims import code_challenge
from doorward.protocol.openid.errors import OAuthCode
from tests.fakes.openid_desk import APP_CALLBACK, CALLBACK, VERIFIER, Round, Stand, client, stand

ERRORS = set(get_args(OAuthCode))
_NAMES = (
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
    "request",
    "request_uri",
    "claims",
)
_TOKEN_NAMES = (
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "client_id",
    "client_secret",
    "token",
    "token_type_hint",
)
_GOOD = (
    "wiki",
    "app",
    "code",
    "query",
    "openid",
    "openid offline_access",
    "S256",
    "plain",
    "none",
    "login",
    "0",
    "urn:doorward:aal:3",
    CALLBACK,
    APP_CALLBACK,
    "http://127.0.0.1:9/cb",
    code_challenge(VERIFIER),
    VERIFIER,
    "authorization_code",
    "refresh_token",
)
VALUES = st.one_of(st.sampled_from(_GOOD), st.text(max_size=40), st.just("x" * 5000))
CONFUSED = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def pairs(names: Sequence[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    return st.lists(st.tuples(st.sampled_from(names), VALUES), max_size=12)


@st.composite
def nearly_good(draw: st.DrawFn) -> list[tuple[str, str]]:
    """A request that would be granted, with a few parameters left out, changed or added."""
    good = {
        "client_id": "wiki",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "code_challenge": code_challenge(VERIFIER),
        "code_challenge_method": "S256",
    }
    gone = draw(st.sets(st.sampled_from(sorted(good)), max_size=1))
    more = draw(st.lists(st.tuples(st.sampled_from(_NAMES), VALUES), max_size=2))
    return [item for item in good.items() if item[0] not in gone] + more


class Held:
    """One stand for all examples, on one event loop: making it anew costs a second."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.office: Stand = self.run(stand())
        self.browser: httpx.AsyncClient = self.run(self.office.browser())
        visit = Round(self.office, self.browser)
        self.run(visit.signed_in())
        self.before = self.content()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def content(self) -> object:
        """All that is kept, but for what is recorded of attempts, and codes that nobody has."""
        held: Any = self.office.desk.store.content()
        return (held.snapshot.number, held.openid)


_held: list[Held] = []


def held() -> Held:
    if not _held:
        _held.append(Held())
    return _held[0]


@CONFUSED
@given(st.one_of(pairs(_NAMES), nearly_good()))
def test_an_authorization_request_is_granted_or_refused_in_a_defined_way(
    parameters: list[tuple[str, str]],
) -> None:
    here = held()
    query = urlencode(parameters, errors="surrogatepass")
    answer = here.run(here.browser.get(f"/openid/authorize?{query}"))
    assert here.content() == here.before
    if answer.status_code != 303:
        assert answer.status_code in {400, 403, 429}
        assert "location" not in answer.headers
        return
    where = answer.headers["location"]
    if where.startswith("/"):
        assert where.startswith(("/sign-in?return=", "/step-up?return="))
        return
    given_uri = dict(parameters)["redirect_uri"]
    clients = here.office.desk.control.live.current.clients
    registered = clients[dict(parameters)["client_id"]]
    assert is_registered(registered, given_uri)
    assert where.startswith(given_uri)
    back = parse_qs(urlsplit(where).query)
    assert back["iss"] == [here.office.desk.openid.issuer]
    assert ("code" in back) != ("error" in back)
    assert set(back.get("error", [])) <= ERRORS


@CONFUSED
@given(pairs(_TOKEN_NAMES), st.sampled_from(["/openid/token", "/openid/revoke"]), st.booleans())
def test_a_request_of_an_application_gives_nothing_without_a_code(
    parameters: list[tuple[str, str]], path: str, named: bool
) -> None:
    here = held()
    if named:
        secret = here.office.secrets["wiki"]
        parameters = [("client_id", "wiki"), ("client_secret", secret), *parameters]
    body = urlencode(parameters, errors="surrogatepass").encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    client = here.office.desk.client()
    answer = here.run(client.post(path, content=body, headers=headers))
    assert here.content() == here.before
    said = msgspec.json.decode(answer.content)
    if answer.status_code == 200:
        # Revoking what is not there is as good as done.
        assert (path, said) == ("/openid/revoke", {})
        return
    assert answer.status_code in {400, 401}
    assert said["error"] in ERRORS


@CONFUSED
@given(
    st.binary(max_size=200),
    st.sampled_from(["/openid/token", "/openid/logout", "/openid/authorize"]),
)
def test_a_body_of_any_bytes_is_refused_or_asked_again(body: bytes, path: str) -> None:
    here = held()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = here.run(here.browser.post(path, content=body, headers=headers))
    assert here.content() == here.before
    assert answer.status_code in {303, 400, 401}


@CONFUSED
@given(st.text(max_size=60))
def test_any_hint_is_refused(hint: str) -> None:
    here = held()
    query = urlencode({"id_token_hint": f"x{hint}"}, errors="surrogatepass")
    answer = here.run(here.browser.get(f"/openid/logout?{query}"))
    assert answer.status_code == 400
    assert here.content() == here.before


_PARTS = st.sampled_from(
    (
        *("http://", "https://", "127.0.0.1", "[::1]", "localhost", "a.example", ":", "8", "80"),
        *("@", "/", "/cb", "..", "?", "#", "\\", "%2f", "*", " ", ".", "//", "\t", "A"),
    )
)
ADDRESSES = st.lists(_PARTS, max_size=7).map("".join)


@settings(max_examples=500)
@given(ADDRESSES, ADDRESSES, st.booleans())
def test_a_registered_address_is_matched_by_itself_and_its_ports_alone(
    registered: str, asked: str, public: bool
) -> None:
    if address_problem(registered):
        return
    one: Client = client("x", redirect_uris=(registered,), public=public)
    assert is_registered(one, registered)
    if not is_registered(one, asked) or asked == registered:
        return
    # What matches otherwise differs in the port of a loopback address and in nothing else.
    ours, theirs = urlsplit(registered), urlsplit(asked)
    assert public
    assert theirs.hostname in {"127.0.0.1", "::1"}
    assert theirs.username is None
    assert theirs.port is None or 0 < theirs.port < 65536
    assert (ours.scheme, ours.hostname, ours.path) == ("http", theirs.hostname, theirs.path)
    assert (ours.query, ours.fragment) == (theirs.query, theirs.fragment)


@settings(max_examples=300)
@given(ADDRESSES)
def test_the_origin_of_an_address_is_what_a_browser_takes_it_for(address: str) -> None:
    if address_problem(address):
        return
    parts = urlsplit(address)
    assert origin_of(address) == f"{parts.scheme}://{parts.netloc}"
