from __future__ import annotations

import json
from typing import Any

import pytest

from doorward.agent.collectors.linux.disk import LSBLK
from tests.fakes.machine import RecordedMachine, found

FILESYSTEMS = (
    "nodev\tproc\nnodev\ttmpfs\nnodev\toverlay\nnodev\tnfs4\nnodev\tfuse\n\text4\n\tbtrfs\n"
)
LUKS = "CRYPT-LUKS2-6b1d-root\n"


def node(name: str, kind: str, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    path = f"/dev/mapper/{name}" if kind in {"crypt", "lvm"} else f"/dev/{name}"
    return {"name": name, "kname": name, "path": path, "type": kind, "uuid": None} | {
        "children": list(children),
        **more,
    }


def machine(
    mounts: str, *disks: dict[str, Any], swaps: str = "", mapped: dict[str, str] | None = None
) -> RecordedMachine:
    files = {
        "/proc/1/mounts": mounts,
        "/proc/mounts": "/dev/mapper/dm-1 / ext4 ro 0 0\n",
        "/proc/swaps": f"Filename\tType\tSize\tUsed\tPriority\n{swaps}",
        "/proc/filesystems": FILESYSTEMS,
    }
    for name, uuid in (mapped or {}).items():
        files[f"/sys/class/block/{name}/dm/uuid"] = uuid
    lsblk = json.dumps({"blockdevices": disks})
    return RecordedMachine({" ".join(LSBLK): lsblk}, files)


def encrypted(recorded: RecordedMachine) -> Any:
    return found("linux", recorded, "disk-encrypted").value


LAPTOP = node(
    "sda",
    "disk",
    node("sda1", "part"),
    node("sda2", "part", node("dm-0", "crypt", node("dm-1", "lvm"), node("dm-2", "lvm"))),
)
LAPTOP_MOUNTS = (
    "/dev/mapper/dm-1 / ext4 rw,relatime 0 0\n"
    "/dev/sda1 /boot ext4 rw 0 0\n"
    "tmpfs /run tmpfs rw 0 0\n"
    "server:/home /mnt/home nfs4 rw 0 0\n"
)


def test_all_data_below_luks_is_encrypted() -> None:
    swap = "/dev/dm-2 partition 1 0 -2\n"
    assert encrypted(machine(LAPTOP_MOUNTS, LAPTOP, swaps=swap, mapped={"dm-0": LUKS})) is True


@pytest.mark.parametrize(
    ("mounts", "swaps"),
    [
        ("/dev/sdb1 /data ext4 rw 0 0\n", ""),
        ("/dev/sdb1 /media/my\\040disk ext4 rw 0 0\n", ""),
        ("", "/dev/sdb1 partition 1 0 -2\n"),
    ],
    ids=["data", "a name with a space", "swap"],
)
def test_one_plain_partition_is_enough_to_fail(mounts: str, swaps: str) -> None:
    plain = node("sdb", "disk", node("sdb1", "part"))
    recorded = machine(LAPTOP_MOUNTS + mounts, LAPTOP, plain, swaps=swaps, mapped={"dm-0": LUKS})
    assert encrypted(recorded) is False


@pytest.mark.parametrize("uuid", ["CRYPT-VERITY-ab-root", "CRYPT-INTEGRITY-ab-root", "LVM-ab"])
def test_what_lsblk_calls_crypt_may_encrypt_nothing(uuid: str) -> None:
    assert encrypted(machine(LAPTOP_MOUNTS, LAPTOP, mapped={"dm-0": uuid})) is False


def test_a_volume_over_two_disks_needs_both_encrypted() -> None:
    volume = node("dm-9", "lvm")
    mounts = "/dev/mapper/dm-9 / ext4 rw 0 0\n"
    both = node("sda", "disk", node("dm-0", "crypt", volume))
    other = node("sdb", "disk", volume)
    assert encrypted(machine(mounts, both, other, mapped={"dm-0": LUKS})) is False
    sealed = node("sdb", "disk", node("dm-3", "crypt", volume))
    assert encrypted(machine(mounts, both, sealed, mapped={"dm-0": LUKS, "dm-3": LUKS})) is True


def test_a_btrfs_needs_every_device_of_it_encrypted() -> None:
    mounts = "/dev/mapper/dm-0 / btrfs rw,subvol=/@ 0 0\n"
    first = node("sda", "disk", node("dm-0", "crypt", uuid="one"))
    second = node("sdb", "disk", uuid="one")
    assert encrypted(machine(mounts, first, second, mapped={"dm-0": LUKS})) is False
    assert encrypted(machine(mounts, first, mapped={"dm-0": LUKS})) is True
    unnamed = node("sda", "disk", node("dm-0", "crypt"))
    assert encrypted(machine(mounts, unnamed, mapped={"dm-0": LUKS})) is None


def test_swap_in_memory_and_in_a_file_count_with_what_holds_them() -> None:
    swaps = "/dev/zram0 partition 1 0 5\n/swapfile file 1 0 -2\n"
    recorded = machine(LAPTOP_MOUNTS, LAPTOP, node("zram0", "disk"), swaps=swaps)
    recorded.files["/sys/class/block/dm-0/dm/uuid"] = LUKS
    assert encrypted(recorded) is True


@pytest.mark.parametrize(
    ("mounts", "why"),
    [
        ("overlay / overlay rw 0 0\n", "overlay"),
        ("tmpfs / tmpfs rw 0 0\n/dev/sda2 /data ext4 ro 0 0\n", "tmpfs"),
        ("/dev/root / ext4 rw 0 0\n", "not known"),
        ("rpool / zfs rw 0 0\n", "ZFS"),
        ("", "not known"),
        ("/dev/mapper/dm-1 / ext4 ro 0 0\n", "No disk"),
    ],
)
def test_what_cannot_be_seen_is_unknown(mounts: str, why: str) -> None:
    fact = found("linux", machine(mounts, LAPTOP, mapped={"dm-0": LUKS}), "disk-encrypted")
    assert fact.value is None
    assert why in fact.why


def test_a_crypt_device_without_a_name_is_unknown() -> None:
    assert encrypted(machine(LAPTOP_MOUNTS, LAPTOP)) is None


def test_no_lsblk_and_other_output_are_unknown() -> None:
    recorded = machine(LAPTOP_MOUNTS, LAPTOP)
    recorded.commands = {}
    assert encrypted(recorded) is None
    recorded.commands = {" ".join(LSBLK): "lsblk: not today"}
    assert encrypted(recorded) is None


def test_a_sandbox_hides_no_disk_from_root() -> None:
    plain = node("sdb", "disk", node("sdb1", "part"))
    recorded = machine(f"{LAPTOP_MOUNTS}/dev/sdb1 /home ext4 rw 0 0\n", LAPTOP, plain)
    recorded.files["/sys/class/block/dm-0/dm/uuid"] = LUKS
    recorded.files["/proc/mounts"] = LAPTOP_MOUNTS
    assert encrypted(recorded) is False
    del recorded.files["/proc/1/mounts"]
    recorded.commands["id -u"] = "0\n"
    assert encrypted(recorded) is None
    recorded.commands["id -u"] = "1000\n"
    assert encrypted(recorded) is True


@pytest.mark.parametrize(
    ("below", "expected"), [("/home/alice/vault.img\n", True), ("/dev/sdb1\n", None), ("", None)]
)
def test_a_loop_device_counts_with_the_file_system_of_its_file(
    below: str, expected: bool | None
) -> None:
    mounts = f"{LAPTOP_MOUNTS}/dev/loop0 /mnt/vault ext4 rw 0 0\n"
    recorded = machine(mounts, LAPTOP, node("loop0", "loop"), mapped={"dm-0": LUKS})
    if below:
        recorded.files["/sys/class/block/loop0/loop/backing_file"] = below
    assert encrypted(recorded) is expected
