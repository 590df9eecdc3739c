"""What every test stands on: no network, a ZenML store of its own, and settings whose folders are temporary."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_terraform.tf
import yaml

# Recordings are replayed: without this, pytest would not even start where there is no Terraform.
pytest_terraform.tf.LazyReplay.value = True

# By default it fails an example that takes more than 0.2 s.
hypothesis.settings.register_profile("searching", deadline=None)  # pytest --hypothesis-profile=searching
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parent.parent

# Before anything imports zenml, mlflow or boto3: whatever reads its configuration at import finds a temporary one.
_SESSION = Path(tempfile.mkdtemp(prefix="groundwork-tests-"))
_SET = {
    "ZENML_CONFIG_PATH": str(_SESSION / "zenml"),
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_CUSTOM_SOURCE_ROOT": str(REPOSITORY),  # a worker of xdist has no main file for ZenML to derive it from
    "ZENML_LOGGING_VERBOSITY": "WARNING",
    "ZENML_ENABLE_RICH_TRACEBACK": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "TF_CLI_CONFIG_FILE": os.devnull,
    "CHECKPOINT_DISABLE": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "OMP_NUM_THREADS": "1",
}
# What a developer's shell or a CI runner says of itself would change what the programs do, so no test sees it.
_FOREIGN = re.compile(
    r"CI|OFFLINE|(ACTIONS|ARM|AWS|AZURE|CLOUDSDK|GITHUB|GOOGLE|GROUNDWORK|INFRACOST|MLFLOW|RUNNER|TF_VAR|ZENML)_.*"
)
_KEPT = ("GROUNDWORK_KUBECONFIG", "GROUNDWORK_RECORD")  # what the tests themselves are told
_OPTIONS = {
    option
    for package in ("environments", "governance", "pipelines", "stack_bootstrap")
    for file in (REPOSITORY / package).rglob("*.py")
    for option in re.findall(r'envvar="([A-Z_]+)"', file.read_text(encoding="utf-8"))
}


def without_foreign_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return ``variables`` without those that describe the caller's CI, cloud, ZenML or the options of our commands."""
    return {
        name: value
        for name, value in variables.items()
        if name in _KEPT or not (_FOREIGN.fullmatch(name) or name in _OPTIONS)
    }


for _name in set(os.environ) - set(without_foreign_variables(os.environ)):
    del os.environ[_name]
os.environ.update(_SET)

# ZenML reads the metadata of every installed package three times a run: a fifth of its time. None comes or goes here.
importlib.metadata.packages_distributions = functools.cache(importlib.metadata.packages_distributions)


DIGITS = "diary_digit_classifier"

_QUICK_PROGRAMS = ("git", "ssh-keygen", "openssl", "sh", "uname")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--quick``, by which ``make check`` leaves out what takes seconds."""
    parser.addoption("--quick", action="store_true", help="skip tests that import ZenML or start Terraform or Python")


def pytest_configure(config: pytest.Config) -> None:
    """Watch this process with ``--quick``; of xdist's processes only those that run tests."""
    if config.getoption("--quick") and (hasattr(config, "workerinput") or not config.getoption("numprocesses", None)):
        sys.addaudithook(skip_what_takes_seconds)


