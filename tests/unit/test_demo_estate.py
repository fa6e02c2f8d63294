"""The demo estate is right, and its policies say what its README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorward.config import DataFolder
from doorward.entrypoints.cli.demo import application_ports, copy_estate, demo_folder
from doorward.entrypoints.cli.estate import read_folder
from doorward.errors import DoorwardError
from doorward.estate import parse_estate
from doorward.model.estate import Policy, Resource


def test_it_is_a_right_estate_in_which_every_policy_is_explained() -> None:
    documents = parse_estate(read_folder(demo_folder() / "estate")).documents
    policies = [item for item in documents["policy"].values() if isinstance(item, Policy)]
    assert policies
    assert all(policy.description for policy in policies)
    used = {item.label for item in documents["resource"].values() if isinstance(item, Resource)}
    assert used == set(documents["label"])


def test_its_copy_names_this_installations_ports(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.settings.write_text('domain = "doorward.localhost"\nhttp_port = 9000\n', "utf-8")
    folder = copy_estate(data)
    assert copy_estate(data) == folder
    resources = parse_estate(read_folder(folder)).documents["resource"].values()
    upstreams = {item.upstream for item in resources if isinstance(item, Resource)}
    expected = {f"http://127.0.0.1:{port}" for port in application_ports(9000)}
    assert upstreams == expected | {"control", "scim"}


def test_a_folder_without_an_estate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DoorwardError) as caught:
        read_folder(tmp_path)
    assert caught.value.code == "estate-unreadable"
