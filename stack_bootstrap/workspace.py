"""Where Terraform works for one environment on one cloud: its root, its state and what it is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from environments import (
    CHECKOUT,
    SERVER,
    SERVER_FILE,
    Cloud,
    Environment,
    Platform,
    ground_of,
    local_root,
    pick_cloud,
)
from environments.errors import ExpectedError
from stack_bootstrap import offline
from stack_bootstrap.clouds import adapted_clouds, adapter_for

if TYPE_CHECKING:
    from stack_bootstrap.cluster.render import ClusterTarget

ROOTS = CHECKOUT / "infra" / "roots"
SERVER_ROOTS = CHECKOUT / "infra" / "servers"
MIRROR_VARIABLE = "TF_PLUGIN_MIRROR"
"""Names a folder that provider plugins are taken from instead of their registry."""


class WorkspaceError(ExpectedError):
    """There is no Terraform workspace for this environment and cloud; the message says why."""


@dataclass(frozen=True)
class Workspace:
    """One environment on one cloud, as Terraform sees it. Every environment and cloud has a state of its own.

    The shared server is planned and applied as if it were one more, by a root of its own.
    """

    environment: str
    cloud: Cloud
    protected: bool
    settings: Path
    """Folder of the settings files."""
    root: Path
    """The Terraform root that is run."""
    home: Path
    """Folder of everything that Terraform keeps here for this environment and cloud."""
    ground: Path | None
    """Folder that holds everything of the local cloud; ``None`` on the others."""
    backend: Mapping[str, str]
    """Settings of the root's backend, given on every init."""
    variables: Mapping[str, str]
    mirrors: tuple[Path, ...] = ()
    """Folders that hold provider plugins in the layout of ``terraform providers mirror``."""
    configuration: Path | None = None
    """A CLI configuration of Terraform to use as it is."""
    cluster: ClusterTarget | None = None
    """What lives inside a cluster beside what Terraform makes; None where nothing does."""
    simulated: bool = False
    """Whether the offline provider answers: nothing that is planned or applied exists."""
    stands_in: str = ""
    """Of the shared server: the environment in whose account it is, and whose log says what was done to it."""

    @property
    def place(self) -> str:
        """The environment whose account, regions and log this has: its own, but for the shared server."""
        return self.stands_in or self.environment

    @property
    def data(self) -> Path:
        """``TF_DATA_DIR``: installed modules and plugins, and which backend they go with."""
        return self.home / "data"

    @property
    def plan_file(self) -> Path:
        """Where ``plan`` leaves its plan for ``apply``."""
        return self.home / "plan.tfplan"

    @property
    def state_file(self) -> Path | None:
        """The state, where it is a file on this machine."""
        return Path(self.backend["path"]) if "path" in self.backend else None

    def __str__(self) -> str:
        return f"{self.environment} on {self.cloud}{f' ({offline.SIMULATION})' if self.simulated else ''}"


def workspace(platform: Platform, environment: str, cloud: str | None = None) -> Workspace:
    """Return the workspace of ``environment`` on ``cloud`` (default: the environment's own choice).

    ``server`` is the shared server, on the cloud of the environment that it stands in.

    Raises:
        SettingsError: the environment is unknown or does not describe the cloud.
        OfflineError: ``OFFLINE=1`` is set and an offline run cannot be set up.
        WorkspaceError: there is no Terraform root for the cloud, or ``TF_PLUGIN_MIRROR`` names no folder.
    """
    if environment == SERVER:
        return _server_workspace(platform, cloud)
    chosen = platform.environment(environment)
    picked = pick_cloud(chosen, cloud)
    root = ROOTS / picked
    if picked not in adapted_clouds() or not root.is_dir():
        raise WorkspaceError(
            f"CLOUD={picked} cannot be planned: there is no Terraform root {root}. "
            f"Clouds that have one: {', '.join(adapted_clouds())}."
        )
    ground = local_root(chosen) if picked == "local" else None
    home = ground_of(chosen, picked) / "terraform" / picked / environment
    settings = platform.directory.resolve()
    variables = {"environment": environment, "settings": str(settings)}
    if ground is not None:
        variables["ground"] = str(ground)
    real = Workspace(
        environment=environment,
        cloud=picked,
        protected=chosen.protected,
        settings=settings,
        root=root,
        home=home,
        ground=ground,
        backend=adapter_for(picked).backend(chosen, home),
        variables=variables,
        mirrors=_mirrors(),
        cluster=adapter_for(picked).cluster(platform, chosen),
    )
    return _simulated(real, chosen) if offline.requested() else real


def _server_workspace(platform: Platform, cloud: str | None) -> Workspace:
    """Return the workspace of the shared server: a root and a state of its own, beside that of where it stands."""
    server = platform.server
    if server is None:
        raise WorkspaceError(
            f"There is no {platform.directory / SERVER_FILE}, which says what the shared server is. Begin with "
            "infra/servers/server.example.yaml. On this machine `make server` starts one."
        )
    chosen = platform.environment(server.stands_in)
    picked = pick_cloud(chosen, cloud)
    root = SERVER_ROOTS / picked
    if not root.is_dir():
        roots = sorted(folder.name for folder in SERVER_ROOTS.iterdir() if folder.is_dir())
        raise WorkspaceError(
            f"CLOUD={picked} has no root for the shared server. Clouds that have one: {', '.join(roots)}. "
            "On this machine `make server` starts it."
        )
    if getattr(server, picked, None) is None:
        raise WorkspaceError(f"{SERVER_FILE} has no {picked!r} section, so CLOUD={picked} cannot be used.")
    home = ground_of(chosen, picked) / "terraform" / picked / SERVER
    settings = platform.directory.resolve()
    backend = adapter_for(picked).backend(chosen, home)
    real = Workspace(
        environment=SERVER,
        cloud=picked,
        protected=server.protected,
        settings=settings,
        root=root,
        home=home,
        ground=None,
        backend={key: _servers_own(key, value, chosen.environment) for key, value in backend.items()},
        variables={"settings": str(settings), "stands_in": chosen.environment},
        mirrors=_mirrors(),
        cluster=adapter_for(picked).server_cluster(platform, chosen),
        stands_in=chosen.environment,
    )
    return _simulated(real, chosen) if offline.requested() else real


def _servers_own(key: str, value: str, environment: str) -> str:
    """Return a setting of the backend of ``environment`` as the server's state has it: another key, the same bucket."""
    return value.replace(f"/{environment}", f"/{SERVER}") if key in ("key", "prefix") else value


def _simulated(real: Workspace, chosen: Environment) -> Workspace:
    """Return ``real`` with everything that leads to an account or to real state replaced."""
    ground = local_root(chosen) if chosen.local else None
    run = offline.prepare(real.cloud, real.environment, ground=ground, roots=real.root.parent.name)
    return replace(
        real,
        root=run.root,
        home=run.folder,
        backend={"path": str(run.folder / "terraform.tfstate")},
        mirrors=(),
        configuration=run.configuration,
        simulated=True,
    )


def _mirrors() -> tuple[Path, ...]:
    named = os.environ.get(MIRROR_VARIABLE)
    if not named:
        return ()
    mirror = Path(named).resolve()
    if not mirror.is_dir():
        raise WorkspaceError(f"{MIRROR_VARIABLE}={named} is no folder; name a Terraform filesystem mirror or unset it.")
    return (mirror,)
