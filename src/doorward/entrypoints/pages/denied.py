"""The page that a denied person sees: why, and what they can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from doorward.entrypoints.pages.templates import render
from doorward.entrypoints.pages.words import REASONS, REMEDIES, remedy_text
from doorward.model.decision import Deny, Remedy, RemedyKind
from doorward.model.ids import DecisionId


@dataclass(frozen=True, slots=True)
class Denial:
    """What the page shows. `links` says where a remedy can be acted on, as same-site addresses.

    `retry` is the path to try again, empty where trying again makes no sense (not a GET).
    `person` is the name of who is signed in, empty for nobody. `back` leads to an application that
    stands elsewhere and is told of the denial; empty for none. `ailment` says what is wrong with
    the person's device, empty where nobody said.
    """

    deny: Deny
    decision: DecisionId
    resource_name: str
    timezone: str = "UTC"
    person: str = ""
    retry: str = ""
    links: Mapping[RemedyKind, str] | None = None
    sign_out: str = ""
    back: str = ""
    ailment: str = ""


@dataclass(frozen=True, slots=True)
class _Step:
    title: str
    text: str
    href: str


def denied_page(denial: Denial) -> str:
    """The page in HTML; send it with `headers.page_headers` and status 403."""
    links = denial.links or {}
    steps = [
        _Step(
            REMEDIES[remedy.kind].title,
            _text(denial, remedy),
            links.get(remedy.kind, ""),
        )
        for remedy in denial.deny.remedies
    ]
    return render(
        "denied.html",
        denial=denial,
        words=REASONS[denial.deny.reason],
        steps=steps,
    )


def _text(denial: Denial, remedy: Remedy) -> str:
    said = remedy_text(remedy, denial.timezone)
    if remedy.kind == "repair-device" and denial.ailment:
        return f"{said} What is wrong: {denial.ailment.rstrip('.')}."
    return said
