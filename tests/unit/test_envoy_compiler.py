"""What the compiler refuses, and what it promises whatever the estate is."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import msgspec
import pytest

from doorward.enforcement.envoy.check import ADDRESS_HEADER, IDENTITY_HEADERS, RELAYED, binding
from doorward.enforcement.envoy.compiler import compile_envoy, compile_epoch
from doorward.enforcement.envoy.filters import AUTHZ_FILTER, STREAM_FILTER
from doorward.enforcement.envoy.settings import EnvoySettings
from doorward.enforcement.envoy.ticket import JWT_FILTER, RBAC_FILTER
from doorward.errors import DoorwardError
from doorward.model.estate import ActionRule, Resource
from doorward.model.snapshot import Snapshot
from tests.property.route_matching import envoy_settings, resource

HR = resource("hr", (ActionRule(path="/admin/*", action="write"),))
WIKI = resource("wiki", (), "https://wiki.internal")


def _snapshot(*resources: Resource) -> Snapshot:
    return Snapshot(resources={item.id: item for item in resources})


def _complete(*resources: Resource) -> Any:
    return json.loads(compile_envoy(_snapshot(*resources), envoy_settings(), 1).complete)


def _manager(configuration: Any, listener: int = 0) -> Any:
    found = configuration["static_resources"]["listeners"][listener]["filter_chains"][0]
    return found["filters"][0]["typed_config"]


@pytest.mark.parametrize(
    "upstream",
    [
        "",
        "hr",
        "ftp://a:1",
        "http://",
        "http://:80",
        "http://a:1/path",
        "http://a:1?q",
        "http://a:1#f",
        "http://user@a:1",
        "http://a:x",
        "http://a:70000",
        "http://[::1",
    ],
)
def test_an_upstream_that_is_none_is_refused_by_the_resources_name(upstream: str) -> None:
    wrong = msgspec.structs.replace(HR, upstream=upstream)
    with pytest.raises(DoorwardError) as caught:
        compile_envoy(_snapshot(wrong), envoy_settings(), 1)
    assert caught.value.code == "envoy-uncompilable"
    assert "`hr`" in caught.value.detail


@pytest.mark.parametrize(
    "settings",
    [
        replace(envoy_settings(), check_socket="/" + "a" * 100),
        replace(envoy_settings(), relay_socket="/" + "\u00e9" * 50),
    ],
)
def test_a_socket_path_that_the_system_cannot_hold_is_refused(settings: EnvoySettings) -> None:
    with pytest.raises(DoorwardError, match="longer") as caught:
        compile_envoy(_snapshot(), settings, 1)
    assert caught.value.code == "envoy-uncompilable"


def test_the_same_estate_compiles_to_the_same_bytes_in_any_order() -> None:
    one = compile_envoy(_snapshot(HR, WIKI), envoy_settings(), 5)
    other = compile_envoy(_snapshot(WIKI, HR), envoy_settings(), 5)
    assert asdict(one) == asdict(other)


def test_a_new_epoch_changes_the_epochs_file_and_what_the_probe_says_of_the_routes() -> None:
    one = asdict(compile_envoy(_snapshot(HR), envoy_settings(), 5))
    other = asdict(compile_envoy(_snapshot(HR), envoy_settings(), 6))
    assert {name for name in one if one[name] != other[name]} == {"epoch", "rds", "complete"}
    assert other["epoch"] == compile_epoch(6)
    assert other["rds"] == one["rds"].replace(")% 5", ")% 6")


def test_a_snapshot_without_resources_compiles() -> None:
    hosts = _manager(_complete())["route_config"]["virtual_hosts"]
    assert [host["domains"] for host in hosts][-1] == ["*"]


def test_every_route_to_an_upstream_passes_the_check() -> None:
    hosts = _manager(_complete(HR, WIKI))["route_config"]["virtual_hosts"]
    silent = [
        route["route"]["cluster"]
        for host in hosts
        for route in host["routes"]
        if "route" in route and AUTHZ_FILTER in route.get("typed_per_filter_config", {})
    ]
    assert silent
    assert set(silent) == {"doorward-control"}


def test_the_check_stands_before_whatever_changes_credentials() -> None:
    names = [item["name"] for item in _manager(_complete(HR))["http_filters"]]
    assert names[:3] == [JWT_FILTER, RBAC_FILTER, AUTHZ_FILTER]
    assert names[-1] == "envoy.filters.http.router"


def test_a_broken_check_denies() -> None:
    authz = _manager(_complete(HR))["http_filters"][2]["typed_config"]
    assert authz["failure_mode_allow"] is False
    assert authz["filter_enabled_metadata"]["invert"] is True
    headers = authz["http_service"]["authorization_response"]["allowed_upstream_headers"]
    assert set(IDENTITY_HEADERS) <= {item["exact"] for item in headers["patterns"]}
    asked = authz["http_service"]["authorization_request"]["headers_to_add"]
    assert ADDRESS_HEADER in {item["key"] for item in asked}


def test_tls_to_an_upstream_verifies_its_name() -> None:
    clusters = _complete(WIKI)["static_resources"]["clusters"]
    cluster = next(item for item in clusters if item["name"] == "resource-wiki")
    context = cluster["transport_socket"]["typed_config"]
    names = context["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"]
    assert (context["sni"], names[0]["matcher"]) == ("wiki.internal", {"exact": "wiki.internal"})
    address = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
    assert address["socket_address"]["port_value"] == 443


def test_the_console_is_reached_by_the_control_planes_cluster() -> None:
    console = resource("console", (), "control")
    clusters = _complete(console)["static_resources"]["clusters"]
    assert [item["name"] for item in clusters] == [
        "doorward-check",
        "doorward-relay",
        "doorward-control",
    ]


@pytest.mark.parametrize(
    ("address", "thumbprint", "expected"),
    [
        ("10.0.0.1", None, "10.0.0.1:"),
        ("10.0.0.1", "", "10.0.0.1:"),
        ("2001:DB8::1", None, "[2001:db8::1]:"),
        ("10.0.0.1", "ab" * 32, "ab" * 32),
    ],
)
def test_a_binding_is_what_envoy_compares(
    address: str, thumbprint: str | None, expected: str
) -> None:
    assert binding(address, thumbprint) == expected


def test_an_address_that_is_none_binds_nothing() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        binding("unknown", None)


def test_doorwards_own_upstreams_are_the_control_plane_and_keep_their_checks() -> None:
    own = [resource("console", (), "control"), resource("directory", (), "scim")]
    compiled = _complete(*own)
    names = [cluster["name"] for cluster in compiled["static_resources"]["clusters"]]
    assert not [name for name in names if name.startswith("resource-")]
    assert "doorward-control" in names
    configuration = json.dumps(compiled["static_resources"]["listeners"])
    for item in own:
        assert f"{item.host}." in configuration


def test_what_may_last_goes_through_the_relay_on_a_connection_of_its_own() -> None:
    """Two requests on one connection, or a pool for both, and a cut would end the wrong one."""
    compiled = _complete(HR)
    clusters = {item["name"]: item for item in compiled["static_resources"]["clusters"]}
    carried = clusters["carried-hr"]
    [options] = carried["typed_extension_protocol_options"].values()
    assert options["common_http_protocol_options"] == {"max_requests_per_connection": 1}
    filters = {item["name"]: item for item in _manager(compiled)["http_filters"]}
    [value] = filters[STREAM_FILTER]["typed_config"]["on_request_headers"]
    assert value["factory_key"] == "envoy.hashable_string", "what pools are told apart by"
    assert value["shared_with_upstream"] == "ONCE"
    assert filters[STREAM_FILTER]["disabled"], "costs nothing elsewhere"


def test_only_what_the_relay_can_cut_may_last() -> None:
    hosts = _manager(_complete(HR))["route_config"]["virtual_hosts"]
    for route in hosts[0]["routes"]:
        bounded = {"max_stream_duration", "timeout"} & {
            name for name, value in route["route"].items() if value != "0s"
        }
        assert bool(bounded) == (route.get("name") != RELAYED)


def _relayed(item: Resource) -> list[Any]:
    hosts = _manager(_complete(item))["route_config"]["virtual_hosts"]
    return [
        (route["match"].get("headers", [{}])[0].get("name"), route["route"]["cluster"])
        for route in hosts[0]["routes"]
        if route.get("name") == RELAYED
    ]


def test_a_resource_that_streams_has_every_request_carried() -> None:
    upgrade = ("upgrade", "doorward-relay")
    carried = [(name, "carried-hr") for name in ("accept", "content-type", None)]
    assert _relayed(HR) == [upgrade, *carried[:2]]
    assert _relayed(msgspec.structs.replace(HR, streams=True)) == [upgrade, carried[2]]
    assert _relayed(resource("console", (), "control")) == [upgrade]
