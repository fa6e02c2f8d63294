"""Chromium's managed policy by which it presents the device's certificate without asking."""

from __future__ import annotations

import json
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from doorward.agent.files import read_bytes
from doorward.agent.state import StateFolder
from doorward.errors import DoorwardError


def browser_policy(folder: StateFolder) -> dict[str, Any]:
    """AutoSelectCertificateForUrls for the domain, and no other site.

    Raises `agent-not-enrolled`, `agent-uncertified`.
    """
    state = folder.state()
    data = read_bytes(folder.authority)
    if data is None:
        raise DoorwardError(
            "agent-uncertified",
            "This device has no certificate yet.",
            "Run the agent once: doorward agent report.",
        )
    issuer = x509.load_pem_x509_certificate(data).subject
    name = issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    rule = {
        "pattern": f"https://[*.]{state.trust_domain}",
        "filter": {"ISSUER": {"CN": str(name)}},
    }
    return {"AutoSelectCertificateForUrls": [json.dumps(rule)]}
