"""The key folder of the control plane and the folder that makes a machine a gateway."""

from __future__ import annotations

from pathlib import Path

from doorward.adapters import ca, keys
from doorward.model.ids import UnixSeconds

WEB = "web"
LINK = "link"


def create_keys(folder: Path, domain: str, control_name: str, at: UnixSeconds) -> None:
    """Make every key and authority of a new installation in `folder`.

    `control_name` is the DNS name in the control plane's certificates. Raises `file-exists`.
    """
    keys.make_folder(folder)
    server_ca = ca.create_authority(
        f"doorward server CA {domain}", at, domains=(domain, control_name)
    )
    for name, authority in (
        ("server-ca", server_ca),
        ("gateway-ca", ca.create_authority(f"doorward gateway CA {domain}", at)),
        ("device-ca", ca.create_authority(f"doorward device CA {domain}", at)),
        (WEB, ca.issue_server(server_ca, [control_name], at)),
        (LINK, ca.issue_server(server_ca, [control_name], at)),
    ):
        _write_pair(folder, name, authority)
    private, public = keys.new_signing_key()
    keys.write_secret(folder / "snapshot.key", private)
    keys.write_secret(folder / "snapshot.pub", public)
    keys.write_secret(folder / "audit.key", keys.new_signing_key()[0])
    keys.write_secret(folder / "seal.key", keys.new_symmetric_key())


def enrol_gateway(folder: Path, gateway: str, domain: str, out: Path, at: UnixSeconds) -> None:
    """Fill `out`, a new folder, with all that gateway `gateway` needs but its settings.

    `folder` is the control plane's key folder. Raises `file-exists`, `key-missing`.
    """
    keys.make_folder(out)
    for name in ("envoy", "spool", "run"):
        keys.make_folder(out / name)
    _write_pair(out, "gateway", ca.issue_gateway(read_pair(folder, "gateway-ca"), gateway, at))
    _write_pair(
        out, "tls", ca.issue_server(read_pair(folder, "server-ca"), [f"*.{domain}", domain], at)
    )
    for source, target in (
        ("server-ca.pem", "control-ca.pem"),
        ("device-ca.pem", "device-ca.pem"),
        ("snapshot.pub", "snapshot.pub"),
    ):
        keys.write_secret(out / target, keys.read_secret(folder / source))


def renew_certificates(folder: Path, control_name: str, at: UnixSeconds) -> None:
    """Issue the control plane's own certificates again where they end soon."""
    for name in (WEB, LINK):
        if ca.needs_renewal(keys.read_secret(folder / f"{name}.pem"), at):
            pair = ca.issue_server(read_pair(folder, "server-ca"), [control_name], at)
            _replace_pair(folder, name, pair)


def renew_gateway(folder: Path, gateway: str, domain: str, out: Path, at: UnixSeconds) -> None:
    """Issue the certificates of a gateway on this machine again where they end soon."""
    if ca.needs_renewal(keys.read_secret(out / "gateway.pem"), at):
        pair = ca.issue_gateway(read_pair(folder, "gateway-ca"), gateway, at)
        _replace_pair(out, "gateway", pair)
    if ca.needs_renewal(keys.read_secret(out / "tls.pem"), at):
        names = [f"*.{domain}", domain]
        _replace_pair(out, "tls", ca.issue_server(read_pair(folder, "server-ca"), names, at))


def read_pair(folder: Path, name: str) -> ca.KeyPair:
    """The key pair `name.key` and `name.pem`. Raises `key-missing` or `key-exposed`."""
    return ca.KeyPair(
        keys.read_secret(folder / f"{name}.key"), keys.read_secret(folder / f"{name}.pem")
    )


def _write_pair(folder: Path, name: str, pair: ca.KeyPair) -> None:
    keys.write_secret(folder / f"{name}.key", pair.key)
    keys.write_secret(folder / f"{name}.pem", pair.certificate)


def _replace_pair(folder: Path, name: str, pair: ca.KeyPair) -> None:
    keys.replace_secret(folder / f"{name}.key", pair.key)
    keys.replace_secret(folder / f"{name}.pem", pair.certificate)
