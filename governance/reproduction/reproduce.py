"""Reproduce a training: its commit in a clean folder, its lock's packages, a ZenML store of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zenml.client import Client

from environments import CHECKOUT, ground_of
from environments.files import file_sha256
from environments.git import GitError, run_git
from governance.audit import open_reader
from governance.audit.events import RunReproduced
from governance.core.digests import digest
from governance.core.provenance import lock_digest
from governance.core.target import Target
from governance.images.lock_file import Locked, normalized, read_lock
from governance.records.journal import Journal, without_people
from governance.reproduction.recorded import RecordedRun, ReproductionError, recorded_training
from governance.runs.trackers import TRACKERS
from pipelines.artifacts import CONFIG
from pipelines.training import training_pipeline
from stack_bootstrap.tool_environment import ToolEnvironmentError, tool_environment

Outcome = Literal["reproduced", "within_intervals", "differs"]
Teller = Callable[[str], None]
_REBUILD = Path(__file__).with_name("rebuild.py")
_FOREIGN = ("ZENML_", "PYTHON", *(f"{flavor.upper()}_TRACKING" for flavor in TRACKERS))
"""Variables that would lead the training to another store or other code."""
_LAST_LINES = 6
_MOST = 20
"""Findings that one event names."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was recorded."""

    what: str
    """``lock``, ``packages``, ``data``, ``parameters``, ``seed``, ``model`` or ``metric``."""
    said: str


@dataclass(frozen=True)
class Reproduction:
    """What came of training a run again."""

    run: str
    version: str | None
    outcome: Outcome
    differences: tuple[Difference, ...]
    """In the order in which causes come: the first is the one to look at."""
    model: str | None
    """Digest of the model that was trained now."""
    image: str | None = None
    """Digest of the image that the run was in; it is trained again without one."""

    @property
    def first_difference(self) -> str | None:
        """What differs first."""
        return self.differences[0].what if self.differences else None


@dataclass(frozen=True)
class Plan:
    """What would be trained again, from what."""

    recorded: RecordedRun
    commit_at_hand: bool
    lock_at_hand: bool
    """Whether this process's packages are those of the recorded lock, so that none have to be installed."""


def plan(target: Target, *, run: str | None = None, version: str | None = None) -> Plan:
    """Return what :func:`reproduce` would do; errors as there, of what the log says."""
    log = open_reader(target.platform, target.environment.environment, cloud=target.cloud)
    recorded = recorded_training(target, log, run=run, version=version)
    try:
        run_git(CHECKOUT, "cat-file", "-e", f"{recorded.commit}^{{commit}}")
        at_hand = True
    except GitError:
        at_hand = False
    return Plan(recorded, at_hand, recorded.lock == digest(lock_digest(CHECKOUT)))


def reproduce(
    target: Target, *, run: str | None = None, version: str | None = None, tell: Teller = lambda _: None
) -> Reproduction:
    """Train a recorded run again in a clean folder, compare it with the record, and record the verdict.

    Args:
        target: the model, and the environment that it was trained in.
        run: name of the run.
        version: the model version, in place of the run; without either the newest training.
        tell: is told each step in a few words.

    Raises:
        ReproductionError: the log knows no such training, its commit is not here, its packages cannot be installed,
            or training failed; nothing is on record of this.
        NotRecordedError: the log cannot be written.
    """
    planned = plan(target, run=run, version=version)
    recorded = planned.recorded
    with tempfile.TemporaryDirectory(prefix="groundwork-reproduce-") as folder:
        workshop = _Workshop(Path(folder), target.model, recorded)
        tell(f"checking out commit {str(recorded.commit)[:12]}")
        workshop.check_out()
        lock = workshop.lock()
        if lock is None:
            said = f"{recorded.lock} was recorded, and commit {recorded.commit} holds no lock of that digest"
            differences, rebuilt = [Difference("lock", said)], None
        else:
            if not planned.lock_at_hand:
                tell("installing the packages of its lock")
            python = Path(sys.executable) if planned.lock_at_hand else _installed(lock, target)
            tell("training")
            report = workshop.train(python)
            differences = list(_compare(recorded, report, lock, _parameters(recorded)))
            rebuilt = digest(report["model"]) if "model" in report else None
            if [difference.what for difference in differences][:1] == ["model"]:
                tell("training a second time, to see whether it makes the same model twice")
                differences = [*_unseeded(report, workshop.train(python)), *differences]
    outcome: Outcome = "differs"
    if {difference.what for difference in differences} <= {"seed", "model"}:
        outcome = "within_intervals" if differences else "reproduced"
    done = Reproduction(recorded.run, recorded.version, outcome, tuple(differences), rebuilt, recorded.image)
    _write(target, done)
    return done


