"""Every mistake in an estate is told with its file, its line and what to do."""

from __future__ import annotations

import pytest

from doorward.estate import parse_estate
from doorward.model.estate import Policy
from tests.unit.estate_files import CEDAR, FILES, TOML, errors_of, with_change

SECOND_PROVIDER = """\
[[provider]]
id = "x"
name = "X"
issuer = "https://login.example.org"
client_id = "y"

"""
SECOND_TRANSMITTER = """\
[[transmitter]]
id = "x"
name = "X"
issuer = "https://signals.example.org"
events = ["session-revoked"]
provider = "work"

"""
MISTAKES = [
    ('name = "Staff"', 'nmae = "Staff"', "unknown-key", "nmae"),
    ('name = "Staff"\n', "", "missing-key", '[[group]]\nid = "staff"'),
    ('name = "Staff"', "name = 3", "wrong-type", "name = 3"),
    ('groups = ["finance"]', 'groups = ["finance", 3]', "wrong-type", "3]"),
    ('id = "staff"\nname', 'id = "st aff"\nname', "bad-id", "st aff"),
    ('name = "Staff"', 'name = "a\\nb"', "unprintable-text", "a\\nb"),
    ('name = "Staff"', f'name = "{"a" * 2001}"', "text-too-long", "aaa"),
    ('"alice@example.com"', '"alice"', "bad-email", 'email = "alice"'),
    ("sensitivity = 20", "sensitivity = 101", "bad-sensitivity", "101"),
    ('"10.0.0.0/8"', '"10.0.0.1/8"', "bad-range", "10.0.0.1/8"),
    ('"Europe/Berlin"', '"Europe/Nowhere"', "bad-time-zone", "Nowhere"),
    ('"Europe/Berlin"', '"../../etc/passwd"', "bad-time-zone", "passwd"),
    ('host = "board"', 'host = "auth"', "reserved-host", '"auth"'),
    ('id = "board"', 'id = "auth"', "reserved-id", '"auth"'),
    ('id = "alice"', 'id = "service:alice"', "reserved-id", "service:alice"),
    ('host = "board"', 'host = "Board"', "bad-host", '"Board"\nupstream'),
    ('host = "board"', 'host = "a.b"', "bad-host", "a.b"),
    ("http://127.0.0.1:9000", "ftp://127.0.0.1:9000", "bad-upstream", "ftp"),
    ("http://127.0.0.1:9000", "http://127.0.0.1", "bad-upstream", "127"),
    ('"http://127.0.0.1:9000"', '"control"\nstreams = true', "streams-without-upstream", "streams"),
    ('"http://127.0.0.1:9000"', '"control"', "rules-of-console", "rules"),
    ("http://127.0.0.1:9000", "http://127.0.0.1:99999", "bad-upstream", "127"),
    ("http://127.0.0.1:9000", "http://a:b@127.0.0.1:1", "bad-upstream", "127"),
    ("http://127.0.0.1:9000", "http://127.0.0.1:1/x", "bad-upstream", "127"),
    ('"/live"', '"/a/../b"', "bad-rule-path", "/../"),
    ('"/live"', '"live"', "bad-rule-path", '"live"'),
    ('"/live"', '"/a*"', "bad-rule-path", "/a*"),
    ('"/live"', '"/%2e"', "bad-rule-path", "%2e"),
    ('"/live"', '"/a;b"', "bad-rule-path", "a;b"),
    ('"/live"', '"//a"', "bad-rule-path", "//a"),
    ('action = "write"', 'action = "wirte"', "wrong-type", "wirte"),
    ('["POST"]', '["post"]', "bad-method", "post"),
    ('label = "internal"', 'label = "intern"', "unknown-label", '"intern"'),
    ('owner = "alice"', 'owner = "alcie"', "unknown-user", "alcie"),
    ('groups = ["finance"]', 'groups = ["x"]', "unknown-group", '["x"]'),
    ('roles = ["administrator"]', 'roles = ["x"]', "unknown-role", '["x"]'),
    ('id = "work"', 'id = "Work"', "bad-provider-id", '"Work"\nname'),
    ('id = "work"', 'id = "a.b"', "bad-provider-id", '"a.b"'),
    ("https://login.example.org", "http://login.example.org", "bad-issuer", "http://login"),
    ("https://login.example.org", "login.example.org", "bad-issuer", "login.example.org"),
    ("https://login.example.org", "https://a@login.example.org", "bad-issuer", "a@login"),
    ('client_id = "doorward"', 'client_id = ""', "bad-client-id", "client_id"),
    ('match = "email"', 'match = "mail"', "wrong-type", '"mail"'),
    ('domains = ["example.com"]\n', "", "domains-missing", 'match = "email"'),
    ('["example.com"]', '["Example.com"]', "bad-domain", "Example.com"),
    ('["example.com"]', '["*.example.com"]', "bad-domain", "*.example.com"),
    ('["openid", "email"]', '["email"]', "bad-scope", 'scopes = ["email"]'),
    ('["openid", "email"]', '["openid", "a b"]', "bad-scope", "a b"),
    ('groups_claim = "roles"\n', "", "groups-claim-missing", "Finance team"),
    ('group = "finance" }', 'group = "finances" }', "unknown-group", "finances"),
    ("aal = 2,", "aal = 4,", "bad-aal", "aal = 4"),
    ("aal = 3 }]", "aal = 0 }]", "bad-aal", "aal = 0"),
    ('value = "phr"', 'value = ""', "empty-value", 'value = ""'),
    (
        "aal = 3 }]",
        'aal = 3 }, { value = "hwk", aal = 1 }]',
        "duplicate-value",
        'amr = [{ value = "hwk"',
    ),
    (
        "[[provider]]",
        f"{SECOND_PROVIDER}[[provider]]",
        "duplicate-issuer",
        'issuer = "https://login.example.org"\nclient_id = "doorward"',
    ),
    ("2fc0579f-8113", "2FC0579F-8113", "bad-aaguid", "2FC0579F"),
    ("2fc0579f-8113-47ea-b116-bb5a8db9202a", "2fc0579f", "bad-aaguid", '"2fc0579f"'),
    (
        "2fc0579f-8113-47ea-b116-bb5a8db9202a",
        "00000000-0000-0000-0000-000000000000",
        "bad-aaguid",
        "00000000",
    ),
    ("2fc0579f-8113-47ea-b116-bb5a8db9202a", "any", "unattested-aal3", "aal3 = true"),
    ('id = "workstation"', 'id = "operator"', "reserved-id", 'id = "operator"'),
    ('hosts = ["mill-1", "mill-2"]', 'hosts = ["mill 1"]', "bad-host-device", "mill 1"),
    ('"mill-1", "mill-2"', '"mill-1", "mill-1"', "duplicate-host-device", '"mill-1", "mill-1"'),
    ('id = "backup"', 'id = "backup@night"', "bad-workload-id", "backup@night"),
    ("want = true", "at_most = 1", "bad-expectation", '"disk-encrypted"'),
    ("want = true", "want = true\nat_most = 1", "bad-expectation", '"disk-encrypted"'),
    ('at_least = "12.4"', 'at_least = "twelve"', "bad-version", "twelve"),
    ("trust = 1", "trust = 3", "bad-trust", "trust = 3"),
    ("https://help.example.org/disk", "help.example.org", "bad-link", "link ="),
    ("grace_hours = 72", "grace_hours = -1", "bad-grace", "grace_hours = -1"),
    ("grace_hours = 72", "grace_hours = 2161", "bad-grace", "grace_hours = 2161"),
    ('fact = "disk-encrypted"', 'fact = "disk-full"', "wrong-type", "disk-full"),
    (
        'groups = ["finance"]\n\n[[com',
        'groups = ["finances"]\n\n[[com',
        "unknown-group",
        "finances",
    ),
    ('id = "watch"', 'id = "Watch"', "bad-transmitter-id", '"Watch"\nname'),
    ("https://signals.example.org", "http://signals.example.org", "bad-issuer", "http://signals"),
    ('provider = "work"', 'provider = "wrok"', "unknown-provider", '"wrok"'),
    ('name = "CI"', 'name = "CI"\nclient = "nobody"', "unknown-client", '"nobody"'),
    (
        'domains = ["example.com"]\nprovider = "work"\n',
        "",
        "subjects-missing",
        '[[transmitter]]\nid = "watch"',
    ),
    (
        'domains = ["example.com"]\nprovider',
        'domains = ["Example.com"]\nprovider',
        "bad-domain",
        '["Example.com"]\nprovider',
    ),
    (
        'events = ["session-revoked", "risk-level-change"]',
        "events = []",
        "no-events",
        "events = []",
    ),
    ('"session-revoked", "risk', '"session-ended", "risk', "wrong-type", "session-ended"),
    ('["end-sessions", "risk"]', '["end-all", "risk"]', "wrong-type", "end-all"),
    ("urn:doorward", "our doorward", "bad-audience", "our doorward"),
    ("risk = 90 }", "risk = 101 }", "bad-risk", "risk = 101"),
    ('level = "HIGH"', 'level = "high"', "wrong-type", '"high"'),
    (
        "risk = 90 }]",
        'risk = 90 }, { level = "HIGH", risk = 1 }]',
        "duplicate-value",
        "risk = [{ level",
    ),
    (
        'risk = [{ level = "HIGH", risk = 90 }]',
        "",
        "risk-missing",
        '[[transmitter]]\nid = "watch"',
    ),
    (
        "[[transmitter]]",
        f"{SECOND_TRANSMITTER}[[transmitter]]",
        "duplicate-issuer",
        'issuer = "https://signals.example.org"\ndelivery',
    ),
    ('name = "Staff"', 'name = "S"\nparents = ["finance"]', "group-cycle", 'parents = ["finance"]'),
]


