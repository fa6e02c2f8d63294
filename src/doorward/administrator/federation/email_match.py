"""Whom a provider means by an e-mail address. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from doorward.administrator.federation.refusals import unlinked
from doorward.model.estate import IdentityProvider, User

_ADDRESS = re.compile(r"[!#-'*+\-./0-9=?A-Z^_`a-z{|}~]{1,64}@([A-Za-z0-9.-]{1,189})")


def person_by_address(
    provider: IdentityProvider, claims: Mapping[str, object], people: Iterable[User]
) -> User:
    """The one person with the verified address of a domain that `provider` speaks for.

    Addresses are compared as ASCII without case, never folded: a folded address that looks like
    another, such as one with a Kelvin sign for a k, is not that one. Raises AttemptRejectedError
    `identity-unlinked`.
    """
    email = claims.get("email")
    match = _ADDRESS.fullmatch(email) if isinstance(email, str) else None
    if match is None or not isinstance(email, str):
        raise unlinked(provider, "address-missing")
    if claims.get("email_verified") is not True:
        raise unlinked(provider, "address-not-verified")
    if match[1].lower() not in provider.domains:
        raise unlinked(provider, "address-of-another-domain")
    found = [
        person
        for person in people
        if person.email.isascii() and person.email.lower() == email.lower()
    ]
    if len(found) != 1:
        raise unlinked(provider, "address-of-nobody")
    return found[0]


def shown_address(claims: Mapping[str, object]) -> str:
    """The address to show beside a link, empty where there is none that can be shown."""
    email = claims.get("email")
    return email if isinstance(email, str) and _ADDRESS.fullmatch(email) else ""
