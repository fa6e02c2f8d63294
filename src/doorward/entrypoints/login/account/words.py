"""How a person signed in, from where and with what, in their own language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import get_args

from doorward.engine import PreparedSnapshot
from doorward.model.identity import Method, Session

METHODS: Mapping[Method, str] = MappingProxyType(
    {
        "passkey": "a passkey",
        "password": "a password",
        "totp": "a code from an authenticator app",
        "recovery-code": "a recovery code",
        "recovery-approval": "a recovery that somebody approved",
        "federated": "another identity provider",
        "invitation": "an invitation",
    }
)


def by(methods: Iterable[str], provider: str = "") -> str:
    """`a password and a code from an authenticator app`."""
    known = [METHODS[method] for method in get_args(Method) if method in set(methods)]
    if provider and METHODS["federated"] in known:
        known[known.index(METHODS["federated"])] = f"the identity provider {provider}"
    return " and ".join(known) or "an unknown way"


def strength(session: Session) -> str:
    """How much a session's authentication proves (SP 800-63B), said to its person."""
    if session.phishing_resistant and session.aal == len(_LEVELS):
        return f"{_LEVELS[-1]}: a passkey that cannot leave its hardware"
    level = _LEVELS[max(1, min(session.aal, len(_LEVELS))) - 1]
    if session.phishing_resistant:
        return f"{level}: it cannot be phished"
    if session.multi_factor:
        return f"{level}: two factors"
    return f"{level}: one factor"


_LEVELS = ("Basic", "Strong", "Strongest")


def place(address: str, prepared: PreparedSnapshot) -> str:
    """An address, with the names of the networks of the estate that it lies in."""
    names = [prepared.snapshot.networks[item].name for item in prepared.networks_of(address)]
    return f"{address} ({', '.join(names)})" if names else address


def listed(names: Iterable[str], nothing: str) -> str:
    """`Finance, Staff`, or what stands for none."""
    return ", ".join(sorted(names)) or nothing
