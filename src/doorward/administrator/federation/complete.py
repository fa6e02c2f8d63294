"""A browser comes back from a provider: who it is, and what that proves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from doorward.administrator.attempts import admit, network_of, recorded
from doorward.administrator.authentication import Browser, Proof, Said, digest
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.federation.assurance import assurance, satisfies
from doorward.administrator.federation.callback import check_answer, check_flow, read_callback
from doorward.administrator.federation.ended import require_not_ended
from doorward.administrator.federation.exchange import claims_for_code
from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.flow import Wish, take_flow
from doorward.administrator.federation.id_token import CLOCK_LEEWAY_SECONDS, IdClaims
from doorward.administrator.federation.linking import recognise
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.model.estate import IdentityProvider
from doorward.model.ids import UnixSeconds


@dataclass(frozen=True, slots=True)
class Completed:
    """What the provider's word proves, what it was wanted for, and whether it was linked now."""

    provider: IdentityProvider
    wish: Wish
    proof: Proof
    linked: bool


async def complete_federation(
    federation: Federation,
    browser: Browser,
    provider_id: str,
    parameters: Iterable[tuple[str, str]],
    *,
    now: UnixSeconds,
) -> Completed:
    """What `parameters`, those of the callback, lead to. Nothing is kept where this raises.

    Raises AttemptRejectedError (`federation-refused`, `provider-declined`, `identity-unlinked`,
    `identity-conflict`, `user-disabled`, `step-up-rejected`), TooManyAttemptsError, and
    DoorwardError `provider-unknown`, `provider-unreachable`, `provider-invalid`,
    `provider-client-refused`.
    """
    provider = federation.provider(provider_id)
    target = f"provider:{provider.id}"
    authenticators = federation.authenticators
    async with recorded(authenticators, browser, method="federated", target=target, at=now):
        await admit(authenticators, f"federation-address:{network_of(browser.address)}")
        callback = read_callback(parameters)
        flow = await take_flow(authenticators, callback.state, now) if callback.state else None
        if flow is None:
            raise FederationRejectedError("state-unknown")
        check_flow(flow, provider, browser)
        metadata = await federation.directory.metadata(provider, now)
        check_answer(callback, provider, metadata)
        try:
            claims = await claims_for_code(
                federation, provider, flow, state=callback.state, code=callback.code, now=now
            )
        except FederationRejectedError as rejected:
            raise _with_clock(federation, provider, rejected) from None
        session = digest(claims.session) if claims.session else ""
        async with federation.control.store.transaction() as transaction:
            await require_not_ended(transaction, provider.id, session, now)
        said = Said(provider.issuer, claims.acr, claims.amr)
        reached = assurance(provider, said)
        if flow.wish.intent == "step-up" and not satisfies(reached, flow.wish.need):
            raise FederationRejectedError(
                "assurance-too-low", f"{provider.name} proved less than is needed here."
            )
        recognised = await recognise(federation, browser, provider, claims, flow.wish, now)
    if recognised.linked:
        await tell_person(
            federation.control,
            recognised.person,
            f"Your account at {provider.name} is linked",
            f"From now on you can sign in by way of {provider.name}.",
            now,
            browser.address,
        )
    proof = Proof(
        recognised.person.id,
        ("federated",),
        phishing_resistant=reached.phishing_resistant,
        multi_factor=reached.multi_factor,
        aal=reached.aal,
        provider=provider.id,
        provider_subject=digest(claims.subject),
        provider_session=session,
        said=said,
        authenticated_at=_authenticated_at(claims),
    )
    return Completed(provider, flow.wish, proof, recognised.linked)


def _authenticated_at(claims: IdClaims) -> UnixSeconds:
    """When the provider saw the person; long ago, where it does not say."""
    return 0.0 if claims.authenticated_at is None else claims.authenticated_at


def _with_clock(
    federation: Federation, provider: IdentityProvider, rejected: FederationRejectedError
) -> FederationRejectedError:
    """The same refusal, with the difference of the clocks where that may be why."""
    skew = federation.directory.state(provider).skew_seconds
    if skew is None or abs(skew) <= CLOCK_LEEWAY_SECONDS:
        return rejected
    return FederationRejectedError(
        f"{rejected.why} (its clock is {skew:+.0f} s from ours)",
        f"The clocks of {provider.name} and doorward differ: tell the people who run doorward.",
    )
