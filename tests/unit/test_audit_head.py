from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from doorward.adapters.audit_head import SignedAuditHead
from doorward.administrator.ports import AuditHead
from doorward.errors import DoorwardError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
HEAD = AuditHead(seq=7, hash="a" * 64)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    heads = SignedAuditHead(tmp_path / "head.json", KEY)
    assert await heads.read() is None
    await heads.record(HEAD)
    later = AuditHead(seq=8, hash="b" * 64)
    await heads.record(later)
    assert await heads.read() == later
    assert modes(tmp_path) == {"head.json": 0o600}


@pytest.mark.parametrize("forged", [b"", b"{}", b"null", b"\xff"])
async def test_what_is_no_head_is_refused(tmp_path: Path, forged: bytes) -> None:
    (tmp_path / "head.json").write_bytes(forged)
    with pytest.raises(DoorwardError, match="audit-head-invalid"):
        await SignedAuditHead(tmp_path / "head.json", KEY).read()


async def test_a_changed_head_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    heads = SignedAuditHead(file, KEY)
    await heads.record(HEAD)
    file.write_bytes(file.read_bytes().replace(b'"seq":7', b'"seq":6'))
    with pytest.raises(DoorwardError, match="audit-head-invalid"):
        await heads.read()


async def test_a_head_of_another_key_is_refused(tmp_path: Path) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
    await SignedAuditHead(tmp_path / "head.json", other).record(HEAD)
    with pytest.raises(DoorwardError, match="audit-head-invalid"):
        await SignedAuditHead(tmp_path / "head.json", KEY).read()


async def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DoorwardError, match="audit-head-unwritten"):
        await SignedAuditHead(tmp_path / "nowhere" / "head.json", KEY).record(HEAD)
