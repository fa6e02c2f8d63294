"""What the API is asked to do: the bodies that several routes share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Risk = Annotated[int, Field(ge=0, le=100)]
Reason = Annotated[str, Field(max_length=500)]


class Body(BaseModel):
    """A request's body: nothing that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReasonBody(Body):
    """Why, for the audit log."""

    reason: Reason = ""


class RiskBody(ReasonBody):
    """A risk signal: 0 (none) to 100."""

    risk: Risk
