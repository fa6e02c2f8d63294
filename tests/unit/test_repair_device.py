"""The denied page of a person whose device is unwell: what is wrong, and where to put it right."""

from __future__ import annotations

import msgspec
import pytest

from doorward.entrypoints.ext_authz.http_server import HttpResponse
from doorward.entrypoints.pages.denied import Denial, denied_page
from doorward.model.decision import Deny, Remedy, RemedyKind
from doorward.model.device import Device
from doorward.model.estate import Policy
from doorward.model.ids import DecisionId, DeviceId, PolicyId, UserId
from doorward.model.snapshot import change
from tests.fakes.certificates import certificate, header_of, key_of
from tests.unit.gateway_world import World, signed_in

BROWSER = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document", "accept": "text/html"}
HEALTHY_ONLY = Policy(
    id=PolicyId("everyone-wiki"),
    text='@id("everyone-wiki")\npermit(principal, action, resource == Resource::"wiki")'
    " when { context has device && context.device has healthy && context.device.healthy };",
    file="wiki.cedar",
    line=1,
)
ILL = Device(
    id=DeviceId("laptop"),
    owner=UserId("alice"),
    key=key_of("laptop"),
    healthy=False,
    reason="Not as it must be: Firewall.",
)


def ask(device: Device, *, with_certificate: bool = True) -> HttpResponse:
    """Alice visits the wiki, which opens on healthy devices only."""
    world = World(change("policy", HEALTHY_ONLY), change("device", device))
    shown = {"doorward_check_certificate": header_of(certificate("laptop"))}
    return world.ask(**BROWSER, **signed_in(**(shown if with_certificate else {})))


def test_a_person_is_told_what_is_wrong_and_led_to_the_device() -> None:
    answer = ask(ILL)
    page = answer.body.decode()
    assert answer.status == 403
    assert "Repair this device" in page
    assert "What is wrong: Not as it must be: Firewall.</span>" in page
    assert "/account/devices?device=laptop" in page
    assert "auth.doorward.localhost" in page


@pytest.mark.parametrize(
    "changed", [{"owner": UserId("bob")}, {"suspended": "lost"}, {"key": "ff" * 32}]
)
def test_nothing_is_said_of_a_device_that_does_not_count(changed: dict[str, str]) -> None:
    page = ask(msgspec.structs.replace(ILL, **changed)).body.decode()
    assert "Firewall" not in page
    assert "device=laptop" not in page


def test_without_a_device_the_page_leads_to_all_of_them() -> None:
    page = ask(ILL, with_certificate=False).body.decode()
    assert "Use an enrolled device" in page
    assert '/account/devices/enrol"' in page
    assert "Firewall" not in page


@pytest.mark.parametrize("kind", ["enrol-device", "repair-device", "attest-device"])
def test_each_remedy_of_a_device_can_be_acted_on(kind: RemedyKind) -> None:
    deny = Deny(reason="no-policy-permits", facts=msgspec.Raw(b"{}"), remedies=(Remedy(kind=kind),))
    links = {kind: "https://auth.example.test/account/devices"}
    denial = Denial(deny, DecisionId("dec_1"), "Wiki", links=links, ailment="It is <ill>.")
    page = denied_page(denial)
    assert 'class="button" href="https://auth.example.test/account/devices"' in page
    assert ("It is &lt;ill&gt;." in page) == (kind == "repair-device")
