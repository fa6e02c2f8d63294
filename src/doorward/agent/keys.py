"""The enrolled key of a device, as a port: whoever keeps it signs, and nobody reads it."""

from __future__ import annotations

from typing import Literal, Protocol

from doorward.protocol.agent import Quote, TpmChallenge, TpmEvidence

Storage = Literal["software", "tpm"]


class DeviceKey(Protocol):
    """A key on P-256 that never changes while the device is enrolled."""

    @property
    def storage(self) -> Storage:
        """Where the private key is kept."""
        ...

    @property
    def public_der(self) -> bytes:
        """The public key, SPKI in DER."""
        ...

    def sign(self, message: bytes) -> bytes:
        """An ECDSA signature over SHA-256 of `message`, in DER; `tpm-failed` if a TPM refuses."""
        ...


class TpmDeviceKey(DeviceKey, Protocol):
    """A key that a TPM keeps, with what the TPM can say of it."""

    def evidence(self) -> TpmEvidence:
        """What an enrolment sends along."""
        ...

    def activate(self, challenge: TpmChallenge) -> bytes:
        """What the TPM finds in the credential (TPM2_ActivateCredential)."""
        ...

    def quote(self, data: bytes) -> Quote:
        """A quote of the measured boot with `data` as extraData."""
        ...
