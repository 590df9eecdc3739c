"""``OFFLINE=1``: run a cloud's root against the offline provider, into a state that can be thrown away.

Three things keep such a run away from anything real. Terraform gets a generated CLI configuration that knows no
registry, only a mirror whose providers are wrappers around ``infra/offline``. It runs in a copy of the root whose
backend is overridden with a local file, so that the real backend is never even initialised. And the copy declares
itself a simulation, which every contract it emits then says.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from environments import CHECKOUT
from environments.errors import ExpectedError
from environments.files import replace_if_changed, sha256_hex
from stack_bootstrap.tool_environment import ToolEnvironmentError, tool_environment

SIMULATION = "simulation"
"""The word that every summary line of an offline run carries."""

PROVIDER_HOME = CHECKOUT / "infra" / "offline"

_OVERRIDE_NAME = "offline_override.tf"

_SIMULATED = re.compile(r"^\s*simulated\s*=\s*false\b", re.MULTILINE)

_OVERRIDE = """\
# Generated for an offline run: a throw-away state, and contracts that say they are simulated.
# Providers: {mirror}
terraform {{
  backend "local" {{}}
}}

locals {{
  simulated = true
}}
"""

VARIABLE = "OFFLINE"
"""Set to 1, it makes every run of a cloud's root a simulation."""

_ON, _OFF = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})

_ACCOUNTS = ("AWS_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "ARM_", "AZURE_", "TF_REATTACH_", "TF_CLI_ARGS")
"""Prefixes of the variables that lead to accounts or to other providers; an offline run's Terraform sees none."""


class OfflineError(ExpectedError):
    """An offline run cannot be set up; the message says what is missing and what to do."""


@dataclass(frozen=True)
class OfflineRun:
    """Where an offline run of one environment and cloud happens."""

    folder: Path
    root: Path
    configuration: Path


def requested() -> bool:
    """Return whether ``OFFLINE`` asks for a simulation.

    Raises:
        OfflineError: it is set to something that is neither yes nor no.
    """
    value = os.environ.get(VARIABLE, "").lower()
    if value not in _ON | _OFF:
        raise OfflineError(f"{VARIABLE}={value} means nothing; set it to 1, or leave it out.")
    return value in _ON


def without_accounts(variables: Mapping[str, str]) -> dict[str, str]:
    """Return ``variables`` without those that lead to an account or to another provider."""
    return {name: value for name, value in variables.items() if not name.startswith(_ACCOUNTS)}


def prepare(
    cloud: str, environment: str, *, ground: Path | None = None, checkout: Path = CHECKOUT, roots: str = "roots"
) -> OfflineRun:
    """Set up everything for an offline run: the provider's environment, the mirror and the copy of the root.

    Args:
        cloud: whose root, ``infra/<roots>/<cloud>``.
        environment: names the folder; each environment has a state of its own here, too.
        ground: folder that holds what offline runs write; ``<checkout>/.groundwork`` by default.
        checkout: the checkout whose ``infra/`` is run.
        roots: the folder that the root is in.

    Raises:
        OfflineError: the root does not exist or does not say whether it is simulated, or the provider's environment
            cannot be made.
    """
    if cloud == "local":
        raise OfflineError(f"CLOUD=local needs no network and no account; leave out {VARIABLE}, or choose a cloud.")
    source = checkout / "infra" / roots / cloud
    if not any(_SIMULATED.search(file.read_text(encoding="utf-8")) for file in source.glob("*.tf")):
        raise OfflineError(f"{source}: declare 'simulated = false' in a locals block; an offline run overrides it.")
    offline = (ground or checkout / ".groundwork") / "offline"
    configuration = cli_configuration(offline, checkout)
    folder = offline / cloud / environment
    root = folder / "infra" / roots / cloud
    _copy_root(source, root, _OVERRIDE.format(mirror=configuration.parent.name))
    modules = folder / "infra" / "modules"
    if not modules.is_symlink():
        modules.symlink_to(checkout / "infra" / "modules", target_is_directory=True)
    return OfflineRun(folder, root, configuration)


def cli_configuration(folder: Path, checkout: Path = CHECKOUT) -> Path:
    """Write a CLI configuration of Terraform below ``folder`` that knows the offline provider and no registry.

    Raises:
        OfflineError: the provider's environment cannot be made.
    """
    mirror = _write_mirror(folder, provider_python(checkout / ".tools"))
    configuration = mirror / "terraform.rc"
    installation = f"  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}"
    replace_if_changed(configuration, f"disable_checkpoint = true\n\nprovider_installation {{\n{installation}\n}}\n")
    return configuration


def provider_python(tools: Path) -> Path:
    """Return the interpreter of the offline provider's own environment, made from its hash lock when not there yet.

    Raises:
        OfflineError: uv is missing or could not install the locked packages.
    """
    try:
        home = tool_environment("offline", PROVIDER_HOME / "requirements.lock", tools)
    except ToolEnvironmentError as error:
        raise OfflineError(str(error)) from error
    return home / "bin" / "python"


def terraform_platform() -> str:
    """Return this machine as Terraform names it, such as ``linux_amd64``."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"


def _write_mirror(offline: Path, python: Path) -> Path:
    """Write a filesystem mirror whose providers are wrappers that start the offline provider.

    Its name follows from what it holds: Terraform's dependency lock remembers a provider's sum, so wrappers that
    changed are another mirror.
    """
    wrappers = {}
    for name, pin in tomllib.loads((PROVIDER_HOME / "providers.toml").read_text(encoding="utf-8")).items():
        place = (
            Path(pin["source"]) / pin["version"] / terraform_platform() / f"terraform-provider-{name}_v{pin['version']}"
        )
        start = f"PYTHONPATH={shlex.quote(str(PROVIDER_HOME))} exec {shlex.quote(str(python))}"
        wrappers[place] = f"#!/bin/sh\n{start} -s -m offline_provider {name}\n"
    digest = sha256_hex(repr(sorted(wrappers.items())))[:12]
    mirror = offline / f"mirror-{digest}"
    for place, text in wrappers.items():
        replace_if_changed(mirror / place, text, mode=0o755)
    return mirror


def _copy_root(source: Path, root: Path, override: str) -> None:
    """Bring ``root`` level with ``source``, plus the override; nothing that is not a ``.tf`` file is copied.

    The dependency lock stays behind: it holds the sums of the real providers.
    """
    root.mkdir(parents=True, exist_ok=True)
    wanted = {file.name: file.read_text(encoding="utf-8") for file in source.glob("*.tf")}
    wanted = {name: text for name, text in wanted.items() if not name.endswith("override.tf")}
    wanted[_OVERRIDE_NAME] = override
    present = root / _OVERRIDE_NAME
    if present.exists() and present.read_text(encoding="utf-8") != override:
        (root / ".terraform.lock.hcl").unlink(missing_ok=True)
    for stale in root.glob("*.tf"):
        if stale.name not in wanted:
            stale.unlink()
    for name, text in wanted.items():
        replace_if_changed(root / name, text)
