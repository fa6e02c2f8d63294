"""Finding what an act is about, with an error that says what is missing."""

from __future__ import annotations

from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.estate import User
from doorward.model.identity import Standing
from doorward.model.ids import DeviceId, UserId

MAX_RISK = 100


async def user_named(transaction: Transaction, user: UserId) -> User:
    """Raises DoorwardError `user-unknown`."""
    found = await transaction.snapshot.get("user", user)
    if not isinstance(found, User):
        raise DoorwardError(
            "user-unknown", f"There is no person `{user}`.", "List them with doorward user list."
        )
    return found


async def standing_of(transaction: Transaction, user: UserId) -> Standing:
    """What signals say of a person until now."""
    found = await transaction.snapshot.get("standing", user)
    return found if isinstance(found, Standing) else Standing(id=user)


async def device_named(transaction: Transaction, device: DeviceId) -> Device:
    """Raises DoorwardError `device-unknown`."""
    found = await transaction.snapshot.get("device", device)
    if not isinstance(found, Device):
        raise DoorwardError(
            "device-unknown",
            f"There is no device `{device}`.",
            "List them with doorward device list.",
        )
    return found


def require_risk(risk: int) -> None:
    """Raises DoorwardError `risk-out-of-range`."""
    if not 0 <= risk <= MAX_RISK:
        raise DoorwardError(
            "risk-out-of-range", f"Risk {risk} is not between 0 and 100.", "Give a whole number."
        )
