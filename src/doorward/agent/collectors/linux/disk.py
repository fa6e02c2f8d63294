"""disk-encrypted: whether all that this machine writes to its disks is encrypted.

Every file system that is mounted to be written to, and every swap area, must lie on a dm-crypt
device, however many layers (LVM, RAID) are between. `/boot` and the EFI partition are exempt:
firmware and boot loader read them. Encryption by the drive itself does not count, for it cannot
be seen from here. A root that no disk of this machine holds (a container's) is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from doorward.agent.collectors.finding import Finding, Scene, ask
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown

METHOD: Final = "lsblk"
LSBLK: Final = ("lsblk", "--json", "--tree", "-o", "NAME,KNAME,PATH,TYPE,UUID")
OWN_ID: Final = ("id", "-u")
_EXEMPT: Final = frozenset({"/boot", "/boot/efi", "/efi"})
_CRYPT: Final = re.compile(r"CRYPT-(LUKS1|LUKS2|PLAIN|TCRYPT|LOOPAES|BITLK|FVAULT2)-")
_TOLD_BY: Final = {"crypt": "dm/uuid", "loop": "loop/backing_file"}
_MAX_DEPTH: Final = 32


class _Node(msgspec.Struct):
    kname: str
    path: str
    type: str
    uuid: str | None = None
    children: list[_Node] = msgspec.field(default_factory=list)


class _Lsblk(msgspec.Struct):
    blockdevices: list[_Node]


@dataclass(slots=True)
class Disks:
    """Block devices by kernel name: what each lies on, its type and file system's UUID."""

    by_path: dict[str, str] = field(default_factory=dict)
    parents: dict[str, set[str]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    uuids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/mounts."""

    source: str
    target: str
    type: str
    writable: bool


def disk_encrypted(scene: Scene) -> Finding:
    """Finding from lsblk, /proc/1/mounts, /proc/swaps and the names that device-mapper gives."""
    machine = scene.machine
    texts = [_mounts(machine), machine.read("/proc/swaps"), machine.read("/proc/filesystems")]
    disks = ask(machine, LSBLK, parse_lsblk)
    if isinstance(disks, Unknown):
        return Finding(METHOD, disks)
    for text in texts:
        if isinstance(text, Unknown):
            return Finding(METHOD, text)
    mounts, swaps, filesystems = (str(text) for text in texts)
    mapped = {
        name: machine.read(f"/sys/class/block/{name}/{_TOLD_BY[kind]}")
        for name, kind in disks.types.items()
        if kind in _TOLD_BY
    }
    return Finding(METHOD, judge(parse_mounts(mounts), swaps, filesystems, disks, mapped))


def _mounts(machine: Machine) -> str | Unknown:
    """What is mounted on the machine, and not what a sandbox shows the agent of it.

    A unit with ProtectHome or ProtectSystem sees fewer mounts, or all of them read-only: it would
    pass by what it does not see. Only root can read those of the first process.
    """
    text = machine.read("/proc/1/mounts")
    if not isinstance(text, Unknown) or ask(machine, OWN_ID, str.strip) == "0":
        return text
    return machine.read("/proc/mounts")


def parse_lsblk(text: str) -> Disks | Unknown:
    """The tree that `lsblk --json --tree` prints."""
    try:
        tree = msgspec.json.decode(text, type=_Lsblk)
    except (msgspec.MsgspecError, RecursionError):
        return Unknown("What lsblk printed is not understood.")
    disks = Disks()
    for root in tree.blockdevices:
        if not _gather(root, None, disks, 0):
            return Unknown("Disks are nested deeper than can be followed.")
    return disks


def _gather(node: _Node, parent: str | None, disks: Disks, depth: int) -> bool:
    disks.by_path[node.path] = disks.by_path[f"/dev/{node.kname}"] = node.kname
    disks.types[node.kname] = node.type
    if node.uuid:
        disks.uuids[node.kname] = node.uuid
    above = disks.parents.setdefault(node.kname, set())
    if parent is not None:
        above.add(parent)
    return depth < _MAX_DEPTH and all(
        _gather(child, node.kname, disks, depth + 1) for child in node.children
    )


def parse_mounts(text: str) -> list[Mount]:
    """The file systems of /proc/mounts (fstab(5)); lines that are none are left out."""
    fields = [line.split() for line in text.splitlines()]
    return [
        Mount(_unescaped(words[0]), _unescaped(words[1]), words[2], "rw" in words[3].split(","))
        for words in fields
        if len(words) > 3  # noqa: PLR2004
    ]


def judge(
    mounts: Sequence[Mount],
    swaps: str,
    filesystems: str,
    disks: Disks,
    mapped: Mapping[str, str | Unknown],
) -> bool | Unknown:
    """Whether all data is encrypted.

    `mapped` are the device-mapper UUIDs of crypt devices, and the files below loop devices.
    """
    lines = [line.split() for line in filesystems.splitlines()]
    held_elsewhere = {words[1] for words in lines if len(words) > 1 and words[0] == "nodev"}
    root = [mount for mount in mounts if mount.target == "/"]
    if not root:
        return Unknown("What is mounted at / is not known.")
    if _elsewhere(root[-1], held_elsewhere) and root[-1].writable:
        return Unknown(f"The root is a {root[-1].type}: what holds it cannot be seen from here.")
    answers: list[bool | Unknown] = []
    for mount in mounts:
        if mount.type == "zfs":
            answers.append(Unknown("The encryption of ZFS is not looked into."))
        elif (
            mount.writable and mount.target not in _EXEMPT and not _elsewhere(mount, held_elsewhere)
        ):
            answers.append(_data_encrypted(mount, disks, mapped))
    answers += [_swap_encrypted(line.split(), disks, mapped) for line in swaps.splitlines()[1:]]
    if False in answers:
        return False
    unknown = [answer for answer in answers if isinstance(answer, Unknown)]
    if unknown:
        return unknown[0]
    return bool(answers) or Unknown("No disk that holds data was found.")


def _elsewhere(mount: Mount, held_elsewhere: set[str]) -> bool:
    """Whether no block device is under it: in memory, from the network, on top of another."""
    return mount.type.partition(".")[0] in held_elsewhere or mount.type == "overlay"


def _data_encrypted(
    mount: Mount, disks: Disks, mapped: Mapping[str, str | Unknown]
) -> bool | Unknown:
    name = disks.by_path.get(mount.source)
    if name is None:
        return Unknown(f"The disk below {mount.target} is not known.")
    if mount.type != "btrfs":
        return _encrypted(name, disks, mapped, 0)
    # A btrfs spans devices, and its mount names one of them: the UUID finds the others.
    uuid = disks.uuids.get(name)
    if uuid is None:
        return Unknown(f"The disks below {mount.target} are not known.")
    spanned = [other for other, theirs in disks.uuids.items() if theirs == uuid]
    return _all([_encrypted(other, disks, mapped, 0) for other in spanned])


def _swap_encrypted(
    words: list[str], disks: Disks, mapped: Mapping[str, str | Unknown]
) -> bool | Unknown:
    """A line of /proc/swaps. A file counts with its file system, zram is memory."""
    if len(words) < 2:  # noqa: PLR2004
        return Unknown("A line of /proc/swaps is not understood.")
    name = disks.by_path.get(words[0])
    if words[1] == "file" or (name or words[0]).removeprefix("/dev/").startswith("zram"):
        return True
    if name is None:
        return Unknown("The disk below a swap area is not known.")
    return _encrypted(name, disks, mapped, 0)


def _encrypted(
    name: str, disks: Disks, mapped: Mapping[str, str | Unknown], depth: int
) -> bool | Unknown:
    """Whether a device is dm-crypt, or lies on nothing else.

    lsblk calls dm-verity and dm-integrity `crypt` as well, which encrypt nothing; only the UUID
    tells them apart. A loop device is a file, which counts with its file system, or a disk.
    """
    if depth > _MAX_DEPTH:
        return Unknown("Disks are nested deeper than can be followed.")
    if disks.types.get(name) == "loop":
        file = mapped.get(name, Unknown(f"What {name} lies on is not known."))
        if isinstance(file, Unknown):
            return file
        return not file.startswith("/dev/") or Unknown(f"What {file.strip()} holds is not known.")
    if disks.types.get(name) == "crypt":
        uuid = mapped.get(name, Unknown(f"How {name} is encrypted is not known."))
        if isinstance(uuid, Unknown):
            return uuid
        if _CRYPT.match(uuid):
            return True
    above = sorted(disks.parents.get(name, ()))
    return bool(above) and _all([_encrypted(item, disks, mapped, depth + 1) for item in above])


def _all(answers: Sequence[bool | Unknown]) -> bool | Unknown:
    if False in answers:
        return False
    return next((answer for answer in answers if isinstance(answer, Unknown)), True)


def _unescaped(word: str) -> str:
    r"""A field of /proc/mounts without its octal escapes: `\040` is a space."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word)
