from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from tests.tools import PROJECT

LOCKS = ("runtime.txt", "dev.txt")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z,]+\])?==\S+", re.MULTILINE)


def project() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", item, maxsplit=1)[0].lower() for item in requirements}


def runtime() -> set[str]:
    table = project()["project"]
    extras = [item for extra in table["optional-dependencies"].values() for item in extra]
    return names(table["dependencies"] + extras)


def development() -> set[str]:
    return names([item for group in project()["dependency-groups"].values() for item in group])


def lock(name: str) -> str:
    return (PROJECT / "requirements" / name).read_text("utf-8")


def pins(name: str) -> dict[str, str]:
    return {match[1]: match[0] for match in PIN.finditer(lock(name))}


def test_the_lock_holds_what_the_project_declares() -> None:
    missing = (runtime() - pins("runtime.txt").keys()) | (
        (runtime() | development()) - pins("dev.txt").keys()
    )
    assert not missing, f"{sorted(missing)} not in requirements/: run `make lock` and commit it."


def test_both_locks_hold_the_same_versions() -> None:
    runtime_pins, dev_pins = pins("runtime.txt"), pins("dev.txt")
    apart = {name for name in runtime_pins if dev_pins.get(name) != runtime_pins[name]}
    assert not apart, f"{sorted(apart)} differ between the locks: run `make lock` and commit it."


def test_everything_locked_has_a_hash() -> None:
    for name in LOCKS:
        requirements = re.split(r"\n(?=[a-z])", lock(name))
        bare = [
            item.splitlines()[0]
            for item in requirements
            if PIN.match(item) and "--hash=sha256:" not in item
        ]
        assert not bare, f"{bare} in {name} could be replaced on the way without anyone noticing"


def test_the_lock_names_no_host_and_no_path() -> None:
    for name in LOCKS:
        found = re.findall(r"\S*(?:://|--index|--find-links|file:|@ ).*", lock(name))
        assert not found, f"{name} is tied to one network or machine: {found}"


def test_every_dependency_has_its_reason() -> None:
    page = (PROJECT / "docs/adr/0005-dependencies.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `([\w.-]+)` \|", page, re.MULTILINE))
    declared = runtime() | development()
    assert declared == explained, (
        f"without a line in docs/adr/0005-dependencies.md: {sorted(declared - explained)}; "
        f"with a line and no longer used: {sorted(explained - declared)}"
    )


def test_the_lock_of_node_packages_names_no_host_and_has_hashes() -> None:
    folder = PROJECT / "tests" / "integration" / "node"
    text = (folder / "package-lock.json").read_text("utf-8")
    assert "://" not in text, "run `make lock` and commit it: it takes the addresses out"
    packages = json.loads(text)["packages"]
    bare = [name for name, item in packages.items() if name and "integrity" not in item]
    assert not bare, f"{bare} could be replaced on the way without anyone noticing"
    declared = json.loads((folder / "package.json").read_text("utf-8"))["devDependencies"]
    assert packages[""]["devDependencies"] == declared
