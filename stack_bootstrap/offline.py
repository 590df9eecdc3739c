"""``OFFLINE=1``: run a cloud's root against the offline provider, into a state that can be thrown away.

Three things keep such a run away from anything real. Terraform gets a generated CLI configuration that knows no
registry, only a mirror whose providers are wrappers around ``infra/offline``. It runs in a copy of the root whose
backend is overridden with a local file, so that the real backend is never even initialised. And the copy declares
itself a simulation, which every contract it emits then says.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environments import CHECKOUT

SIMULATION = "simulation"
"""The word that every summary line of an offline run carries."""

PROVIDER_HOME = CHECKOUT / "infra" / "offline"

_SIMULATED = re.compile(r"^\s*simulated\s*=\s*false\b", re.MULTILINE)

_OVERRIDE = """\
# Generated for an offline run: a throw-away state, and contracts that say they are simulated.
terraform {
  backend "local" {}
}

locals {
  simulated = true
}
"""

_REAL_ACCESS = ("AWS_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "ARM_", "AZURE_")
"""Prefixes of the variables that lead to accounts; Terraform does not see them in an offline run."""


class OfflineError(Exception):
    """An offline run cannot be set up; the message says what is missing and what to do."""


@dataclass(frozen=True)
class OfflineRun:
    """Where an offline run of one environment and cloud happens."""

    folder: Path
    root: Path
    configuration: Path

    @property
    def data(self) -> Path:
        """Terraform's data directory, ``TF_DATA_DIR``."""
        return self.folder / "data"

    @property
    def plan(self) -> Path:
        """The saved plan."""
        return self.folder / "plan.tfplan"

    @property
    def state(self) -> Path:
        """The throw-away state."""
        return self.folder / "terraform.tfstate"

    def variables(self, base: Mapping[str, str]) -> dict[str, str]:
        """The process environment for Terraform: ``base`` without whatever leads to an account."""
        kept = {name: value for name, value in base.items() if not name.startswith(_REAL_ACCESS)}
        return {**kept, "TF_CLI_CONFIG_FILE": str(self.configuration), "TF_DATA_DIR": str(self.data)}


def prepare(cloud: str, environment: str, *, ground: Path | None = None, checkout: Path = CHECKOUT) -> OfflineRun:
    """Set up everything for an offline run: the provider's environment, the mirror and the copy of the root.

    Args:
        cloud: whose root, ``infra/roots/<cloud>``.
        environment: names the folder; each environment has a state of its own here, too.
        ground: folder that holds what offline runs write; ``<checkout>/.groundwork`` by default.
        checkout: the checkout whose ``infra/`` is run.

    Raises:
        OfflineError: the root does not exist or does not say whether it is simulated, or the provider's environment
            cannot be made.
    """
    source = checkout / "infra" / "roots" / cloud
    if not any(source.glob("*.tf")):
        raise OfflineError(f"There is no root {source} to run offline.")
    if not any(_SIMULATED.search(file.read_text(encoding="utf-8")) for file in source.glob("*.tf")):
        raise OfflineError(f"{source}: declare 'simulated = false' in a locals block; an offline run overrides it.")
    offline = (ground or checkout / ".groundwork") / "offline"
    folder = offline / cloud / environment
    root = folder / "infra" / "roots" / cloud
    configuration = _write_configuration(offline, provider_python(checkout / ".tools"))
    _copy_root(source, root)
    modules = folder / "infra" / "modules"
    if not modules.is_symlink():
        modules.symlink_to(checkout / "infra" / "modules", target_is_directory=True)
    return OfflineRun(folder, root, configuration)


def provider_python(tools: Path) -> Path:
    """The interpreter of the offline provider's own environment, made from its hash lock when it is not there yet.

    Raises:
        OfflineError: uv is missing or could not install the locked packages.
    """
    lock = PROVIDER_HOME / "requirements.lock"
    digest = hashlib.sha256(lock.read_bytes() + platform.python_version().encode()).hexdigest()[:12]
    home = tools / f"offline-{digest}"
    python, stamp = home / "bin" / "python", home / ".complete"
    if stamp.exists():
        return python
    tools.mkdir(parents=True, exist_ok=True)
    with _locked(tools / f"offline-{digest}.lock"):
        if stamp.exists():
            return python
        uv = _uv()
        install = [
            "pip",
            "sync",
            "--quiet",
            "--require-hashes",
            "--compile-bytecode",
            "--python",
            str(python),
            str(lock),
        ]
        for command in (["venv", "--quiet", "--clear", "--python", sys.executable, str(home)], install):
            done = subprocess.run([str(uv), *command], capture_output=True, text=True, check=False)
            if done.returncode:
                raise OfflineError(f"The offline provider's packages could not be installed:\n{done.stderr.strip()}")
        stamp.touch()
    return python


def _uv() -> Path:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise OfflineError("uv is needed to install the offline provider's packages: run 'make setup'.")
    return Path(found)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold ``file`` so that two processes do not build the same environment at once."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def terraform_platform() -> str:
    """This machine as Terraform names it, such as ``linux_amd64``."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"


def _write_configuration(offline: Path, python: Path) -> Path:
    """Write the mirror and the CLI configuration that knows nothing but the mirror; return the latter."""
    mirror = offline / "mirror"
    pins = tomllib.loads((PROVIDER_HOME / "providers.toml").read_text(encoding="utf-8"))
    for name, pin in pins.items():
        wrapper = mirror / pin["source"] / pin["version"] / terraform_platform()
        wrapper.mkdir(parents=True, exist_ok=True)
        _write(
            wrapper / f"terraform-provider-{name}_v{pin['version']}",
            "#!/bin/sh\n"
            f"PYTHONPATH={shlex.quote(str(PROVIDER_HOME))} "
            f"exec {shlex.quote(str(python))} -s -m offline_provider {name}\n",
            executable=True,
        )
    configuration = offline / "terraformrc"
    _write(
        configuration,
        "disable_checkpoint = true\n\n"
        "provider_installation {\n"
        "  filesystem_mirror {\n"
        f'    path = "{mirror}"\n'
        "  }\n"
        "}\n",
    )
    return configuration


def _copy_root(source: Path, root: Path) -> None:
    """Bring ``root`` level with ``source``, plus the override; nothing that is not a ``.tf`` file is copied.

    The dependency lock stays behind: it holds the sums of the real providers.
    """
    root.mkdir(parents=True, exist_ok=True)
    wanted = {file.name: file.read_text(encoding="utf-8") for file in source.glob("*.tf")}
    wanted = {name: text for name, text in wanted.items() if not name.endswith("override.tf")}
    wanted["offline_override.tf"] = _OVERRIDE
    for stale in root.glob("*.tf"):
        if stale.name not in wanted:
            stale.unlink()
    for name, text in wanted.items():
        _write(root / name, text)


def _write(file: Path, text: str, *, executable: bool = False) -> None:
    """Write ``file`` in one step, and only when it differs, as another process may be reading it."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o755 if executable else 0o644)
    fresh.replace(file)
