"""The wheel holds all that the checkout runs with: `pip install` gives the same doorward."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.source_tree import SOURCE
from tests.tools import PROJECT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*build, str(folder)], cwd=PROJECT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    expected = {
        f"doorward/{path.relative_to(SOURCE)}"
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    missing = expected - set(zipfile.ZipFile(wheel).namelist())
    assert not missing, f"{sorted(missing)} would be missing after `pip install`: see .gitignore"


def test_the_wheel_names_no_machine(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        named = [name for name in archive.namelist() if str(PROJECT).encode() in archive.read(name)]
    assert not named
