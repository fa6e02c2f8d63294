"""The setting reaches the parts: what the control process is composed of looks passwords up."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from doorward.bootstrap import compose
from doorward.config import DataFolder, load_control
from doorward.entrypoints.cli.init import initialise
from doorward.errors import DoorwardError


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    found = DataFolder(tmp_path / "data")
    initialise(found, domain="doorward.localhost", port=9000, organisation="Example")
    return found


async def test_what_control_is_composed_of_looks_passwords_up(
    data: DataFolder, tmp_path: Path
) -> None:
    path, settings = tmp_path / "list.txt", load_control(data.settings)
    leaked = hashlib.sha1(b"stolen", usedforsecurity=False).hexdigest().upper()
    path.write_text(f"{leaked}:3\n")
    for listed, holds in (("", False), (str(path), True)):
        parts = compose(data, msgspec.structs.replace(settings, password_blocklist=listed))
        try:
            assert parts.authenticators.leaked.holds("stolen") == holds
            assert parts.federation.authenticators is parts.authenticators
        finally:
            await parts.store.close()
    path.write_text("stolen\n")
    with pytest.raises(DoorwardError, match="password-blocklist-invalid"):
        compose(data, msgspec.structs.replace(settings, password_blocklist=str(path)))
