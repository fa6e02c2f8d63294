"""The three authorities are apart, and none reaches beyond its purpose."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509 import DNSName, load_pem_x509_certificate
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from doorward.adapters import ca

AT = 1_790_000_000.0
DAY = 86_400.0


@pytest.fixture(scope="module")
def authority() -> ca.KeyPair:
    return ca.create_authority("test CA", AT, domains=("example.org", "doorward-control"))


def verify(authority: ca.KeyPair, pair: ca.KeyPair, name: str, at: float = AT) -> None:
    builder = PolicyBuilder().store(Store([load_pem_x509_certificate(authority.certificate)]))
    verifier = builder.time(datetime.fromtimestamp(at, UTC)).build_server_verifier(DNSName(name))
    verifier.verify(load_pem_x509_certificate(pair.certificate), [])


def test_a_server_certificate_is_good_for_its_names(authority: ca.KeyPair) -> None:
    pair = ca.issue_server(authority, ["*.example.org", "example.org"], AT)
    verify(authority, pair, "auth.example.org")
    verify(authority, pair, "example.org")
    with pytest.raises(VerificationError):
        verify(authority, pair, "doorward-control")


def test_the_server_authority_vouches_for_no_other_domain(authority: ca.KeyPair) -> None:
    with pytest.raises(VerificationError):
        verify(authority, ca.issue_server(authority, ["bank.test"], AT), "bank.test")


def test_a_certificate_of_another_authority_is_refused(authority: ca.KeyPair) -> None:
    other = ca.create_authority("other", AT)
    with pytest.raises(VerificationError):
        verify(authority, ca.issue_server(other, ["example.org"], AT), "example.org")


def test_a_client_certificate_is_no_server_certificate(authority: ca.KeyPair) -> None:
    with pytest.raises(VerificationError):
        verify(authority, ca.issue_gateway(authority, "example.org", AT), "example.org")


def test_a_gateway_is_named_by_uri_and_common_name(authority: ca.KeyPair) -> None:
    certificate = load_pem_x509_certificate(ca.issue_gateway(authority, "edge-1", AT).certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["doorward:gateway:edge-1"]
    assert certificate.subject.rfc4514_string() == "CN=edge-1"


def test_renewal_is_due_a_month_before_the_end(authority: ca.KeyPair) -> None:
    pem = ca.issue_server(authority, ["example.org"], AT).certificate
    last_quiet_day = ca.LEAF_DAYS - ca.RENEW_BEFORE_DAYS - 1
    assert not ca.needs_renewal(pem, AT + last_quiet_day * DAY)
    assert ca.needs_renewal(pem, AT + (last_quiet_day + 2) * DAY)