@dataclass(frozen=True)
class _Workshop:
    """A folder in which a run is trained again."""

    folder: Path
    model: str
    recorded: RecordedRun

    @property
    def checkout(self) -> Path:
        """The recorded commit, and nothing else."""
        return self.folder / "checkout"

    def check_out(self) -> None:
        """Put the recorded commit there.

        Raises:
            ReproductionError: this repository does not hold it.
        """
        commit = str(self.recorded.commit)
        try:
            run_git(CHECKOUT, "clone", "--quiet", "--no-checkout", "--shared", str(CHECKOUT), str(self.checkout))
            run_git(self.checkout, "checkout", "--quiet", "--detach", commit)
        except GitError as error:
            raise ReproductionError(
                f"Run {self.recorded.run} was made from commit {commit}, which {CHECKOUT} does not hold: fetch it "
                f"(`git fetch --all`). {error.said}"
            ) from error

    def lock(self) -> Path | None:
        """Return the recorded lock, if the commit holds it."""
        locks = [self.checkout / "requirements.lock", *sorted((self.checkout / "locks").glob("*.lock"))]
        present = [file for file in locks if file.is_file()]
        return next((file for file in present if digest(file_sha256(file)) == self.recorded.lock), None)

    def train(self, python: Path) -> dict[str, Any]:
        """Train once, in a process and a ZenML store of its own, and return what ``rebuild.py`` reports.

        Raises:
            ReproductionError: training failed.
        """
        with tempfile.TemporaryDirectory(prefix="training-", dir=self.folder) as home:
            report = Path(home) / "report.json"
            kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
            variables = {
                **kept,
                "PYTHONPATH": str(self.checkout),
                "ZENML_CONFIG_PATH": home,
                "ZENML_LOCAL_STORES_PATH": str(Path(home) / "stores"),
                "ZENML_CUSTOM_SOURCE_ROOT": str(self.checkout),
                "ZENML_ANALYTICS_OPT_IN": "false",
                "ZENML_LOGGING_VERBOSITY": "ERROR",
            }
            # -P: beside this file lies today's code, and the recorded one is to be used.
            command = [str(python), "-P", str(_REBUILD), self.model, str(report)]
            done = subprocess.run(
                command, cwd=self.checkout, env=variables, capture_output=True, text=True, check=False
            )
            if done.returncode:
                last = " ".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
                raise ReproductionError(f"Run {self.recorded.run} cannot be trained again: {without_people(last)}")
            made: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
            return made


def _installed(lock: Path, target: Target) -> Path:
    try:
        home = tool_environment("reproduce", lock, ground_of(target.environment, target.cloud) / "tools")
    except ToolEnvironmentError as error:
        raise ReproductionError(
            f"The packages of the recorded lock are not here and cannot be installed: {error}"
        ) from error
    return home / "bin" / "python"


def _parameters(recorded: RecordedRun) -> Any:
    """Return the config that the run was called with, as far as ZenML still knows the run."""
    try:
        run = Client().get_pipeline_run(recorded.run, allow_name_prefix_match=False)
    except KeyError:
        return None
    return run.config.extra.get(CONFIG)


def _compare(recorded: RecordedRun, report: Mapping[str, Any], lock: Path, parameters: Any) -> Iterator[Difference]:
    """Say what of the run that was trained now differs, causes first."""
    yield from (Difference("packages", said) for said in _other_packages(report["packages"], lock))
    if "unreadable" in report:
        yield Difference("data", f"they cannot be read any more: {without_people(report['unreadable'])}")
        return
    for name, there in recorded.data.items():
        here = digest(report["data"][name])
        if here != there:
            yield Difference("data", f"the {name} rows had digest {there}, and have {here}")
    if parameters is not None and parameters != report["config"]:
        changed = sorted(name for name in {*parameters, *report["config"]} if _differs(name, parameters, report))
        yield Difference("parameters", f"the run was called with other {', '.join(changed)} than the commit's config")
    made = digest(report["model"])
    if recorded.model is not None and made != recorded.model:
        yield Difference("model", f"{recorded.model} was recorded, and {made} came of it now")
    for name, figure in recorded.metrics.items():
        value = report["metrics"].get(name)
        if value is not None and not figure.holds(value):
            yield Difference(
                "metric",
                f"{name} is {value:.6g}, outside of {figure.lower} to {figure.upper} around {figure.value:.6g}",
            )


def _differs(name: str, parameters: Mapping[str, Any], report: Mapping[str, Any]) -> bool:
    return bool(parameters.get(name) != report["config"].get(name))


def _other_packages(installed: Mapping[str, str], lock: Path) -> list[str]:
    """Return which installed packages are not those of ``lock``; one that is missing would have failed the training."""
    here = {normalized(name): version for name, version in installed.items()}
    wanted: dict[str, list[Locked]] = {}
    for package in read_lock(lock):
        wanted.setdefault(normalized(package.name), []).append(package)
    found = []
    for name, packages in sorted(wanted.items()):
        versions = [package.version for package in packages]
        if name in here and here[name] not in versions:
            found.append(f"{name} is {' or '.join(versions)} in the lock, and {here[name]} is installed")
    return found


def _unseeded(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    if first["model"] == second["model"]:
        return []
    return [
        Difference(
            "seed",
            f"training twice here made {digest(first['model'])[:19]}… and {digest(second['model'])[:19]}…: something "
            "random in it follows no seed",
        )
    ]


def _write(target: Target, done: Reproduction) -> None:
    journal = Journal(target)
    journal.write(
        journal.event(
            RunReproduced,
            run=done.run,
            pipeline=training_pipeline.name,
            model_version=done.version,
            outcome=done.outcome,
            first_difference=done.first_difference,
            rebuilt=done.model,
            findings=tuple(without_people(f"{one.what}: {one.said}") for one in done.differences[:_MOST]),
        )
    )
