"""Enrolment: a host gets a node key, and waits until somebody says which device it is.

Rules, in order:

1. The host holds a secret that is not revoked and not over: `osquery-secret-wrong`.
2. It calls itself something: `osquery-malformed`.
3. A host of that name that has not used its key of late is the one that enrols again: its record
   gets the new key, and the former one is worth nothing. Whoever holds the secret may call itself
   so; therefore it waits to be assigned anew.
4. A host of that name that is alive keeps its key and its device: what enrols beside it, such as a
   copy of its disk, is a duplicate. Of one name there are at most so many: `osquery-crowded`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from doorward.administrator.authentication import digest
from doorward.administrator.fleet.osquery_ports import OsqueryHost, OsquerySecret
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.osquery.refusals import refused
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.device import Platform
from doorward.model.ids import UnixSeconds
from doorward.protocol.osquery import Enrolment, Row, number, row_of

ALIVE_SECONDS: Final = 15 * 60
MAX_OF_ONE_NAME: Final = 16
_MAX_TEXT: Final = 256

_LINUX: Final = 0x08
_MACOS: Final = 0x10
_WINDOWS: Final = 0x02


@dataclass(frozen=True, slots=True)
class Applicant:
    """A request to enrol as it came, and from where."""

    message: Enrolment
    address: str


async def enrol_host(osquery: Osquery, applicant: Applicant, now: UnixSeconds) -> str:
    """The host's node key. Raises DoorwardError as the rules above say."""
    message = applicant.message
    try:
        node_key, record = await _enrolled(osquery, applicant, now)
    except DoorwardError as error:
        if error.code not in {"osquery-secret-wrong", "osquery-crowded"}:
            raise
        identifier = message.host_identifier[:_MAX_TEXT]
        raise await refused(osquery, applicant.address, error, now, identifier) from error
    osquery.hosts.gone(record.id)
    return node_key


async def _enrolled(
    osquery: Osquery, applicant: Applicant, now: UnixSeconds
) -> tuple[str, OsqueryHost]:
    message, control = applicant.message, osquery.control
    async with control.store.transaction() as transaction:
        secret = await _secret(transaction, message.enroll_secret, now)  # 1
        identifier = message.host_identifier.strip()
        if not 0 < len(identifier) <= _MAX_TEXT:  # 2
            raise DoorwardError(
                "osquery-malformed",
                f"A host needs an identifier of at most {_MAX_TEXT} characters.",
                "Set --host_identifier=uuid.",
            )
        namesakes = await transaction.devices.osquery.hosts.of_identifier(identifier)
        alive = [host for host in namesakes if _alive(osquery, host, now)]
        quiet = [host for host in namesakes if host not in alive]
        if not quiet and len(namesakes) >= MAX_OF_ONE_NAME:  # 4
            raise DoorwardError(
                "osquery-crowded",
                f"{MAX_OF_ONE_NAME} hosts already call themselves so.",
                "Give each host a name of its own: --host_identifier=uuid.",
            )
        node_key = control.secrets.token()
        record = _record(
            applicant,
            host=_returning(quiet).id if quiet else control.secrets.id("osh"),  # 3
            key_hash=digest(node_key),
            secret=secret.id,
            duplicate=bool(alive),
            now=now,
        )
        await transaction.devices.osquery.hosts.put(record)
        await transaction.audit.append(
            at=now,
            actor="anonymous",
            act="osquery-enrolled",
            target=f"osquery_host:{record.id}",
            detail={
                "identifier": identifier,
                "state": record.state,
                "secret": secret.id,
                "address": applicant.address,
                "former_device": (_returning(quiet).device or "") if quiet else "",
            },
        )
    return node_key, record


async def _secret(transaction: Transaction, plain: str, now: UnixSeconds) -> OsquerySecret:
    found = await transaction.devices.osquery.secrets.by_hash(digest(plain)) if plain else None
    if found is None or (found.expires_at is not None and now >= found.expires_at):
        raise DoorwardError(
            "osquery-secret-wrong",
            "The enrolment secret is none, or is revoked or over.",
            "Make one with doorward osquery secret new.",
        )
    return found


def _alive(osquery: Osquery, host: OsqueryHost, now: UnixSeconds) -> bool:
    """Whether the host used its key of late. One that never did lost the answer with the key."""
    seen = osquery.hosts.seen_at(host)
    return seen is not None and now < seen + ALIVE_SECONDS


def _returning(quiet: Sequence[OsqueryHost]) -> OsqueryHost:
    """Which of the quiet ones enrols again: the one with a device, else the last to enrol."""
    return max(quiet, key=lambda host: (host.device is not None, host.enrolled_at))


def _record(
    applicant: Applicant,
    *,
    host: str,
    key_hash: str,
    secret: str,
    duplicate: bool,
    now: UnixSeconds,
) -> OsqueryHost:
    details = {name: row_of(cells) for name, cells in applicant.message.host_details.items()}
    system = details.get("system_info", {})
    version = details.get("os_version", {})
    return OsqueryHost(
        id=host,
        key_hash=key_hash,
        secret=secret,
        identifier=applicant.message.host_identifier.strip(),
        state="duplicate" if duplicate else "candidate",
        platform=platform_of(applicant.message.platform_type, version),
        name=_text(system, "hostname") or _text(system, "computer_name"),
        hardware_uuid=_text(system, "uuid"),
        hardware_serial=_text(system, "hardware_serial"),
        system=f"{_text(version, 'name')} {_text(version, 'version')}".strip()[:_MAX_TEXT],
        osquery_version=_text(details.get("osquery_info", {}), "version"),
        address=applicant.address[:_MAX_TEXT],
        enrolled_at=now,
    )


def _text(row: Mapping[str, str], name: str) -> str:
    return "".join(letter for letter in row.get(name, "") if letter.isprintable())[:_MAX_TEXT]


def platform_of(platform_type: float | str, os_version: Row) -> Platform:
    """The platform: osquery's bits of it, else what the table `os_version` calls it."""
    bits = int(number(platform_type) or 0)
    if bits & _MACOS or os_version.get("platform") == "darwin":
        return "macos"
    if bits & _WINDOWS or os_version.get("platform") == "windows":
        return "windows"
    return "linux" if bits & _LINUX else "other"
