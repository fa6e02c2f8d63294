"""What requests that change something hold and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from doorward.administrator.control_plane import Effect
from doorward.entrypoints.api.views import EffectView, View

ReasonText = Annotated[str, Field(max_length=500)]


class Because(View):
    """Why, for the audit log."""

    reason: ReasonText = ""


class RiskSignal(Because):
    """A risk from 0 to 100."""

    risk: Annotated[int, Field(ge=0, le=100)]


def effect_view(effect: Effect) -> EffectView:
    """The answer to an act."""
    return EffectView(number=effect.number, enforced=effect.enforced)
