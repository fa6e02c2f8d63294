"""The code that docs/how-to/know-who-asks.md gives to applications does what it says."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from doorward.adapters.ticket_signer import Es256Signer
from doorward.protocol.ticket import AssertionClaims

PAGE = Path(__file__).parents[2] / "docs/how-to/know-who-asks.md"


def who_asks(assertion: str, keys: list[Any]) -> dict[str, Any]:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    module: dict[str, Any] = {}
    exec(found[1], module)
    claims: dict[str, Any] = module["who_asks"](
        assertion, KeySet.import_key_set({"keys": keys}), "example.com", "wiki"
    )
    return claims


def test_a_gateways_assertion_says_who_asks_and_no_other_does() -> None:
    gateway, other = Es256Signer("JWT"), Es256Signer("JWT")
    now = int(time.time())
    claims = AssertionClaims(
        iss="https://auth.example.com",
        aud="wiki",
        sub="alice",
        sid="ses_1",
        email="alice@example.com",
        name="Alice",
        groups=("staff",),
        iat=now,
        exp=now + 60,
    )
    keys = [other.jwk, gateway.jwk]
    assert who_asks(gateway.sign(claims), keys)["sub"] == "alice"
    for wrong in ({"aud": "payroll"}, {"iss": "https://else.example"}, {"exp": now - 600}):
        changed = msgspec.structs.replace(claims, **wrong)
        with pytest.raises(JoseError):
            who_asks(gateway.sign(changed), keys)
    with pytest.raises((JoseError, ValueError)):
        who_asks(Es256Signer("JWT").sign(claims), keys)
