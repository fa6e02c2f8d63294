"""What an identity provider of an estate must satisfy on its own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from doorward.estate.problems import Problems, Source
from doorward.model.endpoints import issuer_problem
from doorward.model.estate import AssuranceRow, IdentityProvider

MAX_AAL = 3

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SCOPE = re.compile(r"[!#-\[\]-~]+")
_CLIENT_ID = re.compile(r"[ -~]{1,256}")


def is_domain(text: str) -> bool:
    """Whether `text` is a domain of e-mail addresses, in lower case."""
    return _DOMAIN.fullmatch(text) is not None


def check_provider(provider: IdentityProvider, source: Source, problems: Problems) -> None:
    """Report what is wrong with `provider`; references to groups are checked elsewhere."""
    if not _ID.fullmatch(provider.id):
        problems.add(
            source,
            ("id",),
            "bad-provider-id",
            f"`{provider.id}` cannot be a part of an address.",
            "Use lower-case letters, digits and `-`: the provider is told this address.",
        )
    problem = issuer_problem(provider.issuer)
    if problem:
        problems.add(
            source,
            ("issuer",),
            "bad-issuer",
            f"`{provider.issuer}` is not an issuer: {problem}.",
            "Write it as the provider's documentation does, like https://login.example.org.",
        )
    if not _CLIENT_ID.fullmatch(provider.client_id):
        problems.add(
            source,
            ("client_id",),
            "bad-client-id",
            "`client_id` is not what a provider calls a client.",
            "Copy it from the provider, where doorward is registered.",
        )
    _check_scopes(provider, source, problems)
    _check_match(provider, source, problems)
    _check_groups(provider, source, problems)
    _check_rows("acr", provider.acr, source, problems)
    _check_rows("amr", provider.amr, source, problems)


def _check_scopes(provider: IdentityProvider, source: Source, problems: Problems) -> None:
    for index, scope in enumerate(provider.scopes):
        if not _SCOPE.fullmatch(scope):
            problems.add(
                source,
                ("scopes", index),
                "bad-scope",
                f"`{scope}` is not a scope.",
                "A scope is one word without quotes.",
            )
    if "openid" not in provider.scopes:
        problems.add(
            source,
            ("scopes",),
            "bad-scope",
            "`scopes` lacks `openid`, without which nobody's identity is told.",
            'Add "openid".',
        )


def _check_match(provider: IdentityProvider, source: Source, problems: Problems) -> None:
    for index, domain in enumerate(provider.domains):
        if not is_domain(domain):
            problems.add(
                source,
                ("domains", index),
                "bad-domain",
                f"`{domain}` is not a lower-case DNS name of two labels or more.",
                "Write what stands behind the @, like example.org.",
            )
    if provider.match == "email" and not provider.domains:
        problems.add(
            source,
            ("match",),
            "domains-missing",
            "Whoever matches people by e-mail address must say of which domains.",
            'Add domains = ["example.org"], or match = "link".',
        )


def _check_groups(provider: IdentityProvider, source: Source, problems: Problems) -> None:
    if provider.groups and not provider.groups_claim:
        problems.add(
            source,
            ("groups",),
            "groups-claim-missing",
            "Groups are mapped from a claim that has no name.",
            'Add groups_claim = "groups", or as the provider calls it.',
        )


def _check_rows(key: str, rows: Iterable[AssuranceRow], source: Source, problems: Problems) -> None:
    seen = set()
    for index, row in enumerate(rows):
        if not 1 <= row.aal <= MAX_AAL:
            problems.add(
                source,
                (key, index, "aal"),
                "bad-aal",
                f"There is no authenticator assurance level {row.aal}.",
                "Give 1, 2 or 3 (NIST SP 800-63B).",
            )
        if not row.value:
            problems.add(
                source,
                (key, index, "value"),
                "empty-value",
                f"Nothing is said by an `{key}` that is empty.",
                "Give the value that the provider sends, or leave the row out.",
            )
        if row.value in seen:
            problems.add(
                source,
                (key, index, "value"),
                "duplicate-value",
                f"`{row.value}` has a row already.",
                "Keep one of the two.",
            )
        seen.add(row.value)
