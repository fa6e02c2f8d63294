"""The API's description, compared with what was agreed: `/api/v1` may only be added to.

After a wanted change: `python -m tests.golden.test_openapi` writes the file anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from doorward.entrypoints.api.app import api
from doorward.entrypoints.api.context import Context

GOLDEN = Path(__file__).with_name("openapi.json")


def description() -> str:
    described: dict[str, Any] = api(cast("Context", None)).openapi()
    described["info"]["version"] = "0"
    return json.dumps(described, indent=1, sort_keys=True) + "\n"


def test_the_description_is_as_agreed() -> None:
    assert description() == GOLDEN.read_text("utf-8"), (
        "The API's description changed. If that is wanted, and nothing was taken away: "
        "python -m tests.golden.test_openapi"
    )


if __name__ == "__main__":
    GOLDEN.write_text(description(), "utf-8")
