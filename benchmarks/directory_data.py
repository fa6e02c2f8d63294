"""A directory like a real one: people of many languages, a few large groups and many small ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PEOPLE = 100_000
GROUPS = 10_000
_SIZES = ((10, 10_000), (90, 1_000), (900, 100))
"""How many groups have how many members; all others have a handful."""
_HANDFUL = 12
_INACTIVE = 0.04

_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_GIVEN = """
Anna Zoë José Łukasz Nguyễn Søren Éloïse Åsa Björn Chloë Dvořák İpek Jürgen Małgorzata Siobhán
Ольга Дмитрий Ελένη Γιώργος محمد فاطمة שרה 美咲 健太 伟 芳 지우 민준 आरव प्रिया Maria James Wei
Fatima Carlos Aisha Hans Priya Kofi Amara Lars Ingrid Paulo Chiara Sven Olga
"""
_FAMILY = """
Müller Öztürk García-Márquez McBride Żółkiewski Nordström Çelik Fernández Dubois Schröder Иванов
Петрова Παπαδόπουλος حسين الأحمد כהן 佐藤 鈴木 王 李 김 박 शर्मा सिंह Smith Johnson Okafor Mensah
Rossi Bianchi Silva Santos Andersson Larsen Novák Horváth Kowalski Popescu Berg Le Nguyen Tran Kim
Park Chen Wang Patel Khan Ali Hassan Cohen Levy Peretz
"""
GIVEN = tuple(_GIVEN.split())
FAMILY = tuple(_FAMILY.split())
DEPARTMENTS = ("Engineering", "Finance", "Sales", "Legal", "People", "Security", "Support")
TITLES = ("Engineer", "Manager", "Analyst", "Director", "Working student", "Consultant", "Advisor")


Unit = tuple[str, dict[str, Any], list[int]]
"""A group: the id that doorward gives, its document, its members by number."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person: the id that doorward gives, and the document that a directory sends."""

    id: str
    document: dict[str, Any]


def people(count: int = PEOPLE) -> Iterator[Person]:
    """The same people every time."""
    chance = random.Random(20261125)
    for number in range(count):
        given, family = chance.choice(GIVEN), chance.choice(FAMILY)
        name = f"u{number:06d}@example.com"
        yield Person(
            name,
            {
                "schemas": [_USER, _ENTERPRISE],
                "externalId": f"00u{number:09x}{chance.randrange(16**8):08x}",
                "userName": f"U{number:06d}@example.com",
                "name": {
                    "givenName": given,
                    "familyName": family,
                    "formatted": f"{given} {family}",
                },
                "displayName": f"{given} {family}",
                "title": chance.choice(TITLES),
                "preferredLanguage": chance.choice(("en", "de", "pl", "ja", "ar")),
                "active": chance.random() >= _INACTIVE,
                "emails": [
                    {"value": name, "type": "work", "primary": True},
                    {"value": f"home{number}@mail.example", "type": "home"},
                ],
                "phoneNumbers": [{"value": f"+49 30 {number:07d}", "type": "work"}],
                _ENTERPRISE: {
                    "employeeNumber": str(100_000 + number),
                    "department": chance.choice(DEPARTMENTS),
                    "organization": "example",
                },
            },
        )


def groups(count: int = GROUPS, of: int = PEOPLE) -> Iterator[Unit]:
    """Id, document and members (by number) of each group; the same every time."""
    chance = random.Random(20261126)
    sizes = [min(size, of) for number, size in _SIZES for _ in range(number)]
    for number in range(count):
        size = sizes[number] if number < len(sizes) else chance.randrange(1, _HANDFUL)
        kind = chance.choice(DEPARTMENTS)
        document = {
            "schemas": [_GROUP],
            "displayName": f"{kind} Ünit {number:05d}",
            "externalId": f"00g{number:09x}",
        }
        yield f"{kind.lower()}-unit-{number:05d}", document, chance.sample(range(of), size)
