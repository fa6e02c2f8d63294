"""Whose message it is: the host that holds the node key.

A node key is looked up by its SHA-256, so how long that takes tells nothing of another key. A
wrong one is counted and told to the audit log; osqueryd then enrols again.
"""

from __future__ import annotations

import hmac

from doorward.administrator.authentication import digest
from doorward.administrator.osquery.hosts import KnownHost
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.osquery.refusals import refused
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds


async def host_with_key(
    osquery: Osquery, *, in_body: str, in_header: str, address: str, now: UnixSeconds
) -> KnownHost:
    """The host. Both places may hold the key; where both do, they hold the same.

    Raises DoorwardError `osquery-node-unknown`.
    """
    key = in_header or in_body
    agree = not (in_body and in_header) or hmac.compare_digest(in_body.encode(), in_header.encode())
    known = None
    if key and agree:
        known = await osquery.hosts.by_key(osquery.control.store, digest(key))
    if known is None:
        error = DoorwardError(
            "osquery-node-unknown",
            "No host has this node key.",
            "osqueryd enrols again by itself.",
        )
        raise await refused(osquery, address, error, now)
    osquery.hosts.heard(known, now)
    return known
