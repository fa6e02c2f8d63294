"""Step-up: proving again, or better, who one is, within the same session."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from starlette.responses import Response

from doorward.administrator.attempts import recorded
from doorward.administrator.authentication import Proof
from doorward.administrator.credentials.assurance import (
    HARDWARE,
    PASSWORD_CREDENTIAL,
    Need,
    passkey_aal,
)
from doorward.administrator.credentials.held import Held, held_by
from doorward.administrator.federation.step_up import step_up_providers
from doorward.administrator.sign_in_passkey import begin_passkey, sign_in_passkey
from doorward.administrator.sign_in_password import sign_in_password
from doorward.administrator.strengthen_session import strengthen_session
from doorward.entrypoints.login.answers import (
    error_headers,
    error_status,
    json,
    page,
    put_cookie,
    redirect,
)
from doorward.entrypoints.login.continuation import (
    Continuation,
    read_continuation,
    read_need,
)
from doorward.entrypoints.login.sign_in import FORM_ERRORS, PasskeyAnswer
from doorward.entrypoints.login.visit import SESSION_COOKIE, Visit
from doorward.entrypoints.login.wiring import (
    SignedIn,
    Wiring,
    require_signed_in,
    signed_in,
    with_flow,
)
from doorward.errors import DoorwardError

_PASSKEY_ONLY = frozenset({"phishing-resistant", "hardware-key"})


class _Wanted(msgspec.Struct, frozen=True):
    need: str = ""


@dataclass(frozen=True, slots=True)
class _Means:
    """By what a person can do this step-up; `models` is what they could ask for.

    `password_off` says that there is a password, and it signs nobody in.
    """

    passkey: bool
    password: bool
    password_off: bool
    models: str


async def show(wiring: Wiring, visit: Visit) -> Response:
    """The step-up page; whoever is not signed in signs in, which is fresher still."""
    onward = read_continuation(visit.query, wiring.snapshot)
    person = signed_in(wiring, visit)
    if person is None:
        return redirect(onward.sign_in())
    need = read_need(visit.query("need"))
    return with_flow(wiring, visit, await _form(wiring, visit, onward, person, need))


async def submit(wiring: Wiring, visit: Visit) -> Response:
    """Password and code of the person who is signed in."""
    person = require_signed_in(wiring, visit)
    fields = await visit.form()
    onward = read_continuation(lambda name: fields.get(name, ""), wiring.snapshot)
    need = read_need(fields.get("need", ""))
    if need in _PASSKEY_ONLY:
        raise DoorwardError(
            "step-up-rejected", "A passkey is needed here.", "Use your passkey instead."
        )
    try:
        proof = await sign_in_password(
            wiring.authenticators,
            visit.browser(),
            name=person.user.id,
            password=fields.get("password", ""),
            code=fields.get("code", ""),
            now=visit.now,
            known=person.user,
        )
    except DoorwardError as error:
        if error.code not in FORM_ERRORS:
            raise
        response = await _form(wiring, visit, onward, person, need, error)
        response.headers.update(error_headers(error))
        return response
    return await _strengthen(wiring, visit, person, proof, redirect(onward.back(visit.place)))


async def passkey_options(wiring: Wiring, visit: Visit) -> Response:
    """Options for the passkeys of the person who is signed in, as strong as is needed."""
    person = require_signed_in(wiring, visit)
    need = read_need((await visit.json(_Wanted)).need)
    options = await begin_passkey(
        wiring.authenticators,
        visit.browser(),
        user=person.user.id,
        now=visit.now,
        aal=HARDWARE if need == "hardware-key" else 1,
    )
    return json(options)


async def passkey(wiring: Wiring, visit: Visit) -> Response:
    """The authenticator's answer, which must be this very person's."""
    person = require_signed_in(wiring, visit)
    answer = await visit.json(PasskeyAnswer)
    onward = read_continuation(answer.field, wiring.snapshot)
    proof = await sign_in_passkey(
        wiring.authenticators,
        visit.browser(),
        answer.credential,
        user=person.user.id,
        now=visit.now,
    )
    if read_need(answer.need) == "hardware-key" and proof.aal < HARDWARE:
        raise DoorwardError(
            "step-up-rejected",
            "This passkey is not kept in hardware that your organisation approves.",
            "Use an approved security key.",
        )
    done = json({"location": onward.back(visit.place)})
    return await _strengthen(wiring, visit, person, proof, done)


async def _strengthen(
    wiring: Wiring, visit: Visit, person: SignedIn, proof: Proof, response: Response
) -> Response:
    async with recorded(
        wiring.authenticators,
        visit.browser(),
        method="password" if proof.credential == PASSWORD_CREDENTIAL else "passkey",
        target=f"user:{proof.user}",
        at=visit.now,
    ):
        cookie = await strengthen_session(
            wiring.control,
            person.act(visit.now),
            session=person.session.id,
            proof=proof,
            browser=visit.browser(),
        )
    remaining = max(1, int(person.session.expires_at - visit.now))
    put_cookie(response, SESSION_COOKIE, cookie.secret, remaining)
    return response


async def _means(wiring: Wiring, person: SignedIn, need: Need) -> _Means:
    async with wiring.control.store.transaction() as transaction:
        held: Held = await held_by(transaction, person.user.id)
    models = wiring.snapshot.authenticators
    least = HARDWARE if need == "hardware-key" else 1
    return _Means(
        passkey=any(passkey_aal(item, models) >= least for item in held.passkeys),
        password=held.password and not held.password_off and need not in _PASSKEY_ONLY,
        password_off=held.password and held.password_off,
        models=", ".join(sorted(model.name for model in models.values() if model.aal3)),
    )


async def _form(
    wiring: Wiring,
    visit: Visit,
    onward: Continuation,
    person: SignedIn,
    need: Need,
    error: DoorwardError | None = None,
) -> Response:
    return page(
        "step_up.html",
        status=200 if error is None else error_status(error),
        form_origins=onward.form_origins(visit.place),
        onward=onward,
        providers=await step_up_providers(wiring.federation, person.user.id, need),
        person=person.user,
        need=need,
        means=await _means(wiring, person, need),
        error=error,
    )
