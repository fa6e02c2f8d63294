"""What the proofing acts share: the control plane, and what the operator has set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from doorward.administrator.control_plane import ControlPlane
from doorward.model.ids import RoleId

DAY_SECONDS = 86_400


class DocumentNumbers(Protocol):
    """Turns a document's number into what may be kept of it."""

    def hash(self, kind: str, country: str, number: str) -> str:
        """The same for the same document, however it was typed; by a key outside the store."""
        ...


@dataclass(frozen=True, slots=True)
class Proofing:
    """Everything that proofing acts share.

    `organisation` stands in records and messages as who verified; a verification is good for
    `proofing_days` at the most, and is kept for `record_days` after it ended. From the level
    `second_verifier_from` on a second verifier confirms each decision; 0 for never.
    """

    control: ControlPlane
    numbers: DocumentNumbers
    organisation: str
    verifier_role: RoleId
    proofing_days: int
    record_days: int
    second_verifier_from: int = 0

    def needs_second(self, ial: int) -> bool:
        """Whether a decision on this level takes two verifiers."""
        return 0 < self.second_verifier_from <= ial
