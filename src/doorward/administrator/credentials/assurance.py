"""How strong each way to sign in is (SP 800-63B-4), and what changing one of them demands. Pure.

AAL 3 is a passkey whose model was attested, is marked `aal3` in the estate, and keeps the key for
itself. Every other passkey is AAL 2: its device verified the person. One that the estate's list of
authenticators does not take is 0: it signs nobody in, whenever it was registered. Password with
TOTP, or with a recovery code, is AAL 2 as well, and not phishing resistant. Whoever comes back by
recovery has AAL 1 until they use what they registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from doorward.administrator.authentication import Proof, digest
from doorward.administrator.credentials.held import Held
from doorward.administrator.ports import Passkey, Password
from doorward.engine.moments import SKEW_SECONDS
from doorward.errors import DoorwardError
from doorward.model.estate import ANY_AUTHENTICATOR, Authenticator
from doorward.model.identity import Method, Session
from doorward.model.ids import UnixSeconds

FRESH_SECONDS = 600
"""How long an authentication is good for changing credentials."""
VOUCHING_SECONDS = 900
"""How long a passkey is good for deciding about somebody else's identity."""
HARDWARE = 3
PASSWORD_CREDENTIAL = "password"  # noqa: S105 - a name, as `Session.credential` has it

Refusal = Literal["", "unlisted", "unattested"]
"""Why the estate's list does not take a passkey: its model, or that nothing proves its model."""
Need = Literal["fresh", "phishing-resistant", "multi-factor", "hardware-key"]


class StepUpNeededError(DoorwardError):
    """The session is too old or too weak for this; `need` is what a step-up has to reach."""

    def __init__(self, need: Need) -> None:
        super().__init__(
            "step-up-needed",
            "To change how you sign in, confirm first that it is you.",
            "Confirm it with the strongest way that you have.",
        )
        self.need: Need = need


@dataclass(frozen=True, slots=True)
class Strength:
    """What an authentication reaches; `need` is its name for a step-up."""

    aal: int
    phishing_resistant: bool
    need: Need


def refusal(aaguid: str, authenticators: Mapping[str, Authenticator], *, attested: bool) -> Refusal:
    """Empty where a passkey of this model is taken.

    Where the estate names models, a passkey must prove that it is one of them.
    """
    listed = aaguid in authenticators
    if not authenticators or ANY_AUTHENTICATOR in authenticators or (listed and attested):
        return ""
    return "unattested" if listed or not attested else "unlisted"


def passkey_aal(passkey: Passkey, authenticators: Mapping[str, Authenticator]) -> int:
    """2, or 3 where the estate says so of the model, and the model is proved; 0 where refused."""
    if refusal(passkey.aaguid, authenticators, attested=passkey.attested):
        return 0
    model = authenticators.get(passkey.aaguid)
    bound = passkey.attested and passkey.backup_eligible is False
    return HARDWARE if bound and model is not None and model.aal3 else 2


def passkey_credential(passkey_id: str) -> str:
    """How `Session.credential` names a passkey."""
    return f"passkey:{digest(passkey_id)}"


def passkey_proof(passkey: Passkey, authenticators: Mapping[str, Authenticator]) -> Proof:
    """What a verified use of `passkey` proves."""
    return Proof(
        passkey.user,
        ("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        aal=passkey_aal(passkey, authenticators),
        credential=passkey_credential(passkey.id),
    )


def password_proof(password: Password, second: Method) -> Proof:
    """What `password` with a second factor proves."""
    return Proof(
        password.user,
        ("password", second),
        phishing_resistant=False,
        multi_factor=True,
        aal=2,
        credential=PASSWORD_CREDENTIAL,
        version=digest(password.hash),
    )


def usable(held: Held, authenticators: Mapping[str, Authenticator]) -> list[Passkey]:
    """The passkeys that sign in."""
    return [item for item in held.passkeys if passkey_aal(item, authenticators)]


def ways(held: Held, authenticators: Mapping[str, Authenticator]) -> int:
    """How many ways to sign in these are; recovery codes alone are none."""
    return len(usable(held, authenticators)) + (held.password and not held.password_off)


def strongest(held: Held, authenticators: Mapping[str, Authenticator]) -> Strength:
    """The most that this person can prove."""
    if any(passkey_aal(item, authenticators) == HARDWARE for item in held.passkeys):
        return Strength(HARDWARE, phishing_resistant=True, need="hardware-key")
    if usable(held, authenticators):
        return Strength(2, phishing_resistant=True, need="phishing-resistant")
    if held.password:
        return Strength(2, phishing_resistant=False, need="multi-factor")
    return Strength(1, phishing_resistant=False, need="fresh")


def is_fresh(session: Session, now: UnixSeconds) -> bool:
    """Whether the person proved who they are within `FRESH_SECONDS`.

    An authentication that is yet to come, since the clock jumped back, is as good as an old one.
    """
    return -SKEW_SECONDS <= now - session.authenticated_at <= FRESH_SECONDS


def may_vouch(session: Session, now: UnixSeconds) -> bool:
    """Whether whoever has this session may decide who somebody else is.

    A passkey was used within `VOUCHING_SECONDS`; an authentication to come counts as an old one.
    """
    age = now - session.authenticated_at
    lately = -SKEW_SECONDS <= age <= VOUCHING_SECONDS
    return lately and session.phishing_resistant and now < session.expires_at


def is_strong(session: Session, wanted: Strength, now: UnixSeconds) -> bool:
    """Whether the session's authentication is recent, and as strong as `wanted`.

    A weaker session that somebody stole must not bind a credential (SP 800-63B-4 4.1.2.1).
    """
    return (
        is_fresh(session, now)
        and session.aal >= wanted.aal
        and (session.phishing_resistant or not wanted.phishing_resistant)
    )


def require_strong(session: Session, wanted: Strength, now: UnixSeconds) -> None:
    """Raises StepUpNeededError."""
    if not is_strong(session, wanted, now):
        raise StepUpNeededError(wanted.need)
