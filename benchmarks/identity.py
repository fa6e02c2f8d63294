"""Identity at scale: `python -m benchmarks.identity`; the last line is one JSON object.

Each part measures on an installation of its own. Progress goes to standard error.
"""

from __future__ import annotations

import json

from benchmarks import directory, sign_in

PARTS = (sign_in.measure, directory.measure)
"""Each answers figures by name; all of them together are the result."""


def measure() -> dict[str, object]:
    figures: dict[str, object] = {}
    for part in PARTS:
        figures |= part()
    return figures


if __name__ == "__main__":
    print(json.dumps(measure()))
