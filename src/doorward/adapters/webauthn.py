"""WebAuthn level 2 through the `webauthn` library (port `RelyingParty`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import webauthn
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from doorward.adapters.attestation import AttestationRoots
from doorward.administrator.authentication import (
    NewCredential,
    PasskeyRejectedError,
    PasskeyUse,
    UnverifiedCredential,
)
from doorward.administrator.ports import Passkey
from doorward.model.estate import User

_TIMEOUT_MS = 120_000
_LONGEST_WHY = 200
_LONGEST_ID = 1023  # bytes; WebAuthn level 3, 7.1 step 25


class WebAuthnRelyingParty:
    """Passkeys of one relying party: discoverable, user verification required.

    `rp_id` is the sign-in host, so that no application beside it can ask for its passkeys;
    `origins` are the exact origins from which an answer is believed; `roots` those whose word on
    a device's model is. Whatever a stranger sends, PasskeyRejectedError is all that it raises.
    """

    def __init__(
        self,
        *,
        rp_id: str,
        name: str,
        origins: Sequence[str],
        roots: AttestationRoots | None = None,
    ) -> None:
        self._rp_id = rp_id
        self._name = name
        self._origins = list(origins)
        self._roots = roots or AttestationRoots()

    def registration_options(
        self, user: User, challenge: str, existing: Sequence[Passkey], *, attested: bool
    ) -> dict[str, object]:
        conveyance = AttestationConveyancePreference
        options = webauthn.generate_registration_options(
            rp_id=self._rp_id,
            rp_name=self._name,
            user_id=self._handle(user.id),
            user_name=user.email or user.id,
            user_display_name=user.name,
            challenge=base64url_to_bytes(challenge),
            timeout=_TIMEOUT_MS,
            attestation=conveyance.DIRECT if attested else conveyance.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(passkey) for passkey in existing],
        )
        return options_to_json_dict(options)

    def authentication_options(
        self, challenge: str, allowed: Sequence[Passkey]
    ) -> dict[str, object]:
        options = webauthn.generate_authentication_options(
            rp_id=self._rp_id,
            challenge=base64url_to_bytes(challenge),
            timeout=_TIMEOUT_MS,
            allow_credentials=[_descriptor(passkey) for passkey in allowed],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def read(self, response: Mapping[str, object]) -> UnverifiedCredential:
        with _rejecting():
            answer = cast("dict[str, object]", response["response"])
            client_data = base64url_to_bytes(str(answer["clientDataJSON"]))
            challenge = parse_client_data_json(client_data).challenge
            handle = answer.get("userHandle")
            # The library leaves `crossOrigin` to its caller: a frame of another site could ask.
            if json.loads(client_data).get("crossOrigin", False) is not False:
                raise PasskeyRejectedError("the request came from a frame of another site")
            return UnverifiedCredential(
                id=str(response["id"]),
                challenge=bytes_to_base64url(challenge),
                user_handle=base64url_to_bytes(handle) if isinstance(handle, str) else None,
                response=response,
            )

    def verify_registration(self, credential: UnverifiedCredential) -> NewCredential:
        with _rejecting():
            parsed = parse_registration_credential_json(dict(credential.response))
            verified = webauthn.verify_registration_response(
                credential=parsed,
                expected_challenge=base64url_to_bytes(credential.challenge),
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                require_user_verification=True,
            )
            if len(verified.credential_id) > _LONGEST_ID:
                raise PasskeyRejectedError("the passkey's id is too long")
            return NewCredential(
                id=bytes_to_base64url(verified.credential_id),
                public_key=verified.credential_public_key,
                sign_count=verified.sign_count,
                transports=tuple(item.value for item in parsed.response.transports or ()),
                aaguid=verified.aaguid,
                attested=self._roots.vouch(verified.attestation_object, verified.aaguid),
                backup_eligible=_may_leave(verified.credential_device_type),
                backed_up=verified.credential_backed_up,
            )

    def verify_authentication(
        self, credential: UnverifiedCredential, passkey: Passkey
    ) -> PasskeyUse:
        if credential.user_handle not in {None, self._handle(passkey.user)}:
            raise PasskeyRejectedError("the passkey belongs to somebody else")
        with _rejecting():
            verified = webauthn.verify_authentication_response(
                credential=parse_authentication_credential_json(dict(credential.response)),
                expected_challenge=base64url_to_bytes(credential.challenge),
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        eligible = _may_leave(verified.credential_device_type)
        # Whether a key may leave its device never changes (WebAuthn level 3, 7.2 step 19).
        if passkey.backup_eligible not in {None, eligible}:
            raise PasskeyRejectedError("the passkey changed whether it may be copied")
        return PasskeyUse(verified.new_sign_count, eligible, verified.credential_backed_up)

    def _handle(self, user: str) -> bytes:
        """The WebAuthn user handle: says nothing of the person (WebAuthn 14.6.1)."""
        return hashlib.sha256(f"{self._rp_id}\n{user}".encode()).digest()


@contextmanager
def _rejecting() -> Iterator[None]:
    """Parsers of what strangers send fail in more ways than they document: each means no."""
    try:
        yield
    except PasskeyRejectedError:
        raise
    except Exception as error:
        said = "".join(filter(str.isprintable, str(error)))[:_LONGEST_WHY]
        raise PasskeyRejectedError(said or "the answer is malformed") from error


def _may_leave(kind: CredentialDeviceType) -> bool:
    return kind is CredentialDeviceType.MULTI_DEVICE


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    known = {item.value for item in AuthenticatorTransport}
    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(passkey.id),
        transports=[AuthenticatorTransport(item) for item in passkey.transports if item in known],
    )
