"""What goes wrong between a provider and doorward, as errors that a person can read."""

from __future__ import annotations

from doorward.administrator.authentication import AttemptRejectedError
from doorward.errors import DoorwardError
from doorward.model.estate import IdentityProvider


class FederationRejectedError(AttemptRejectedError):
    """What came from the browser or the provider proves nothing; `why` is for the audit log."""

    def __init__(self, why: str, remedy: str = "Start again from the sign-in page.") -> None:
        super().__init__(
            "federation-refused", "This sign-in could not be completed.", remedy, why=why
        )


def unlinked(provider: IdentityProvider, why: str) -> AttemptRejectedError:
    """Nobody here is known by this subject."""
    return AttemptRejectedError(
        "identity-unlinked",
        f"Nobody here is known by this account at {provider.name}.",
        f"Sign in another way, and link your account at {provider.name} under Your account.",
        why=why,
    )


def taken(provider: IdentityProvider, why: str) -> AttemptRejectedError:
    """A link stands in the way of this one."""
    return AttemptRejectedError(
        "identity-conflict",
        f"Another account at {provider.name}, or another person, is linked already.",
        "Remove that link first, or ask the people who run doorward.",
        why=why,
    )


def declined(provider: IdentityProvider, why: str) -> AttemptRejectedError:
    """The provider answered that it did not sign the person in."""
    return AttemptRejectedError(
        "provider-declined",
        f"{provider.name} did not sign you in.",
        "Try again, or sign in another way.",
        why=f"provider-said {why}",
    )


def unreachable(what: str) -> DoorwardError:
    """Nothing, or nothing in time, answered at `what`."""
    return DoorwardError(
        "provider-unreachable",
        f"{what} does not answer.",
        "Try again in a moment, or sign in another way. Nothing was changed.",
    )


def invalid(what: str) -> DoorwardError:
    """A provider's document or answer is not what the specification says."""
    return DoorwardError(
        "provider-invalid",
        f"The provider's answer is not acceptable: {what}.",
        "Sign in another way, and tell the people who run doorward.",
    )


def unknown(provider: str) -> DoorwardError:
    """The estate has no such provider."""
    del provider
    return DoorwardError(
        "provider-unknown",
        "The estate has no such identity provider.",
        "List them with doorward provider list.",
    )
