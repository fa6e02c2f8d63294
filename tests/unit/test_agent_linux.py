from __future__ import annotations

import pytest

from doorward.agent.collectors.linux.reboot import newer_kernel
from doorward.agent.collectors.linux.updates import APT, DNF, DNF_INSTALLED
from doorward.agent.machine import Output
from doorward.agent.unknown import Unknown
from doorward.model.posture import FactName
from tests.fakes.machine import NOW, RecordedMachine, Remembered, found

DAY = 86_400


def os_release(text: str, more: dict[str, str] | None = None) -> RecordedMachine:
    return RecordedMachine({}, {"/etc/os-release": text, **(more or {})})


@pytest.mark.parametrize(
    ("text", "more", "version", "supported"),
    [
        ('ID=debian\nVERSION_ID="13"\n', {"/etc/debian_version": "13.2\n"}, "13.2", True),
        ("ID=debian\nVERSION_ID=13\n", {"/etc/debian_version": "trixie/sid\n"}, "13", True),
        ('ID=ubuntu\nVERSION_ID="20.04"\n', {}, "20.04", False),
        ('ID="rhel"\nVERSION_ID="9.6"\n', {}, "9.6", True),
        ("ID=alpine\nVERSION_ID=3.22.1\n", {}, "3.22.1", True),
        ("ID=arch\nBUILD_ID=rolling\n", {}, None, True),
        ("ID=nixos\nVERSION_ID=25.11\nSUPPORT_END=2026-06-30\n", {}, "25.11", False),
        ("ID=nixos\nVERSION_ID=26.05\nSUPPORT_END=2026-12-31\n", {}, "26.05", True),
        ("ID=homemade\nVERSION_ID=1\n", {}, "1", None),
        ("ID=debian\n", {}, None, None),
        ("# nothing\n", {}, None, None),
    ],
)
def test_the_system_is_what_os_release_says(
    text: str, more: dict[str, str], version: str | None, supported: bool | None
) -> None:
    recorded = os_release(text, more)
    assert found("linux", recorded, "os-version").value == version
    assert found("linux", recorded, "os-supported").value is supported


def test_the_name_is_that_of_os_release() -> None:
    assert found("linux", os_release("ID=debian\n"), "os-name").value == "debian"
    assert found("linux", os_release("ID=$(reboot)\n"), "os-name").value is None
    assert found("linux", RecordedMachine(), "os-name").value is None


def test_support_ends_after_its_last_day() -> None:
    recorded = os_release("ID=ubuntu\nVERSION_ID=25.10\n")
    last_day = 1_783_555_200.0  # 9 July 2026, 00:00 UTC
    assert found("linux", recorded, "os-supported", now=last_day + DAY - 1).value is True
    assert found("linux", recorded, "os-supported", now=last_day + DAY).value is False


SIMULATION = """\
Reading package lists...
Inst openssl [3.0.1-1] (3.0.2-1 Debian:12.9/stable, Debian-Security:12/stable-security [amd64])
Inst linux-image-amd64 [6.1.1] (6.1.2 Ubuntu:24.04/noble-security [amd64]) []
Inst nano [7.1] (7.2 Debian:12.9/oldstable [amd64])
Inst libnew (1.0 Debian-Security:12/oldstable-security [amd64])
Conf openssl (3.0.2-1 Debian-Security:12/oldstable-security [amd64])
"""


def debian(text: str | Output = SIMULATION, *, looked_up_at: float = NOW) -> RecordedMachine:
    lists = "/var/lib/apt/lists"
    return RecordedMachine(
        {" ".join(APT): text},
        {
            "/usr/bin/apt-get": "",
            f"{lists}/archive.example_debian-security_dists_x-security_InRelease": "",
        },
        {lists: looked_up_at},
    )


def test_apt_counts_what_comes_from_a_security_archive() -> None:
    assert found("linux", debian(), "updates-pending").value == 3
    assert found("linux", debian("Reading package lists...\n"), "updates-pending").value == 0


@pytest.mark.parametrize(
    "recorded",
    [
        debian(looked_up_at=NOW - 8 * DAY),
        debian(Output(100, "E: broken packages")),
        debian("Inst what is this\n"),
        RecordedMachine({" ".join(APT): ""}, {"/usr/bin/apt-get": ""}),
        RecordedMachine(),
    ],
    ids=["stale lists", "failed", "other output", "no security archive", "no package manager"],
)
def test_updates_that_nobody_looked_up_are_unknown(recorded: RecordedMachine) -> None:
    names: tuple[FactName, FactName] = ("updates-pending", "updates-age-days")
    for name in names:
        assert found("linux", recorded, name).value is None


