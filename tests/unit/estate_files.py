"""A small estate that is right, for tests that break it in one place."""

from __future__ import annotations

from doorward.errors import EstateError, SourceError
from doorward.estate import parse_estate

TOML = """\
[[group]]
id = "staff"
name = "Staff"

[[group]]
id = "finance"
name = "Finance"
parents = ["staff"]

[[role]]
id = "administrator"
name = "Administrator"

[[user]]
id = "alice"
name = "Alice"
email = "alice@example.com"
groups = ["finance"]
roles = ["administrator"]

[[service]]
id = "ci"
name = "CI"

[[label]]
id = "internal"
name = "Internal"
sensitivity = 20

[[network]]
id = "office"
name = "Office"
ranges = ["10.0.0.0/8"]

[[provider]]
id = "work"
name = "Work"
issuer = "https://login.example.org"
client_id = "doorward"
match = "email"
domains = ["example.com"]
scopes = ["openid", "email"]
groups_claim = "roles"
groups = [{ value = "Finance team", group = "finance" }]
acr = [{ value = "phr", aal = 2, phishing_resistant = true }]
amr = [{ value = "hwk", aal = 3 }]

[[authenticator]]
id = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
name = "YubiKey 5 NFC"
aal3 = true

[[compliance]]
id = "workstation"
name = "Workstation"
groups = ["finance"]

[[compliance.checks]]
fact = "updates-pending"
at_most = 0
grace_hours = 72

[[compliance.checks]]
fact = "listeners"
allowed = ["tcp/22"]

[[compliance.checks]]
fact = "disk-encrypted"
want = true
trust = 1
words = "Encrypt the disk."
link = "https://help.example.org/disk"

[[compliance.checks]]
fact = "os-version"
at_least = "12.4"

[[transmitter]]
id = "watch"
name = "Watch"
issuer = "https://signals.example.org"
delivery = "poll"
events = ["session-revoked", "risk-level-change"]
effects = ["end-sessions", "risk"]
domains = ["example.com"]
provider = "work"
audience = "urn:doorward"
risk = [{ level = "HIGH", risk = 90 }]

[[service]]
id = "backup"
name = "Backup"
hosts = ["mill-1", "mill-2"]

[[resource]]
id = "board"
name = "Board"
host = "board"
upstream = "http://127.0.0.1:9000"
label = "internal"
owner = "alice"
timezone = "Europe/Berlin"
rules = [
  { path = "/live", action = "write" },
  { path = "/search/*", action = "read", methods = ["POST"] },
]
"""
CEDAR = """\
// Who may use the board.
@id("board-for-staff")
permit (principal in Group::"staff", action, resource == Resource::"board");
"""
FILES = {"estate.toml": TOML, "policies.cedar": CEDAR}


def with_change(old: str, new: str) -> dict[str, str]:
    """The right files with one piece of the TOML replaced."""
    assert old in TOML
    return FILES | {"estate.toml": TOML.replace(old, new)}


def errors_of(files: dict[str, str]) -> tuple[SourceError, ...]:
    """The errors of an estate that must not be accepted."""
    try:
        parse_estate(files)
    except EstateError as error:
        return error.errors
    raise AssertionError("the estate was accepted")