@pytest.mark.parametrize(("old", "new", "code", "marked"), MISTAKES)
def test_a_mistake_is_told_where_it_is(old: str, new: str, code: str, marked: str) -> None:
    files = with_change(old, new)
    found = [error for error in errors_of(files) if error.code == code]
    assert found, errors_of(files)
    text = files["estate.toml"]
    assert found[0].file == "estate.toml"
    assert found[0].line == text.count("\n", 0, text.index(marked)) + 1
    assert found[0].detail
    assert found[0].remedy


def test_the_right_estate_is_accepted() -> None:
    estate = parse_estate(FILES)
    assert {kind: len(items) for kind, items in estate.documents.items()} == {
        "group": 2,
        "role": 1,
        "user": 1,
        "service": 2,
        "label": 1,
        "network": 1,
        "resource": 1,
        "client": 0,
        "provider": 1,
        "authenticator": 1,
        "compliance": 1,
        "transmitter": 1,
        "policy": 1,
    }
    policy = estate.documents["policy"]["board-for-staff"]
    assert isinstance(policy, Policy)
    assert (policy.file, policy.line) == ("policies.cedar", 2)


def test_all_mistakes_are_told_at_once_and_in_order() -> None:
    broken = TOML.replace("10.0.0.0/8", "ten").replace("sensitivity = 20", "sensitivity = -1")
    files = {"b.toml": "[[user]\n", "a.toml": broken, "c.cedar": "permit (", "d.txt": ""}
    found = [(error.file, error.code) for error in errors_of(files)]
    assert found[:3] == [
        ("a.toml", "bad-sensitivity"),
        ("a.toml", "bad-range"),
        ("b.toml", "bad-toml"),
    ]
    assert {file for file, _ in found} == {"a.toml", "b.toml", "c.cedar", "d.txt"}


