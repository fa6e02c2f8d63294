"""Evidence or a quote that does not hold."""

from __future__ import annotations

from doorward.errors import DoorwardError


class AttestationRefusedError(DoorwardError):
    """A TPM's statement proves nothing; `detail` says which rule it breaks."""

    def __init__(
        self, detail: str, remedy: str = "Enrol again with the agent's newest version."
    ) -> None:
        super().__init__("attestation-refused", detail, remedy)


def require(holds: object, otherwise: str) -> None:
    """Raises AttestationRefusedError, which says `otherwise`, where the condition is not met."""
    if not holds:
        raise AttestationRefusedError(otherwise)
