"""The processes below another, and what they hold in memory (Linux)."""

from __future__ import annotations

from pathlib import Path

_PAGE_BYTES = 4096


def descendants(root: int) -> dict[int, str]:
    """Each process from `root` down that lives, with its command line."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    found, todo = {}, [root]
    while todo:
        pid = todo.pop()
        try:
            found[pid] = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        todo.extend(children.get(pid, ()))
    return found


def resident_mebibytes(pid: int) -> float:
    """The resident set of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 2**20
