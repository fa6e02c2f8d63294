"""Time-based one-time passwords (RFC 6238), and the QR code that enrols them."""

from __future__ import annotations

import hmac

import pyotp
import segno

from doorward.administrator.authentication import TotpEnrolment

STEP_SECONDS = 30
_DRIFT_STEPS = 1
_QUIET_ZONE = 4


class PyotpCodes:
    """Six digits, 30 s, SHA-1: what every authenticator app understands (port `TotpCodes`)."""

    def __init__(self, issuer: str) -> None:
        """`issuer` is the organisation or domain that the app shows beside the account."""
        self._issuer = issuer

    def enrolment(self, account: str) -> TotpEnrolment:
        """A new secret of 160 bits, its otpauth address, and that address as a QR code."""
        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=self._issuer)
        path, size = _qr(uri)
        return TotpEnrolment(secret, uri, path, size)

    def accepted_step(self, secret: str, code: str, now: float) -> int | None:
        """The step within one step of `now` whose code this is; every candidate is compared."""
        typed = "".join(code.split()).encode()
        current = int(now) // STEP_SECONDS
        accepted = None
        totp = pyotp.TOTP(secret)
        for step in range(current - _DRIFT_STEPS, current + _DRIFT_STEPS + 1):
            if hmac.compare_digest(totp.generate_otp(step).encode(), typed):
                accepted = step
        return accepted


def _qr(text: str) -> tuple[str, int]:
    """An SVG path that draws each dark module as a unit square, and the square's side."""
    rows = list(segno.make(text, error="m", micro=False).matrix_iter(border=_QUIET_ZONE))
    path = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark
    )
    return path, len(rows)
