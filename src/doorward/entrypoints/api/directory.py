"""The directory: whom other systems provision. They write it by SCIM, at a host of its own."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from doorward.administrator.directory.entries import Summary
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import View

router = APIRouter(prefix="/directory", tags=["directory"])


class DirectoryView(View):
    """How many there are, and the last change: when, and by whom. None where there was none."""

    people: int
    inactive: int
    groups: int
    changed: datetime | None
    changed_by: str


@router.get("")
async def show_directory(ports: Ports, _: Caller) -> DirectoryView:
    """How much other systems provision, and who changed it last."""
    return directory_view(await ports.directory.summary())


def directory_view(summary: Summary) -> DirectoryView:
    """The summary as it is answered."""
    return DirectoryView.model_validate(
        {
            "people": summary.people,
            "inactive": summary.inactive,
            "groups": summary.groups,
            "changed": summary.changed or None,
            "changed_by": summary.changed_by,
        }
    )
