"""A laid ground: three environments applied by Terraform and registered in ZenML, as `make apply register` does it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from environments import Platform, load_platform
from governance.audit import current_identity, open_reader
from governance.core import provenance
from governance.core.target import Target, target_for
from governance.infrastructure import AuditRecorder
from governance.records.settings import other_settings
from governance.server.mariadb import TemporaryMariaDb, missing_programs, temporary_mariadb
from governance.signing.people import principal_of
from governance.signing.signatories import Signatory, demo_key
from stack_bootstrap.plans import Changes
from stack_bootstrap.recorders import InfrastructureAct, attached
from stack_bootstrap.workspace import workspace
from tests.conftest import copy_settings
from tests.governance.s3 import bucket, s3_server  # noqa: F401 (fixtures)
from tests.governance.served import Served, served

CANCER = "breast_cancer_classifier"
DIABETES = "diabetes_progression_classifier"
TRAINER = "trainer@example.com"
"""Who runs the tests, and so whoever trains in them."""


@dataclass(frozen=True)
class Ground:
    """Where a test's environments are."""

    settings: Path

    @property
    def platform(self) -> Platform:
        """The settings as they are now; a test may have changed them."""
        return load_platform(self.settings)

    def target(self, environment: str, model: str = CANCER) -> Target:
        return target_for(self.platform, model, environment)

    def signatory(self, email: str, *names: str) -> Signatory:
        """Somebody with an SSH key made on the spot, whom this ground declares, as applied."""
        signatory = demo_key(self.target("production"), email, *names)
        self.apply_settings()
        return signatory

    def apply_settings(self, *environments: str) -> None:
        """Record the settings as they are now, as an apply does that finds nothing to change.

        Args:
            environments: which; by default those whose settings differ from what was applied.
        """
        platform = self.platform
        for name in environments or ("staging", "production"):
            if environments or other_settings(self.target(name), open_reader(platform, name)):
                act = InfrastructureAct("apply", workspace(platform, name, "local"), Changes(), "0" * 64)
                with AuditRecorder().infrastructure(act):
                    pass


def lay(folder: Path) -> Ground:
    """Apply and register all three environments below ``folder``, on record, in the ZenML store in use."""
    from stack_bootstrap.infrastructure import apply
    from stack_bootstrap.registration import register_all

    ground = Ground(copy_settings(folder))
    platform = ground.platform
    demo_key(ground.target("production"), TRAINER, principal_of(current_identity()))
    with attached(AuditRecorder()):
        stacks = {name: apply(workspace(platform, name, "local")).stacks for name in platform.environments}
    register_all(stacks)
    return ground


_UNCOMMITTED = provenance._uncommitted


@pytest.fixture(scope="session", autouse=True)
def _as_committed() -> Iterator[None]:
    """Let what a developer has not committed yet fail no test, nor settings in temporary folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "_uncommitted", lambda *_: [])
        yield


@pytest.fixture
def uncommitted_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for what is in no commit, as outside of tests."""
    monkeypatch.setattr(provenance, "_uncommitted", _UNCOMMITTED)


@pytest.fixture
def run_main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Run a command as its program does, its line of an error included; returns the exit code."""
    from governance.cli.app import main

    def run(*arguments: str) -> object:
        handler = signal.getsignal(signal.SIGTERM)
        monkeypatch.setattr(sys, "argv", ["governance", *arguments])
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            signal.signal(signal.SIGTERM, handler)
        return ended.value.code

    return run


@pytest.fixture(scope="module")
def ground(module_zenml_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """One ground for a module's tests."""
    return lay(tmp_path_factory.mktemp("ground"))


@pytest.fixture
def fresh_ground(zenml_store: Path, tmp_path: Path) -> Ground:
    """A ground of this test's own."""
    return lay(tmp_path)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A guarded server. Its tests are in the group ``server``, so that one worker starts one."""
    with served(tmp_path_factory.mktemp("server")) as world:
        yield world


@pytest.fixture
def mariadb() -> Iterator[TemporaryMariaDb]:
    """An empty database on a MariaDB server of this test's own."""
    if missing := missing_programs():
        pytest.skip(f"{' and '.join(missing)} are not on this machine")
    with temporary_mariadb() as server:
        yield server
