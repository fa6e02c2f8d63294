"""A settings file with a mistake does not start anything, and says where the mistake is."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorward.config import ControlSettings, load_control, load_gateway
from doorward.errors import DoorwardError, SourceError

CONTROL = """\
# settings
domain = "doorward.localhost"
http_port = 8080
https_port = 8081
"""
GATEWAY = 'id = "local"\ndomain = "access.example.org"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, "utf-8")
    return path


def refused(folder: Path, text: str, load: object = load_control) -> SourceError:
    assert callable(load)
    with pytest.raises(SourceError) as caught:
        load(write(folder, text))
    assert caught.value.code == "settings-invalid"
    assert caught.value.remedy
    return caught.value


def test_defaults_fill_what_is_not_written(tmp_path: Path) -> None:
    settings = load_control(write(tmp_path, CONTROL))
    assert settings == ControlSettings(domain="doorward.localhost")
    assert settings.origin("auth") == "http://auth.doorward.localhost:8080"


def test_without_the_plain_listener_the_origin_is_tls(tmp_path: Path) -> None:
    text = 'domain = "example.org"\nhttp_port = 0\nhttps_port = 443\n'
    assert load_control(write(tmp_path, text)).origin("auth") == "https://auth.example.org"


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("http_prot = 1", 5),
        ("sweep_seconds = 0", 5),
        ("decision_log_days = -1", 5),
        ("sign_in_log_days = 36501", 5),
        ('security_contact = "the security people"', 5),
        ('log_level = "loud"', 5),
        ("web_port = 70000", 5),
        ('web_port = "8082"', 5),
        ('web_address = "localhost"', 5),
        ('store = "mysql://x"', 5),
        ("link_port = 8080", 4),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(tmp_path: Path, line: str, number: int) -> None:
    error = refused(tmp_path, f"{CONTROL}{line}\n")
    assert error.line == number
    if number == 5:
        assert f"`{line.split(' =', maxsplit=1)[0]}`" in error.detail


@pytest.mark.parametrize("domain", ["localhost", "Example.org", "exa mple.org", "-a.org", "a..b"])
def test_a_domain_is_two_labels_in_lower_case(tmp_path: Path, domain: str) -> None:
    assert refused(tmp_path, f'domain = "{domain}"\nhttp_port = 0\n').line == 1


@pytest.mark.parametrize(
    "domain", ["access.example.org", "localhost.example.org", "a.notlocalhost"]
)
def test_plain_http_is_for_names_of_this_machine_only(tmp_path: Path, domain: str) -> None:
    error = refused(tmp_path, f'domain = "{domain}"\nhttp_port = 8080\n')
    assert "plain HTTP" in error.detail
    text = f'id = "g"\ndomain = "{domain}"\nhttp_port = 8080\n'
    assert "plain HTTP" in refused(tmp_path, text, load_gateway).detail


def test_what_is_not_toml_is_told_with_its_line(tmp_path: Path) -> None:
    assert refused(tmp_path, 'domain = "a.b"\nhttp_port = \n').line == 2


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DoorwardError) as caught:
        load_control(tmp_path / "none.toml")
    assert caught.value.code == "settings-missing"
    assert "doorward init" in caught.value.remedy


def test_a_gateway_needs_no_plain_listener(tmp_path: Path) -> None:
    assert load_gateway(write(tmp_path, GATEWAY)).http_port == 0


def test_a_country_database_must_be_there(tmp_path: Path) -> None:
    missing = 'country_database = "/nowhere.mmdb"\n'
    assert refused(tmp_path, GATEWAY + missing, load_gateway).line == 3
    assert refused(tmp_path, 'domain = "a.b"\nhttp_port = 0\n' + missing).line == 3


def test_one_in_a_folder_that_may_not_be_entered_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may enter every folder, so the refusal is made here."""

    def shut(_: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "is_file", shut)
    shut_in = 'country_database = "/shut/world.mmdb"\n'
    assert refused(tmp_path, GATEWAY + shut_in, load_gateway).line == 3
