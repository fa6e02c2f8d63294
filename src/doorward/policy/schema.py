"""The Cedar schema that every policy, entity and request is held against."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import cedarpy

SCHEMA_TEXT: Final = (files(__package__) / "schema.cedarschema").read_text(encoding="utf-8")
SCHEMA: Final = cedarpy.Schema.from_str(SCHEMA_TEXT)
