"""What the sign-in use cases work with: authenticators, the browser, and what a factor proves.

The use cases beside this file know nothing of HTTP. They raise `DoorwardError`; which factor of
a password sign-in was wrong is written to the audit log and never told to the browser.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.fleet.enrolment_ports import UserCodes
from doorward.administrator.people import people_of
from doorward.administrator.ports import Passkey, PasswordHasher, Sealer, Throttle
from doorward.errors import DoorwardError
from doorward.model.device import ClientCertificate
from doorward.model.estate import User
from doorward.model.identity import Method
from doorward.model.ids import UnixSeconds, UserId
from doorward.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Browser:
    """Who is at the other end. `flow` is the hex SHA-256 of this browser's flow cookie.

    `certificate` is the one of the device that the browser runs on, None without one.
    """

    address: str
    user_agent: str
    flow: str
    certificate: ClientCertificate | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider said of how it saw somebody: its `acr` and `amr`, under its issuer."""

    issuer: str = ""
    acr: str = ""
    amr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What an authentication proved: who, by which methods, and how strong (SP 800-63B).

    `aal` is the authenticator assurance level, 1 to 3. Where another provider vouched, `provider`
    is its id and `provider_subject` and `provider_session` are SHA-256 of its `sub` and `sid`;
    how strong that is follows from what it `said` and the estate, and is found out again where a
    session begins (`federation.worth`). `authenticated_at` is when, where that was not just now.
    `credential` names what it rested on, as `Session.credential` does; `version` tells a password
    from one that replaced it: the SHA-256 of its hash.
    """

    user: UserId
    methods: tuple[Method, ...]
    phishing_resistant: bool
    multi_factor: bool
    aal: int
    provider: str = ""
    provider_subject: str = ""
    provider_session: str = ""
    said: Said = Said()
    authenticated_at: UnixSeconds | None = None
    credential: str = ""
    version: str = ""

    def moment(self, now: UnixSeconds) -> UnixSeconds:
        """When the person was authenticated; never ahead of `now`."""
        return now if self.authenticated_at is None else min(now, self.authenticated_at)


@dataclass(frozen=True, slots=True)
class UnverifiedCredential:
    """What a browser's WebAuthn answer claims, before anything of it is believed."""

    id: str
    challenge: str
    user_handle: bytes | None
    response: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A verified WebAuthn registration; `public_key` is COSE, `id` base64url.

    `attested` says that a statement which leads to a trusted root vouches for the model `aaguid`.
    """

    id: str
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    aaguid: str
    attested: bool
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True, slots=True)
class PasskeyUse:
    """What a verified answer says of the passkey from now on."""

    sign_count: int
    backup_eligible: bool
    backed_up: bool


class RelyingParty(Protocol):
    """WebAuthn level 2, the relying party's side; user verification is always required."""

    def registration_options(
        self, user: User, challenge: str, existing: Sequence[Passkey], *, attested: bool
    ) -> dict[str, object]:
        """PublicKeyCredentialCreationOptions as JSON: discoverable, not one of `existing`.

        `attested` asks the device to prove its model.
        """
        ...

    def authentication_options(
        self, challenge: str, allowed: Sequence[Passkey]
    ) -> dict[str, object]:
        """PublicKeyCredentialRequestOptions as JSON; any discoverable passkey if none allowed."""
        ...

    def read(self, response: Mapping[str, object]) -> UnverifiedCredential:
        """Raises DoorwardError `passkey-rejected` where the answer is malformed."""
        ...

    def verify_registration(self, credential: UnverifiedCredential) -> NewCredential:
        """Raises DoorwardError `passkey-rejected`."""
        ...

    def verify_authentication(
        self, credential: UnverifiedCredential, passkey: Passkey
    ) -> PasskeyUse:
        """Raises DoorwardError `passkey-rejected`."""
        ...


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """A new TOTP secret to show once. `qr_path` is an SVG path on a square of `qr_size` units."""

    secret: str
    uri: str
    qr_path: str
    qr_size: int


class Challenges(Protocol):
    """Keyed hashes by which an installation knows the challenges that it gave."""

    def sign(self, content: bytes) -> bytes:
        """32 bytes that nobody else can make; the same in every control process."""
        ...


class PasswordJudge(Protocol):
    """Knows which passwords are tried first by whoever guesses."""

    def guessable(self, password: str, own_words: Sequence[str]) -> bool: ...


class LeakedPasswords(Protocol):
    """Knows which passwords were stolen somewhere; only new ones are asked about."""

    def holds(self, password: str) -> bool:
        """Reads a file. Raises DoorwardError `password-blocklist-unreadable`: nobody knows."""
        ...

    def problem(self) -> str:
        """What keeps the list from being used, by a sample; empty where nothing is found."""
        ...


class TotpCodes(Protocol):
    """Time-based one-time passwords (RFC 6238): six digits, 30 s, SHA-1."""

    def enrolment(self, account: str) -> TotpEnrolment: ...

    def accepted_step(self, secret: str, code: str, now: float) -> int | None:
        """The time step that `code` belongs to, one step of clock drift either way."""
        ...


@dataclass(frozen=True, slots=True)
class Authenticators:
    """Everything that sign-in use cases share."""

    control: ControlPlane
    hasher: PasswordHasher
    sealer: Sealer
    throttle: Throttle
    challenges: Challenges
    relying_party: RelyingParty
    totp: TotpCodes
    judge: PasswordJudge
    leaked: LeakedPasswords
    codes: UserCodes


class AttemptRejectedError(DoorwardError):
    """An attempt to prove who one is failed; `why` and `person` are for the logs only.

    `person` is whose credential was tried, where that came to light by the attempt itself.
    """

    def __init__(self, code: str, detail: str, remedy: str, *, why: str) -> None:
        super().__init__(code, detail, remedy)
        self.why = why
        self.person: UserId | None = None


class PasskeyRejectedError(AttemptRejectedError):
    """A WebAuthn answer does not prove what it should."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "passkey-rejected",
            "This passkey was not accepted.",
            "Try again, or use another passkey.",
            why=why,
        )


class TooManyAttemptsError(DoorwardError):
    """Somebody tries too often; `retry_after_seconds` says when it is worth trying again."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "too-many-attempts",
            "There were too many attempts to sign in.",
            "Wait a few minutes and try again, or use a passkey.",
        )
        self.retry_after_seconds = retry_after_seconds


def digest(secret: str) -> str:
    """The hex SHA-256 under which a random secret is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find_user(snapshot: Snapshot, name: str) -> User | None:
    """The person of that e-mail address, else of that id; None where none or more than one fits.

    An id may be an address that its holder had once, and somebody else has now.
    """
    people, wanted = people_of(snapshot), name.strip()
    found = people.with_address(wanted) or people.with_id(wanted)
    return snapshot.users[found[0]] if len(found) == 1 else None


def require_enabled(snapshot: Snapshot, user: UserId) -> User:
    """The person, if the estate has them and no signal disabled them.

    Raises DoorwardError `user-disabled`.
    """
    person, standing = snapshot.users.get(user), snapshot.standings.get(user)
    if person is None or (standing is not None and standing.disabled):
        raise DoorwardError(
            "user-disabled",
            "This account is disabled.",
            "Ask the people who run doorward in your organisation.",
        )
    return person