def skip_what_takes_seconds(event: str, arguments: tuple[Any, ...]) -> None:
    """Skip the test, or the module, that imports ZenML or starts a program which is not known to be quick.

    An audit hook sees it happen, so nobody has to mark tests.
    """
    if event == "import" and str(arguments[0]).partition(".")[0] in ("zenml", "mlflow"):
        pytest.skip(f"imports {arguments[0]}", allow_module_level=True)
    if event == "subprocess.Popen" and (name := Path(os.fsdecode(arguments[0])).name) not in _QUICK_PROGRAMS:
        pytest.skip(f"starts {name}", allow_module_level=True)
    if event in ("os.fork", "os.forkpty"):
        pytest.skip("forks", allow_module_level=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one worker, as they share what its fixtures made; a group of its own may span files.

    A group that takes long begins first: begun last, it would run on one worker while the others have nothing to do.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
    slow = {_group(item) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: _group(item) not in slow)


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    assert marker is not None, "every item got one"
    return str(marker.args[0])


def pytest_sessionfinish() -> None:
    """Leave nothing behind in the temporary folder of the machine."""
    shutil.rmtree(_SESSION, ignore_errors=True)


@pytest.fixture
def settings_directory(tmp_path: Path) -> Path:
    """Copy ``environments/`` (YAML only), with a ``local`` cloud that lives below ``tmp_path``."""
    return copy_settings(tmp_path)


def copy_settings(folder: Path) -> Path:
    """Copy the YAML of ``environments/`` into ``folder``, with the ``local`` cloud at ``folder / "ground"``."""
    directory = folder / "environments"
    source = REPOSITORY / "environments"
    (directory / "teams").mkdir(parents=True)
    for file in [*source.glob("*.yaml"), *source.glob("teams/*.yaml")]:
        shutil.copy(file, directory / file.relative_to(source))
    for name in ("dev", "staging", "production"):
        edit_yaml(directory / f"{name}.yaml", lambda raw: raw["local"].update(root=str(folder / "ground")))
    return directory


def remove_diabetes_care(settings: Path) -> None:
    """Remove the team with its file, and what environments say of its models."""
    (settings / "teams" / "diabetes-care.yaml").unlink()
    for name in ("dev", "staging", "production"):
        edit_yaml(settings / f"{name}.yaml", lambda raw: raw["gates"]["fairness"].pop("exemptions"))
        edit_yaml(settings / f"{name}.yaml", lambda raw: raw["gates"]["fairness"]["no_attributes"].pop(DIGITS))


def copy_checkout(folder: Path) -> Path:
    """Copy what commands need of the checkout into ``folder``."""
    folder.mkdir(exist_ok=True)
    for part in ("copier.yml", "environments", "governance", "infra", "locks", "pipelines",
                 "pyproject.toml", "requirements.lock", "stack_bootstrap"):  # fmt: skip
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns(".terraform", "__pycache__"))
        else:
            shutil.copy(source, folder / part)
    return folder


def run_in_copy(copy: Path, script: str, store: Path) -> dict[str, Any]:
    """Run ``script`` on the packages of ``copy``, in a copy of the ZenML store ``store``; return the JSON it prints."""
    home = copy / ".groundwork" / "zenml"
    _copy_store(store, home)
    variables = {name: value for name, value in os.environ.items() if name != "ZENML_CUSTOM_SOURCE_ROOT"}
    variables |= {"PYTHONPATH": str(copy), "ZENML_CONFIG_PATH": str(home)}
    variables["ZENML_LOCAL_STORES_PATH"] = str(home / "local_stores")
    command = [sys.executable, script]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def edit_yaml(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Apply ``change`` to the mapping in ``file`` and write it back."""
    raw = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    change(raw)
    file.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="session")
def _migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a ZenML configuration whose SQLite store is created and migrated, once a session, to copy from."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    # A training commits 324 times, and waits a quarter of its time for the disk; no test cuts the power.
    def without_sync(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", without_sync)
    home = tmp_path_factory.mktemp("zenml-template")
    with pytest.MonkeyPatch.context() as patch:
        use_zenml_home(patch, home)
        from zenml.client import Client

        assert Client().zen_store.get_user()
    return home


@pytest.fixture
def zenml_store(_migrated_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make an empty ZenML store of this test's own; ``Client()`` uses it. Yields the configuration folder."""
    home = tmp_path / "zenml"
    copy_zenml_store(_migrated_store, home, monkeypatch)
    yield home
    forget_zenml()


@pytest.fixture(scope="module")
def module_zenml_store(_migrated_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a ZenML store as ``zenml_store`` does, for all tests of a module. A module uses one of the two."""
    home = tmp_path_factory.mktemp("module") / "zenml"
    with pytest.MonkeyPatch.context() as patch:
        copy_zenml_store(_migrated_store, home, patch)
        yield home
    forget_zenml()


def copy_zenml_store(template: Path, home: Path, patch: pytest.MonkeyPatch) -> None:
    """Make a store of its own at ``home`` and let this process use it."""
    _copy_store(template, home)
    use_zenml_home(patch, home)


def _copy_store(template: Path, home: Path) -> None:
    shutil.copytree(template, home)
    for file in home.glob("*.yaml"):
        file.write_text(file.read_text(encoding="utf-8").replace(str(template), str(home)), encoding="utf-8")


def use_zenml_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    patch.setenv("ZENML_CONFIG_PATH", str(home))
    patch.setenv("ZENML_LOCAL_STORES_PATH", str(home / "local_stores"))
    forget_zenml()


def forget_zenml() -> None:
    """Drop ZenML's process-wide singletons, so that the next ``Client()`` reads the environment again."""
    if "zenml.client" not in sys.modules:
        return
    from zenml.client import Client
    from zenml.config.global_config import GlobalConfiguration

    Client._reset_instance()
    GlobalConfiguration._reset_instance()
