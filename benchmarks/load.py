"""A steady load: RATE requests a second over CONNECTIONS sessions, until standard input ends.

Usage: python -m benchmarks.load PORT HOST FIRST_SESSION CONNECTIONS RATE
Prints one JSON object with what was sent and answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

from benchmarks.client import Client
from benchmarks.installation import cookie


async def main(port: int, host: str, first: int, connections: int, rate: float) -> None:
    """Drive it."""
    statuses: Counter[int] = Counter()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    pause = connections / rate

    async def session(number: int) -> None:
        client = Client(port, host, cookie(first + number))
        due = time.monotonic() + pause * number / connections
        while not stop.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += pause
            statuses[await client.get()] += 1

    began = time.monotonic()
    await asyncio.gather(*(session(number) for number in range(connections)))
    seconds = time.monotonic() - began
    total = sum(statuses.values())
    print(json.dumps({"requests_per_second": round(total / seconds), "statuses": dict(statuses)}))


if __name__ == "__main__":
    port_, host_, first_, connections_, rate_ = sys.argv[1:]
    asyncio.run(main(int(port_), host_, int(first_), int(connections_), float(rate_)))