def test_the_age_counts_from_the_first_sight_of_each_update() -> None:
    memory = Remembered()

    def age(text: str, days: float) -> object:
        now = NOW + days * DAY
        recorded = debian(text, looked_up_at=now)
        return found("linux", recorded, "updates-age-days", sightings=memory, now=now).value

    assert age(SIMULATION, 0) == 0
    assert age(SIMULATION, 3.9) == 3
    newer = SIMULATION.replace("3.0.2-1", "3.0.3-1").replace("libnew (1.0", "libnew (1.1")
    assert age(newer, 5) == 5  # the kernel waits still
    assert age(newer.replace("6.1.2", "6.1.3"), 6) == 1  # all that is pending was seen yesterday
    assert age("", 7) == 0
    assert age(SIMULATION, 8) == 0


def test_a_clock_set_back_makes_no_age_below_zero() -> None:
    memory = Remembered()
    memory.seen = {"openssl 3.0.2-1": NOW + 9 * DAY}
    assert found("linux", debian(), "updates-age-days", sightings=memory).value == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        (
            (
                "FEDORA-2026-1a Important/Sec. openssl-1:3.2.1-2.fc43.x86_64\n"
                "FEDORA-2026-2b Moderate/Sec.  vim-9.1-1.fc43.noarch\n"
            ),
            2,
        ),
        (
            (
                "Name           Type     Severity Package                 Issued\n"
                "RHSA-2026:0001 security Critical bash-5.2.26-3.el9.x86_64 2026-08-01 10:00:00\n"
            ),
            1,
        ),
        ("Error: no network\n", None),
    ],
)
def test_dnf_lists_security_advisories(text: str, expected: int | None) -> None:
    installed = "FEDORA-2026-0c Low/Sec. curl-8.1-1.fc43.x86_64\n"
    commands = {" ".join(DNF): text, " ".join(DNF_INSTALLED): installed}
    recorded = RecordedMachine(commands, {"/usr/bin/dnf": ""})
    assert found("linux", recorded, "updates-pending").value == expected


@pytest.mark.parametrize("installed", ["", "Name Type Severity Package Issued\n", Output(1, "")])
def test_where_dnf_knows_of_no_advisory_at_all_nothing_pending_means_nothing(
    installed: str | Output,
) -> None:
    """CentOS Stream publishes none, and a machine without a subscription sees none."""
    commands: dict[str, str | Output] = {" ".join(DNF): "", " ".join(DNF_INSTALLED): installed}
    recorded = RecordedMachine(commands, {"/usr/bin/dnf": ""})
    assert found("linux", recorded, "updates-pending").value is None
    assert found("linux", recorded, "updates-age-days").value is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n", 0),
        ("root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nadm:x:000:0::/:/bin/sh\n", 2),
        ("root:x:0:0::/root:/bin/sh\nbroken line\n", None),
        ("alice:x:1000:1000::/home/alice:/bin/sh\n", None),
        ("root:x:0:0::/root:/bin/sh\nx:y:zero:0::/:/bin/sh\n", None),
    ],
)
def test_accounts_with_roots_id_are_counted(text: str, expected: int | None) -> None:
    fact = found("linux", RecordedMachine({}, {"/etc/passwd": text}), "extra-uid0-accounts")
    assert fact.value == expected


SS = """\
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*
tcp LISTEN 0 128 [::]:22 [::]:*
tcp LISTEN 0 128 127.0.0.1:631 0.0.0.0:*
tcp LISTEN 0 128 [::1]:631 [::]:*
tcp LISTEN 0 128 [::ffff:127.0.0.1]:8005 *:*
tcp LISTEN 0 128 *:8080 *:*
udp UNCONN 0 0 192.0.2.7%eth0:68 0.0.0.0:*
udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*
"""


def test_listeners_are_those_that_the_network_reaches() -> None:
    fact = found("linux", RecordedMachine({"ss -H -t -u -l -n": SS}), "listeners")
    assert fact.value == ("tcp/22", "tcp/8080", "udp/68")


