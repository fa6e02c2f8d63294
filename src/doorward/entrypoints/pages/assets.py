"""The files under `/.doorward/static/`, and the versioned addresses by which pages name them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

STATIC_PATH = "/.doorward/static"
FOLDER = Path(__file__).parent / "static"


def _digests() -> dict[str, str]:
    return {
        path.relative_to(FOLDER).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file()
    }


DIGESTS: Mapping[str, str] = MappingProxyType(_digests())
"""File name below the static folder to the first 16 hex digits of its SHA-256."""


def asset(name: str) -> str:
    """The address of a static file, with its content's digest. Raises KeyError for no such file."""
    return f"{STATIC_PATH}/{name}?v={DIGESTS[name]}"
