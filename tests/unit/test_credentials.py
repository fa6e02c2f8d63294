"""Strict reading of cookies and bearer tokens: what could be read in two ways is refused."""

from __future__ import annotations

from hashlib import sha256

import pytest

from doorward.entrypoints.ext_authz.credentials import (
    AmbiguousCredentialsError,
    read_credentials,
    verified_session,
    verified_token,
    without_own_cookies,
)
from doorward.model.identity import ResourceCookie, ServiceToken
from doorward.model.ids import ResourceId, ServiceId, ServiceTokenId, SessionId
from doorward.model.snapshot import Snapshot, change

SECRET = "s" * 43
SESSION = f"__Host-doorward-session={SECRET}"
BEARER = f"Bearer dwt_01J.{SECRET}"
HASH = sha256(SECRET.encode()).hexdigest()
WIKI, PAYROLL = ResourceId("wiki"), ResourceId("payroll")
SNAPSHOT = Snapshot().advance(
    1,
    [
        change("cookie", ResourceCookie(id=HASH, session=SessionId("ses_1"), resource=WIKI)),
        change(
            "service_token",
            ServiceToken(
                id=ServiceTokenId("dwt_01J"),
                service=ServiceId("backup"),
                secret_hash=HASH,
                resources=(WIKI,),
                issued_at=0,
                expires_at=1,
            ),
        ),
    ],
)


def test_the_session_cookie_among_others() -> None:
    found = read_credentials([f"theme=dark; {SESSION}; lang=de"], [])
    assert found.session_secret == SECRET
    assert verified_session(found, WIKI, SNAPSHOT) == "ses_1"


def test_a_cookie_of_another_resource_is_nobodys() -> None:
    assert verified_session(read_credentials([SESSION], []), PAYROLL, SNAPSHOT) is None


def test_an_unknown_cookie_is_nobodys() -> None:
    found = read_credentials(["__Host-doorward-session=" + "t" * 43], [])
    assert verified_session(found, WIKI, SNAPSHOT) is None


def test_a_bearer_token_is_verified_by_its_secret() -> None:
    assert verified_token(read_credentials([], [BEARER]), SNAPSHOT) == "dwt_01J"
    wrong = read_credentials([], ["Bearer dwt_01J." + "x" * 43])
    assert verified_token(wrong, SNAPSHOT) is None
    unknown = read_credentials([], [f"Bearer dwt_02J.{SECRET}"])
    assert verified_token(unknown, SNAPSHOT) is None


def test_an_applications_own_bearer_token_is_not_ours() -> None:
    found = read_credentials([SESSION], ["Bearer eyJhbGciOiJFUzI1NiJ9.e30.x", "Basic YTpi"])
    assert (found.token_id, found.session_secret) == ("", SECRET)


@pytest.mark.parametrize(
    ("cookies", "authorization"),
    [
        ([f"{SESSION}; {SESSION}"], []),
        ([SESSION, SESSION], []),
        ([f"{SESSION}; __host-doorward-session=x"], []),
        ([f"__HOST-DOORWARD-SESSION={SECRET}"], []),
        ([f'__Host-doorward-session="{SECRET}"'], []),
        (["__Host-doorward-session=short"], []),
        (["__Host-doorward-ticket=a; __Host-doorward-ticket=b"], []),
        ([SESSION], [BEARER]),
        ([], [BEARER, "Basic YTpi"]),
        ([], ["Bearer dwt_01J"]),
        ([], ["Bearer dwt_01J.short"]),
        ([], [f"Bearer dwt_01J.{SECRET}, Basic YTpi"]),
        ([], [f"bearer  dwt_01J.{SECRET} x"]),
    ],
)
def test_ambiguous_credentials_are_refused(cookies: list[str], authorization: list[str]) -> None:
    with pytest.raises(AmbiguousCredentialsError):
        read_credentials(cookies, authorization)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (SESSION, ""),
        (f"a=1; {SESSION}; b=2", "a=1; b=2"),
        (f"{SESSION};a=1", "a=1"),
        ("a=1;__HOST-doorward-Ticket=x;  b=2", "a=1; b=2"),
        ("a=1; b=__Host-doorward-session=x", "a=1; b=__Host-doorward-session=x"),
        ("", ""),
    ],
)
def test_own_cookies_are_cut(before: str, after: str) -> None:
    assert without_own_cookies(before) == after