def test_without_ss_the_kernels_tables_are_read() -> None:
    head = "  sl  local_address rem_address   st\n"
    rows = "   0: 00000000:0016 00000000:0000 0A\n   1: 0100007F:0277 00000000:0000 0A\n"
    v6 = f"   0: {'0' * 32}:01BB {'0' * 32}:0000 0A\n"
    loopback = "   1: 00000000000000000000000001000000:0050 0:0 0A\n"
    files = {
        "/proc/net/tcp": head + rows + "   2: 00000000:1F90 0101A8C0:0050 01\n",
        "/proc/net/tcp6": head + v6 + loopback,
        "/proc/net/udp": head + "   0: 00000000:0044 00000000:0000 07\n",
    }
    fact = found("linux", RecordedMachine({}, files), "listeners")
    assert (fact.value, fact.method) == (("tcp/22", "tcp/443", "udp/68"), "proc")
    assert found("linux", RecordedMachine(), "listeners").value is None


def test_more_listeners_than_fit_are_unknown() -> None:
    rows = "".join(f"tcp LISTEN 0 1 0.0.0.0:{port} 0.0.0.0:*\n" for port in range(1, 400))
    assert found("linux", RecordedMachine({"ss -H -t -u -l -n": rows}), "listeners").value is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"SecureBoot": "\x06\x00\x00\x00\x01"}, True),
        ({"SecureBoot": "\x06\x00\x00\x00\x00"}, False),
        ({"SecureBoot": "\x01"}, None),
        ({"Other": ""}, None),
        ({}, None),
    ],
)
def test_secure_boot_is_what_the_firmware_says(
    files: dict[str, str], expected: bool | None
) -> None:
    folder, guid = "/sys/firmware/efi/efivars", "8be4df61-93ca-11d2-aa0d-00e098032b8c"
    recorded = RecordedMachine(
        {}, {f"{folder}/{name}-{guid}": text for name, text in files.items()}
    )
    assert found("linux", recorded, "secure-boot").value is expected


@pytest.mark.parametrize(
    ("commands", "files", "expected"),
    [
        ({}, ["/run/reboot-required"], True),
        ({"needs-restarting --reboothint": Output(1, "Reboot is required")}, [], True),
        ({"needs-restarting --reboothint": Output(0, "")}, [], False),
        ({"uname -r": "6.1.0-9-amd64\n"}, ["/boot/vmlinuz-6.1.0-10-amd64"], None),
        (
            {"uname -r": "6.1.0-9-amd64\n"},
            ["/boot/vmlinuz-6.1.0-10-amd64", "/boot/vmlinuz-6.1.0-9-amd64"],
            True,
        ),
        ({"uname -r": "6.1.0-9-amd64\n"}, ["/boot/vmlinuz-6.1.0-9-amd64"], False),
        ({"uname -r": "6.1.0-9-amd64\n"}, [], None),
        ({}, [], None),
    ],
)
def test_a_restart_is_needed_for_what_is_installed_and_does_not_run(
    commands: dict[str, str | Output], files: list[str], expected: bool | None
) -> None:
    recorded = RecordedMachine(commands, dict.fromkeys(files, ""))
    assert found("linux", recorded, "reboot-needed").value is expected


def test_kernels_of_one_flavour_are_compared() -> None:
    installed = ["6.1.0-9-amd64", "6.5.0-1-rt-amd64"]
    assert newer_kernel("6.1.0-9-amd64", installed) is False
    fedora = ["6.16.3-200.fc42.x86_64", "6.17.1-300.fc43.x86_64"]
    assert newer_kernel("6.16.3-200.fc42.x86_64", fedora) is True
    assert isinstance(newer_kernel("; reboot", installed), Unknown)


def test_what_was_asked_once_is_not_asked_again() -> None:
    from doorward.agent.collectors.collect import collect
    from doorward.agent.collectors.tables import LINUX

    recorded = debian()
    collect(LINUX, recorded, Remembered(), NOW)
    assert recorded.asked.count(" ".join(APT)) == 1


def test_a_defect_in_one_collector_costs_its_fact_alone() -> None:
    from doorward.agent.collectors.collect import collect
    from doorward.agent.collectors.finding import Finding, Scene
    from doorward.agent.collectors.tables import LINUX

    def broken(scene: Scene) -> Finding:
        raise ZeroDivisionError

    table = {**LINUX, "firewall": broken, "os-name": lambda _: Finding("x", answer=7)}
    facts = collect(table, RecordedMachine(), Remembered(), NOW)
    assert facts["firewall"].value is None
    assert "ZeroDivisionError" in facts["firewall"].why
    assert facts["os-name"].value is None
    assert facts["agent-version"].value is not None
