"""Software TPMs (swtpm), each with an endorsement certificate from an authority of the tests' own.

`Foundry(folder)` is their maker: its `roots` are what trusts it. `Foundry.make(name)` makes a TPM
as it leaves the works; it is switched on with `on()`, off with `off()`, and `restart()` is both.
`off()` shuts the TPM down in order before the process ends: a TPM that is only killed counts that
as an attempt to guess a password, and locks itself after some.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.tools import require_tool

_SHUTDOWN_CLEAR = bytes.fromhex("80010000000c000001450000")
_SETUP_SECONDS = 60


@dataclass
class SoftwareTpm:
    """A TPM whose state is in `folder`; `path` is its socket while it is on."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def path(self) -> Path:
        return self.folder / "tpm.sock"

    def on(self) -> None:
        control = self.folder / "tpm.sock.ctrl"
        self.process = subprocess.Popen(
            [
                *(str(require_tool("swtpm")), "socket", "--tpm2"),
                *("--tpmstate", f"dir={self.folder / 'state'}"),
                *("--server", f"type=unixio,path={self.path}"),
                *("--ctrl", f"type=unixio,path={control}"),
                *("--flags", "startup-clear"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        try:
            while not (control.exists() and self._listens()):
                assert time.monotonic() < deadline, "swtpm did not start"
                assert self.process.poll() is None, "swtpm ended at once"
                time.sleep(0.005)
        except BaseException:
            self.kill()
            raise

    def _listens(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self.path))
        except OSError:
            return False
        return True

    def off(self) -> None:
        if self.process is not None:
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(str(self.path))
                    connection.sendall(_SHUTDOWN_CLEAR)
                    assert connection.recv(10)[6:] == bytes(4)
            finally:
                self.kill()

    def kill(self) -> None:
        """As when the power fails."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            for path in self.folder.glob("tpm.sock*"):
                path.unlink()

    def restart(self) -> None:
        self.off()
        self.on()

    def tool(self, name: str, *arguments: str, check: bool = True) -> str:
        """What a program of tpm2-tools prints, with this TPM."""
        command = [str(require_tool("tpm2")), name, *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={self.path}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{command}: {done.stderr}"
        return done.stdout

    def extend(self, pcr: int, digest: str = "ab" * 32) -> None:
        self.tool("pcrextend", f"{pcr}:sha256={digest}")


@dataclass
class Foundry:
    """A maker of TPMs, with a root and an intermediate authority in `folder`."""

    folder: Path
    made: list[SoftwareTpm] = field(default_factory=list)

    def __post_init__(self) -> None:
        authority = self.folder / "authority"
        authority.mkdir(parents=True)
        localca = require_tool("swtpm_localca")
        (self.folder / "setup.conf").write_text(
            f"create_certs_tool = {localca}\n"
            f"create_certs_tool_config = {self.folder / 'authority.conf'}\n"
            f"create_certs_tool_options = {self.folder / 'certificate.options'}\n"
            "active_pcr_banks = sha256\n"
        )
        (self.folder / "authority.conf").write_text(
            f"statedir = {authority}\n"
            f"signingkey = {authority / 'signing.pem'}\n"
            f"issuercert = {authority / 'issuer-cert.pem'}\n"
            f"certserial = {authority / 'serial'}\n"
        )
        (self.folder / "certificate.options").write_text(
            "--platform-manufacturer Example\n--platform-version 1\n--platform-model Laptop\n"
        )

    @property
    def roots(self) -> Sequence[bytes]:
        """The certificates of its authorities (PEM), there once a TPM was made."""
        return [path.read_bytes() for path in sorted((self.folder / "authority").glob("*cert.pem"))]

    def make(self, name: str) -> SoftwareTpm:
        tpm = SoftwareTpm(self.folder / name)
        (tpm.folder / "state").mkdir(parents=True)
        command = [
            *(str(require_tool("swtpm_setup")), "--tpm2", "--create-ek-cert"),
            *("--tpmstate", str(tpm.folder / "state"), "--config", str(self.folder / "setup.conf")),
        ]
        if os.geteuid() == 0:
            command += ["--runas", pwd.getpwuid(0).pw_name]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SETUP_SECONDS, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.made.append(tpm)
        return tpm

    def copy(self, tpm: SoftwareTpm, folder: Path) -> SoftwareTpm:
        """The same TPM as it left the works, for one test."""
        shutil.copytree(tpm.folder / "state", folder / "state")
        fresh = SoftwareTpm(folder)
        self.made.append(fresh)
        return fresh
