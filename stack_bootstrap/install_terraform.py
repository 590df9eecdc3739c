"""Which Terraform is run: the one on PATH, or the pinned official release, downloaded and checked."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from environments import CHECKOUT
from environments.errors import ExpectedError
from environments.files import replace_file, sha256_hex

MINIMUM = (1, 11)
"""Oldest Terraform and OpenTofu that know write-only arguments, which keep secrets out of the state; S3 locks
without DynamoDB and validations across variables came earlier in both."""

TOOLS = CHECKOUT / ".tools"
RELEASE_FILE = Path(__file__).with_name("terraform_release.json")
RELEASES_URL = "https://releases.hashicorp.com"
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class TerraformInstallError(ExpectedError):
    """No usable Terraform; the message says what was found and what to do."""


@dataclass(frozen=True)
class Installation:
    """One Terraform or OpenTofu binary."""

    path: Path
    product: str
    version: str

    def __str__(self) -> str:
        return f"{self.product} {self.version} ({self.path})"


def find_terraform(tools: Path = TOOLS) -> Installation:
    """Find the binary that ``TERRAFORM`` names, else ``terraform`` or ``tofu`` on PATH, else the downloaded one.

    Raises:
        TerraformInstallError: there is none, or the first one found is too old or does not run.
    """
    named = os.environ.get("TERRAFORM")
    found = shutil.which(named or "terraform") or (None if named else shutil.which("tofu"))
    if named and not found:
        raise TerraformInstallError(f"TERRAFORM={named} is no program that can be run; correct it or unset it.")
    path = Path(found) if found else _downloaded(tools, _release()["version"])
    if not path.is_file():
        raise TerraformInstallError(
            f"Neither terraform nor tofu is on PATH, and {path} does not exist. Install Terraform "
            f">= {_spell(MINIMUM)}, or run `make setup`, which downloads Terraform {_release()['version']}."
        )
    installation = _inspect(path, tools)
    if _sortable(installation.version) < _sortable(f"{_spell(MINIMUM)}.0"):
        raise TerraformInstallError(
            f"{installation.product} {installation.version} at {installation.path} is too old: >= {_spell(MINIMUM)} "
            "is needed. Upgrade it, or let the variable TERRAFORM name another."
        )
    return installation


def ensure_terraform(tools: Path = TOOLS) -> Installation:
    """Find it as :func:`find_terraform` does, but download the pinned release when there is no Terraform at all.

    ``TERRAFORM_RELEASES_URL`` names a mirror of releases.hashicorp.com.

    Raises:
        TerraformInstallError: what was found is too old, or the download failed its check or could not be made.
    """
    if not os.environ.get("TERRAFORM") and not shutil.which("terraform") and not shutil.which("tofu"):
        release = _release()
        if not _downloaded(tools, release["version"]).is_file():
            _download(release, tools)
    return find_terraform(tools)


def terraform_platform() -> str:
    """Return this machine as Terraform names it, such as ``linux_amd64``."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


def _release() -> Mapping[str, Any]:
    release = json.loads(RELEASE_FILE.read_text(encoding="utf-8"))
    assert isinstance(release, dict)
    return release


def _downloaded(tools: Path, version: str) -> Path:
    return tools / f"terraform-{version}" / "terraform"


def _spell(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _sortable(version: str) -> tuple[int, ...]:
    """Return a key by which ``1.11.0-rc1`` sorts before ``1.11.0``."""
    core, _, pre_release = version.partition("-")
    return (*map(int, core.split(".")), 0 if pre_release else 1)


def _inspect(path: Path, tools: Path) -> Installation:
    """Ask ``path`` what it is, and remember that for as long as the file does not change: asking costs a process."""
    real = path.resolve()
    status = real.stat()
    key = f"{real}:{status.st_mtime_ns}:{status.st_size}"
    memory = tools / "terraform-version.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        remembered = json.loads(memory.read_text(encoding="utf-8"))
        if remembered["key"] == key:
            return Installation(path, remembered["product"], remembered["version"])
    installation = _ask(path)
    with contextlib.suppress(OSError):  # a read-only checkout only loses the shortcut
        replace_file(memory, json.dumps({"key": key, **asdict(installation)}, default=str))
    return installation


def _ask(path: Path) -> Installation:
    try:
        done = subprocess.run(
            [path, "version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "CHECKPOINT_DISABLE": "1"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TerraformInstallError(f"{path} does not run: {error}") from error
    said = re.search(r"^(Terraform|OpenTofu) v(\d+\.\d+\.\d+(?:-\S+)?)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or said is None:
        raise TerraformInstallError(
            f"`{path} version` does not name a version of Terraform or OpenTofu (exit status {done.returncode}): "
            f"{(done.stderr or done.stdout).strip()[:500]}"
        )
    return Installation(path, said[1], said[2])


def _download(release: Mapping[str, Any], tools: Path) -> None:
    # Only a download needs these, and they cost more to import than everything else here.
    import http.client
    import io
    import urllib.request
    import zipfile

    version = release["version"]
    system = terraform_platform()
    expected = release["sha256"].get(system)
    if expected is None:
        raise TerraformInstallError(
            f"Terraform {version} cannot be downloaded for {system}: {RELEASE_FILE.name} holds no checksum for it "
            f"(only for {', '.join(release['sha256'])}). Install Terraform >= {_spell(MINIMUM)} and put it on PATH."
        )
    base = os.environ.get("TERRAFORM_RELEASES_URL", RELEASES_URL).rstrip("/")
    url = f"{base}/terraform/{version}/terraform_{version}_{system}.zip"
    if not url.startswith(("https://", "http://")):
        raise TerraformInstallError(f"TERRAFORM_RELEASES_URL={base} must start with https:// or http://.")
    try:
        with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 -- the scheme is checked above
            archive = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise TerraformInstallError(
            f"Terraform {version} could not be downloaded from {url}: {getattr(error, 'reason', error)}. Check the "
            "network or set TERRAFORM_RELEASES_URL to a mirror; or install Terraform and put it on PATH."
        ) from error
    actual = sha256_hex(archive)
    if actual != expected:
        raise TerraformInstallError(
            f"{url} is not the release it should be: its SHA-256 is {actual}, and {RELEASE_FILE.name} says "
            f"{expected}. Nothing was installed. Either the download was altered or the pinned value is wrong."
        )
    target = _downloaded(tools, version)
    replace_file(target, zipfile.ZipFile(io.BytesIO(archive)).read("terraform"), mode=0o755)
