"""What a transmitter of an estate must satisfy on its own."""

from __future__ import annotations

import re

from doorward.estate.problems import Problems, Source
from doorward.estate.provider_checks import is_domain
from doorward.model.endpoints import issuer_problem
from doorward.model.transmitter import Transmitter

MAX_RISK = 100

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_AUDIENCE = re.compile(r"[!-~]{0,1024}")


def check_transmitter(transmitter: Transmitter, source: Source, problems: Problems) -> None:
    """Report what is wrong with `transmitter`; its provider is looked up elsewhere."""
    if not _ID.fullmatch(transmitter.id):
        problems.add(
            source,
            ("id",),
            "bad-transmitter-id",
            f"`{transmitter.id}` cannot be a part of an address.",
            "Use lower-case letters, digits and `-`: the transmitter is told this address.",
        )
    problem = issuer_problem(transmitter.issuer)
    if problem:
        problems.add(
            source,
            ("issuer",),
            "bad-issuer",
            f"`{transmitter.issuer}` is not an issuer: {problem}.",
            "Write it as the transmitter's documentation does, like https://signals.example.org.",
        )
    if not _AUDIENCE.fullmatch(transmitter.audience):
        problems.add(
            source,
            ("audience",),
            "bad-audience",
            "`audience` is not what a token could name.",
            "Copy it from the transmitter, or leave it out.",
        )
    _check_subjects(transmitter, source, problems)
    _check_events(transmitter, source, problems)
    _check_risk(transmitter, source, problems)


def _check_subjects(transmitter: Transmitter, source: Source, problems: Problems) -> None:
    for index, domain in enumerate(transmitter.domains):
        if not is_domain(domain):
            problems.add(
                source,
                ("domains", index),
                "bad-domain",
                f"`{domain}` is not a domain of e-mail addresses.",
                "Write it in lower case, like example.org.",
            )
    about_people = {*transmitter.events} - {"device-compliance-change"}
    if about_people and not transmitter.domains and not transmitter.provider:
        problems.add(
            source,
            (),
            "subjects-missing",
            f"Nothing says whom `{transmitter.id}` may speak of.",
            "Add `domains`, or the `provider` at which people have linked accounts.",
        )


def _check_events(transmitter: Transmitter, source: Source, problems: Problems) -> None:
    if not transmitter.events:
        problems.add(
            source,
            ("events",),
            "no-events",
            f"`{transmitter.id}` may send nothing.",
            'Name events, like "session-revoked".',
        )


def _check_risk(transmitter: Transmitter, source: Source, problems: Problems) -> None:
    seen = set()
    for index, row in enumerate(transmitter.risk):
        if not 0 <= row.risk <= MAX_RISK:
            problems.add(
                source,
                ("risk", index, "risk"),
                "bad-risk",
                f"The risk {row.risk} is out of range.",
                "Give a number from 0 to 100.",
            )
        if row.level in seen:
            problems.add(
                source,
                ("risk", index, "level"),
                "duplicate-value",
                f"`{row.level}` has a row already.",
                "Keep one of the two.",
            )
        seen.add(row.level)
    if "risk" in transmitter.effects and not transmitter.risk:
        problems.add(
            source,
            (),
            "risk-missing",
            "Nothing says what this transmitter's levels of risk are worth.",
            'Add risk = [{ level = "HIGH", risk = 90 }].',
        )
