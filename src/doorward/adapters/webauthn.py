"""WebAuthn level 2 through the `webauthn` library (port `RelyingParty`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
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
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from doorward.administrator.authentication import (
    NewCredential,
    PasskeyRejectedError,
    UnverifiedCredential,
)
from doorward.administrator.ports import Passkey
from doorward.model.estate import User

_TIMEOUT_MS = 120_000


class WebAuthnRelyingParty:
    """Passkeys of one relying party: discoverable, user verification required, no attestation.

    `rp_id` is the sign-in host, so that no application beside it can ask for its passkeys;
    `origins` are the exact origins from which an answer is believed.
    """

    def __init__(self, *, rp_id: str, name: str, origins: Sequence[str]) -> None:
        self._rp_id = rp_id
        self._name = name
        self._origins = list(origins)

    def registration_options(
        self, user: User, challenge: str, existing: Sequence[Passkey]
    ) -> dict[str, object]:
        options = webauthn.generate_registration_options(
            rp_id=self._rp_id,
            rp_name=self._name,
            user_id=self._handle(user.id),
            user_name=user.email or user.id,
            user_display_name=user.name,
            challenge=base64url_to_bytes(challenge),
            timeout=_TIMEOUT_MS,
            attestation=AttestationConveyancePreference.NONE,
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
        try:
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
        except (KeyError, TypeError, ValueError, AttributeError, WebAuthnException) as error:
            raise PasskeyRejectedError("the answer is malformed") from error

    def verify_registration(self, credential: UnverifiedCredential) -> NewCredential:
        try:
            parsed = parse_registration_credential_json(dict(credential.response))
            verified = webauthn.verify_registration_response(
                credential=parsed,
                expected_challenge=base64url_to_bytes(credential.challenge),
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                require_user_verification=True,
            )
        except (KeyError, TypeError, ValueError, AttributeError, WebAuthnException) as error:
            raise PasskeyRejectedError(str(error)) from error
        return NewCredential(
            id=bytes_to_base64url(verified.credential_id),
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=tuple(item.value for item in parsed.response.transports or ()),
            aaguid=verified.aaguid,
        )

    def verify_authentication(self, credential: UnverifiedCredential, passkey: Passkey) -> int:
        if credential.user_handle not in {None, self._handle(passkey.user)}:
            raise PasskeyRejectedError("the passkey belongs to somebody else")
        try:
            verified = webauthn.verify_authentication_response(
                credential=parse_authentication_credential_json(dict(credential.response)),
                expected_challenge=base64url_to_bytes(credential.challenge),
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (KeyError, TypeError, ValueError, AttributeError, WebAuthnException) as error:
            raise PasskeyRejectedError(str(error)) from error
        return verified.new_sign_count

    def _handle(self, user: str) -> bytes:
        """The WebAuthn user handle: says nothing of the person (WebAuthn 14.6.1)."""
        return hashlib.sha256(f"{self._rp_id}\n{user}".encode()).digest()


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    known = {item.value for item in AuthenticatorTransport}
    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(passkey.id),
        transports=[AuthenticatorTransport(item) for item in passkey.transports if item in known],
    )
