"""What a provider's word is worth when a session comes to rest on it. Pure."""

from __future__ import annotations

from dataclasses import replace

from doorward.administrator.authentication import Proof
from doorward.administrator.federation.assurance import assurance
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.model.snapshot import Snapshot


def worth_now(snapshot: Snapshot, proof: Proof) -> Proof:
    """The proof, as strong as the rows of `snapshot` make it.

    `snapshot` is the settled one of the transaction that keeps the session: what an estate has
    made less of since the provider was asked is less here too, and an estate that does so later
    finds the session. What no provider vouched for is as it was.

    Raises FederationRejectedError where the provider is gone, or is another by now.
    """
    if not proof.provider:
        return proof
    provider = snapshot.providers.get(proof.provider)
    if provider is None or provider.issuer != proof.said.issuer:
        raise FederationRejectedError("provider-declared-otherwise-meanwhile")
    reached = assurance(provider, proof.said)
    return replace(
        proof,
        aal=reached.aal,
        multi_factor=reached.multi_factor,
        phishing_resistant=reached.phishing_resistant,
    )


def require_no_less(before: Proof, now: Proof) -> None:
    """Raises FederationRejectedError where what let a step-up through is worth less by now."""
    if now.aal < before.aal or now.phishing_resistant < before.phishing_resistant:
        raise FederationRejectedError(
            "assurance-lowered-meanwhile", "Your provider proved less than is needed here."
        )
