"""Passkeys that were registered before the estate's list of authenticators took them no longer."""

from __future__ import annotations

from collections.abc import Mapping

from doorward.administrator.authentication import AttemptRejectedError
from doorward.administrator.credentials.assurance import refusal
from doorward.administrator.ports import Passkey
from doorward.model.estate import Authenticator

_BECAUSE = {
    "unlisted": "its model is not on your organisation's list",
    "unattested": "nothing proves which model its device is",
}


def model_names(authenticators: Mapping[str, Authenticator]) -> str:
    """The models that may be registered, as people are told."""
    return ", ".join(sorted({model.name for model in authenticators.values()}))


def why_refused(passkey: Passkey, authenticators: Mapping[str, Authenticator]) -> str:
    """Why it no longer signs in, in plain words; empty where it does."""
    why = refusal(passkey.aaguid, authenticators, attested=passkey.attested)
    return _BECAUSE[why] if why else ""


def require_accepted(passkey: Passkey, authenticators: Mapping[str, Authenticator]) -> None:
    """Raises AttemptRejectedError `authenticator-refused`. Say so to its holder alone."""
    why = refusal(passkey.aaguid, authenticators, attested=passkey.attested)
    if not why:
        return
    refused = AttemptRejectedError(
        "authenticator-refused",
        f"This passkey no longer signs you in: {_BECAUSE[why]}.",
        f"Sign in another way and add one of these: {model_names(authenticators)}."
        " If you have no other way, choose “I can't sign in”.",
        why=f"authenticator-{why}",
    )
    refused.person = passkey.user
    raise refused
