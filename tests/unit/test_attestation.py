"""Which devices may hold a passkey, what they prove, and how strong that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from webauthn.helpers import base64url_to_bytes

from doorward.administrator.accept_invitation import begin_registration
from doorward.administrator.authentication import AttemptRejectedError, PasskeyRejectedError
from doorward.administrator.ports import Passkey
from doorward.bootstrap import _attestation_roots
from doorward.config import DataFolder
from doorward.errors import DoorwardError
from doorward.model.estate import Authenticator
from doorward.model.ids import AuthenticatorId
from tests.fakes.attestation import Maker
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.sign_in import ALICE, AUTH, AUTH_HOST, HERE, Desk, desk

MODEL = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
OTHER = "ee882879-721c-4913-9775-3dfcce97072a"


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def listed(office: Desk, *models: str, aal3: bool = True) -> None:
    for model in models:
        item = Authenticator(
            id=AuthenticatorId(model), name=f"Model {model[:4]}", aal3=aal3 and model != "any"
        )
        await office.publish("authenticator", item)


async def kept(office: Desk) -> Passkey:
    async with office.store.transaction() as transaction:
        (passkey,) = await transaction.credentials.passkeys(ALICE)
    return passkey


async def test_without_a_list_nothing_is_asked_and_anything_goes(office: Desk) -> None:
    options = await begin_registration(
        office.authenticators, HERE, await office.invite(ALICE), office.now
    )
    assert options["attestation"] == "none"
    device = await office.with_passkey(ALICE)
    assert not (await kept(office)).attested
    assert (await office.by_passkey(device)).aal == 2


async def test_with_a_list_the_device_is_asked_to_prove_its_model(office: Desk) -> None:
    await listed(office, MODEL)
    options = await begin_registration(
        office.authenticators, HERE, await office.invite(ALICE), office.now
    )
    assert options["attestation"] == "direct"


@pytest.mark.parametrize("between", [False, True])
async def test_an_attested_listed_device_bound_key_reaches_aal_3(
    office: Desk, between: bool
) -> None:
    maker = Maker(MODEL, between=between)
    office.trust(maker)
    await listed(office, MODEL)
    device = await office.with_passkey(ALICE, office.device(aaguid=MODEL, maker=maker))
    passkey = await kept(office)
    assert (passkey.attested, passkey.backup_eligible) == (True, False)
    assert (await office.by_passkey(device)).aal == 3


async def test_a_key_that_may_be_copied_does_not(office: Desk) -> None:
    maker = Maker(MODEL)
    office.trust(maker)
    await listed(office, MODEL)
    device = await office.with_passkey(
        ALICE, office.device(aaguid=MODEL, maker=maker, backup_eligible=True, backed_up=True)
    )
    passkey = await kept(office)
    assert (passkey.backup_eligible, passkey.backed_up) == (True, True)
    assert (await office.by_passkey(device)).aal == 2


async def test_a_model_that_is_not_marked_does_not(office: Desk) -> None:
    maker = Maker(MODEL)
    office.trust(maker)
    await listed(office, MODEL, aal3=False)
    device = await office.with_passkey(ALICE, office.device(aaguid=MODEL, maker=maker))
    assert (await office.by_passkey(device)).aal == 2


async def test_the_list_decides_again_at_each_use(office: Desk) -> None:
    maker = Maker(MODEL)
    office.trust(maker)
    await listed(office, MODEL)
    device = await office.with_passkey(ALICE, office.device(aaguid=MODEL, maker=maker))
    assert (await office.by_passkey(device)).aal == 3
    await listed(office, MODEL, aal3=False)
    assert (await office.by_passkey(device)).aal == 2


TRUSTED = {
    MODEL: Maker(MODEL),
    OTHER: Maker(OTHER),
    "no model": Maker(MODEL, names_model=False),
    "unit": Maker(MODEL, unit="Web Server"),
    "authority": Maker(MODEL, is_authority=True),
    "expired": Maker(MODEL, days=-1),
    "no authority between": Maker(MODEL, between=True, between_is_authority=False),
}
"""Makers whose roots are trusted; all but the first two issue what no honest one would."""
_DEVICE = SoftwareAuthenticator(AUTH, AUTH_HOST, aaguid=MODEL, maker=TRUSTED[MODEL])
_MADE: Any = _DEVICE.create({"user": {"id": "YQ"}, "challenge": "YQ"})["response"]
OBJECT = base64url_to_bytes(_MADE["attestationObject"])
LIARS: dict[str, dict[str, Any]] = {
    "no attestation": {"aaguid": MODEL},
    "signed with the new key itself": {"aaguid": MODEL, "self_attests": True},
    "another root": {"aaguid": MODEL, "maker": Maker(MODEL)},
    "a certificate of another model": {"aaguid": MODEL, "maker": TRUSTED[OTHER]},
    "a certificate without a model": {"aaguid": MODEL, "maker": TRUSTED["no model"]},
    "a certificate of another purpose": {"aaguid": MODEL, "maker": TRUSTED["unit"]},
    "an authority's own certificate": {"aaguid": MODEL, "maker": TRUSTED["authority"]},
    "an expired certificate": {"aaguid": MODEL, "maker": TRUSTED["expired"]},
    "a chain through one who is no authority": {
        "aaguid": MODEL,
        "maker": TRUSTED["no authority between"],
    },
}


@pytest.mark.parametrize("liar", LIARS)
async def test_an_unproved_model_is_refused_where_there_is_a_list(office: Desk, liar: str) -> None:
    office.trust(*TRUSTED.values())
    await listed(office, MODEL)
    with pytest.raises(AttemptRejectedError) as caught:
        await office.with_passkey(ALICE, office.device(**LIARS[liar]))
    assert caught.value.code == "authenticator-refused"
    assert "Model 2fc0" in caught.value.remedy
    async with office.store.transaction() as transaction:
        assert not await transaction.credentials.passkeys(ALICE)
    (entry,) = await office.audited("sign-in-rejected")
    assert entry["why"] == "authenticator-unattested"


@pytest.mark.parametrize("liar", LIARS)
async def test_an_unproved_model_never_reaches_aal_3(office: Desk, liar: str) -> None:
    office.trust(*TRUSTED.values())
    await listed(office, MODEL, "any")
    device = await office.with_passkey(ALICE, office.device(**LIARS[liar]))
    assert not (await kept(office)).attested
    assert (await office.by_passkey(device)).aal == 2


async def test_a_proved_model_that_is_not_listed_is_refused_in_words(office: Desk) -> None:
    office.trust(TRUSTED[OTHER])
    await listed(office, MODEL)
    with pytest.raises(AttemptRejectedError, match="does not accept passkeys of this model") as c:
        await office.with_passkey(ALICE, office.device(aaguid=OTHER, maker=TRUSTED[OTHER]))
    assert c.value.why == "authenticator-unlisted"


async def test_without_roots_no_chain_is_believed(office: Desk) -> None:
    await listed(office, MODEL)
    with pytest.raises(AttemptRejectedError, match="authenticator-refused"):
        await office.with_passkey(ALICE, office.device(aaguid=MODEL, maker=TRUSTED[MODEL]))


async def test_a_statement_with_a_wrong_signature_is_no_passkey_at_all(office: Desk) -> None:
    maker = Maker(MODEL)
    office.trust(maker)
    maker.key = Maker(MODEL).key
    with pytest.raises(PasskeyRejectedError):
        await office.with_passkey(ALICE, office.device(aaguid=MODEL, maker=maker))


async def test_a_passkey_never_changes_whether_it_may_be_copied(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    device.backup_eligible = True
    with pytest.raises(PasskeyRejectedError) as caught:
        await office.by_passkey(device)
    assert "copied" in caught.value.why


async def test_a_passkey_from_before_is_looked_at_when_it_is_used(office: Desk) -> None:
    device = await office.with_passkey(ALICE, office.device(backup_eligible=True))
    old = msgspec.structs.replace(await kept(office), backup_eligible=None)
    async with office.store.transaction() as transaction:
        await transaction.credentials.put(old)
    assert (await office.by_passkey(device)).aal == 2
    assert (await kept(office)).backup_eligible is True


async def test_what_was_backed_up_since_is_known_after_the_next_use(office: Desk) -> None:
    device = await office.with_passkey(ALICE, office.device(backup_eligible=True))
    assert not (await kept(office)).backed_up
    device.backed_up = True
    await office.by_passkey(device)
    assert (await kept(office)).backed_up


async def test_what_an_attacker_writes_into_the_audit_is_short(office: Desk) -> None:
    device = office.device()
    device.origin = "https://evil.example/" + "x" * 5000
    with pytest.raises(DoorwardError):
        await office.with_passkey(ALICE, device)
    (entry,) = await office.audited("sign-in-rejected")
    assert len(entry["why"]) <= 200


def test_roots_are_read_from_their_folder(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    assert not _attestation_roots(data).vouch(OBJECT, MODEL)
    data.attestation_roots.mkdir(parents=True)
    (data.attestation_roots / "maker.pem").write_bytes(TRUSTED[MODEL].root)
    (data.attestation_roots / "README").write_text("not looked at")
    assert _attestation_roots(data).vouch(OBJECT, MODEL)
    assert not _attestation_roots(data).vouch(OBJECT, OTHER)
    (data.attestation_roots / "other.pem").write_text("junk")
    with pytest.raises(DoorwardError, match="attestation-root-malformed"):
        _attestation_roots(data)
