"""A process that commits until it is killed, and says what it has committed.

`python -m tests.contract.writer URL HEAD_FILE` prints one snapshot number a line, each only after
its transaction (a document and an audit entry) was committed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from doorward.adapters.audit_head import SignedAuditHead
from doorward.adapters.store import open_store
from doorward.model.estate import Group
from doorward.model.ids import GroupId
from doorward.model.snapshot import change

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


async def write(url: str, head_file: Path) -> None:
    store = open_store(url, SignedAuditHead(head_file, KEY))
    while True:
        async with store.transaction() as transaction:
            next_number = await transaction.snapshot.publish([]) + 1
            group = Group(id=GroupId(f"g{next_number}"), name="x")
            number = await transaction.snapshot.publish([change("group", group)])
            await transaction.audit.append(
                at=float(number), actor="system", act="written", target=group.id, detail={}
            )
        print(number, flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], Path(sys.argv[2])))
