"""Envoy's typed configuration: the wrapper that names a message's type."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_PREFIX = "type.googleapis.com/envoy."


def typed(message: str, **fields: Any) -> Json:  # noqa: ANN401 - JSON values
    """`fields` as the message `envoy.MESSAGE`."""
    return {"@type": _PREFIX + message, **fields}


def extension(name: str, message: str, **fields: Any) -> Json:  # noqa: ANN401 - JSON values
    """A named extension of type `envoy.MESSAGE`."""
    return {"name": name, "typed_config": typed(message, **fields)}