def test_a_second_document_of_the_same_id_names_the_first() -> None:
    second = '[[label]]\nid = "internal"\nname = "Again"\nsensitivity = 1\n'
    [error] = errors_of(FILES | {"more.toml": second})
    assert (error.file, error.line, error.code) == ("more.toml", 2, "duplicate-id")
    assert "estate.toml, line 26" in error.remedy


def test_two_resources_cannot_share_a_host() -> None:
    second = TOML[TOML.index("[[resource]]") :].replace('id = "board"', 'id = "other"')
    [error] = errors_of(FILES | {"more.toml": second})
    assert (error.code, error.line) == ("duplicate-host", 4)


def test_two_people_cannot_share_an_address_in_any_case() -> None:
    second = '[[user]]\nid = "bob"\nname = "Bob"\nemail = "ALICE@example.com"\n'
    [error] = errors_of(FILES | {"more.toml": second})
    assert error.code == "duplicate-email"


def test_a_policy_outside_the_schema_is_refused() -> None:
    wrong = CEDAR + '@id("typo")\npermit (principal, action, resource) when { resource.x == 1 };\n'
    [error] = errors_of(FILES | {"policies.cedar": wrong})
    assert error.file == "policies.cedar"
    assert error.line >= 4


def test_two_policies_of_one_id_in_two_files_are_refused() -> None:
    [error] = errors_of(FILES | {"z.cedar": CEDAR})
    assert error.file == "z.cedar"


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    [error] = errors_of({"deep.toml": "a = " + "[" * 5000 + "]" * 5000})
    assert error.code == "bad-toml"
