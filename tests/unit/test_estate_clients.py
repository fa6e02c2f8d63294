"""`[[client]]` in estate files: what it may say, and what is said of its errors."""

from __future__ import annotations

import pytest

from doorward.administrator.apply_estate import apply_estate
from doorward.administrator.control_plane import Act
from doorward.estate import parse_estate
from doorward.model.estate import Client
from doorward.protocol.openid.addresses import address_problem, form_sources
from tests.fakes.openid_desk import client, said, stand
from tests.unit.estate_files import FILES, TOML, errors_of

CLIENT = """
[[resource]]
id = "wiki"
name = "Wiki"
upstream = "external"
label = "internal"
owner = "alice"

[[client]]
id = "wiki"
name = "Wiki"
resource = "wiki"
redirect_uris = ["https://wiki.example.org/cb"]
post_logout_redirect_uris = ["https://wiki.example.org/"]
backchannel_logout_uri = "https://wiki.example.org/backchannel"
home = "https://wiki.example.org/"
id_token_alg = "ES256"
scopes = ["profile", "groups"]
"""


def files(old: str = "", new: str = "") -> dict[str, str]:
    assert old in CLIENT
    return FILES | {"estate.toml": TOML + CLIENT.replace(old, new)}


def test_a_client_is_read_as_it_is_written() -> None:
    found = parse_estate(files()).documents["client"]["wiki"]
    assert isinstance(found, Client)
    assert found.redirect_uris == ("https://wiki.example.org/cb",)
    assert (found.id_token_alg, found.scopes, found.public) == (
        "ES256",
        ("profile", "groups"),
        False,
    )


@pytest.mark.parametrize(
    ("old", "new", "code", "line_of"),
    [
        (
            'upstream = "external"',
            'upstream = "external"\nhost = "x"',
            "host-without-upstream",
            "host",
        ),
        ("external", "http://127.0.0.1:1", "missing-key", "[[resource]]"),
        ('resource = "wiki"', 'resource = "wikki"', "unknown-resource", 'resource = "'),
        (
            'id = "wiki"\nname = "Wiki"\nresource',
            'id = "a:b"\nname = "Wiki"\nresource',
            "bad-client-id",
            'id = "a:b"',
        ),
        ('["https://wiki.example.org/cb"]', "[]", "redirect-uri-missing", "redirect_uris"),
        (
            "https://wiki.example.org/cb",
            "http://wiki.example.org/cb",
            "bad-client-address",
            "redirect_uris",
        ),
        (
            '"https://wiki.example.org/backchannel"',
            '"ftp://x/"',
            "bad-client-address",
            "backchannel",
        ),
        ("ES256", "none", "wrong-type", "id_token_alg"),
        ('"groups"]', '"everything"]', "wrong-type", "scopes"),
    ],
)
def test_every_error_has_its_line(old: str, new: str, code: str, line_of: str) -> None:
    changed = files(old, new)
    (error,) = errors_of(changed)
    assert error.code == code
    text = changed["estate.toml"].splitlines()
    assert line_of in text[error.line - 1]


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example.org",
        "https://app.example.org/",
        "https://app.example.org:8443/a/b?c=d",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:8080/cb",
        "http://[::1]/cb",
        "http://localhost:3000/cb",
        "http://wiki.doorward.localhost:8080/cb",
    ],
)
def test_addresses_that_can_be_read_in_one_way(address: str) -> None:
    assert not address_problem(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "app.example.org/cb",
        "//app.example.org/cb",
        "http://app.example.org/cb",
        "http://localhost.example.org/cb",
        "http://127.0.0.1.example.org/cb",
        "https://app.example.org/*",
        "https://*.example.org/cb",
        "https://app.example.org/cb#x",
        "https://u@app.example.org/cb",
        "https://u:p@app.example.org/cb",
        "https://app.example.org/a/../cb",
        "https://app.example.org/./cb",
        "https://app.example.org:0/cb",
        "https://app.example.org:99999/cb",
        "https://app.example.org/c b",
        "https://app.example.org\\cb",
        "HTTPS://app.example.org/cb",
        "https://App.example.org/cb",
        "custom.scheme:/cb",
        "javascript:alert(1)",
        "https:///cb",
    ],
)
def test_addresses_that_could_be_read_in_two(address: str) -> None:
    assert address_problem(address)


def test_a_form_may_lead_to_the_client_alone() -> None:
    assert form_sources(client("a")) == ("https://wiki.example.org",)
    native = client(
        "b", public=True, redirect_uris=("http://127.0.0.1/cb", "http://127.0.0.1:80/other")
    )
    assert form_sources(native) == ("http://127.0.0.1:*",)
    server = client("c", redirect_uris=("http://127.0.0.1:8080/cb",))
    assert form_sources(server) == ("http://127.0.0.1:8080",)


async def test_a_client_that_the_files_no_longer_have_is_forgotten() -> None:
    office = await stand()
    visit = await office.round("app")
    await visit.signed_in()
    control, act = office.desk.control, Act("operator", office.desk.now)
    # The whole estate is replaced, and with it every client; alice stays.
    await apply_estate(control, act, parse_estate(FILES))
    assert office.desk.control.live.current.clients == {}
    assert said(await visit.refresh())["error"] == "invalid_client"
    state = office.desk.store._state.openid
    assert (state.grants, state.tokens, state.sessions, state.secrets) == ({}, {}, {}, {})
