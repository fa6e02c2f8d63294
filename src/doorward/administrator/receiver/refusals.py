"""What goes wrong between a transmitter and doorward, as errors."""

from __future__ import annotations

from typing import Literal

from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.errors import DoorwardError
from doorward.model.transmitter import Transmitter

SetErr = Literal[
    "invalid_request",
    "invalid_key",
    "invalid_issuer",
    "invalid_audience",
    "authentication_failed",
    "access_denied",
    "invalid_state",
]

_DESCRIPTIONS: dict[SetErr, str] = {
    "invalid_request": "The token cannot be read, or does not say what the specification demands.",
    "invalid_key": "The signature does not verify with a key of the issuer that is accepted here.",
    "invalid_issuer": "The issuer is not the one of this stream.",
    "invalid_audience": "The token is not for this receiver.",
    "authentication_failed": "The transmitter could not be authenticated.",
    "access_denied": "The transmitter may not deliver here.",
    "invalid_state": "The state is not the one that was asked for.",
}
_KEY_TROUBLE = frozenset(
    {"algorithm-refused", "key-unknown", "key-too-short", "key-malformed", "signature-wrong"}
)


class SetRefusedError(DoorwardError):
    """A security event token is not taken: `err` is what its transmitter is told (RFC 8935, 2.4).

    `why` is for the audit log only: what exactly was wrong would help whoever forges.
    """

    def __init__(self, err: SetErr, why: str) -> None:
        super().__init__("set-refused", _DESCRIPTIONS[err], "Nothing was changed.")
        self.err: SetErr = err
        self.why = why


class TooManySignalsError(DoorwardError):
    """Somebody delivers too often; `retry_after_seconds` says when to try again."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "too-many-signals", "There were too many deliveries from this address.", "Wait."
        )
        self.retry_after_seconds = retry_after_seconds


def refused_token(error: FederationRejectedError) -> SetRefusedError:
    """A token whose form or signature is wrong."""
    return SetRefusedError(
        "invalid_key" if error.why in _KEY_TROUBLE else "invalid_request", error.why
    )


def unknown() -> DoorwardError:
    """The estate has no such transmitter."""
    return DoorwardError(
        "transmitter-unknown",
        "The estate has no such transmitter.",
        "List them with doorward signal transmitters.",
    )


def invalid(what: str) -> DoorwardError:
    """A transmitter's document or answer is not what the specification says."""
    return DoorwardError(
        "transmitter-invalid",
        f"The transmitter's answer is not acceptable: {what}.",
        "Nothing was changed. Tell the people who run it.",
    )


def from_http(error: DoorwardError, transmitter: Transmitter) -> DoorwardError:
    """What the port for HTTP raised, in words about a transmitter."""
    match error.code:
        case "provider-unreachable":
            return DoorwardError(
                "transmitter-unreachable",
                f"{transmitter.name} does not answer.",
                "Try again in a moment. Nothing was changed.",
            )
        case "provider-invalid":
            return DoorwardError(
                "transmitter-invalid",
                error.detail.replace("The provider's", "The transmitter's"),
                "Nothing was changed. Tell the people who run it.",
            )
    return error


def refused_by(transmitter: Transmitter, what: str, status: int) -> DoorwardError:
    """The transmitter's API said no."""
    return DoorwardError(
        "transmitter-refused",
        f"{transmitter.name} refuses {what} (status {status}).",
        f"Check the token for its API: doorward signal secret {transmitter.id}.",
    )
