"""Whatever is sent to the identity API: a clear answer, and nothing changed unless it was right."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.administrator.identity.verified_claims import decode
from tests.fakes.office import CONSOLE, office

PATHS = (
    ("POST", "/proofing/cases"),
    ("POST", "/proofing/cases/idc_0001/evidence"),
    ("PUT", "/proofing/cases/idc_0001/attributes"),
    ("POST", "/proofing/cases/idc_0001/approve"),
    ("POST", "/proofing/cases/idc_0001/reject"),
    ("POST", "/verifications/idv_0001/revoke"),
    ("PUT", "/verifiers/bob"),
    ("POST", "/users/dave/join"),
    ("POST", "/users/dave/move"),
    ("POST", "/users/dave/leave"),
)
NAMES = st.sampled_from(
    [
        "kind", "issuer", "country", "number", "issued_on", "expires_on", "validated", "owned",
        "subject", "method", "check", "source", "given_name", "family_name", "birthdate",
        "checks", "reason", "until", "mail", "groups",
    ]
)  # fmt: skip
VALUES = st.sampled_from(
    ["passport", "onsite", "DEU", "deu", "2027-01-01", "2027-13-01", "inspected", "compared"]
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), VALUES)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)
bodies = st.one_of(st.dictionaries(NAMES, anything, max_size=6), anything)


async def tried(*requests: tuple[str, str, bytes]) -> None:
    """One after the other at one company, whose making takes longer than its answers."""
    company = await office()
    transport = httpx.ASGITransport(company.console())
    headers = {
        **company.headers(),
        "sec-fetch-site": "same-origin",
        "content-type": "application/json",
    }
    async with httpx.AsyncClient(
        transport=transport, base_url=f"{CONSOLE}/api/v1", headers=headers
    ) as client:
        for method, path, content in requests:
            before = company.store.content()
            answer = await client.request(method, path, content=content)
            assert answer.status_code < 500, answer.text
            if answer.status_code >= 400:
                assert answer.json()["code"], answer.text
                assert answer.json()["detail"]
                assert company.store.content() == before


def encoded(body: Any) -> bytes:
    """As JSON, or as what is none."""
    try:
        return msgspec.json.encode(body)
    except (ValueError, msgspec.MsgspecError):
        return repr(body).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(("method", "path"), PATHS)
@settings(max_examples=5)
@given(st.lists(bodies, min_size=3, max_size=5))
def test_a_body_that_is_not_right_changes_nothing(method: str, path: str, sent: list[Any]) -> None:
    asyncio.run(tried(*((method, path, encoded(body)) for body in sent)))


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from(PATHS), st.binary(max_size=200)), min_size=4, max_size=6))
def test_bytes_are_refused(sent: list[tuple[tuple[str, str], bytes]]) -> None:
    asyncio.run(tried(*((*where, content) for where, content in sent)))


@given(st.one_of(st.binary(max_size=200), bodies.map(encoded)))
def test_what_has_not_the_shape_of_verified_claims_is_refused(content: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(content)
