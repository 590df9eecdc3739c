"""`make demo` as a user meets it: twice, killed, and with a threshold that a model does not reach."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import copy_checkout, edit_yaml, remove_diabetes_care
from tests.governance.conftest import CANCER, DIABETES


class Demo:
    """The demo's command line in a checkout of its own: this one may hold what is in no commit."""

    def __init__(self, checkout: Path, settings: Path, home: Path) -> None:
        self._checkout, self.settings = checkout, settings
        self.ground = settings.parent / "ground"
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "ZENML_CUSTOM_SOURCE_ROOT"},
            "GROUNDWORK_ENVIRONMENTS": str(settings),
            # A store that the demo must leave alone.
            "ZENML_CONFIG_PATH": str(home),
            "COLUMNS": "200",
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "governance", *command],
            cwd=self._checkout,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str) -> tuple[int, str]:
        process = self.start(*command)
        output, _ = process.communicate(timeout=600)
        return process.returncode, output

    def kill_at(self, words: str, after: float = 0.0) -> str:
        """Run the demo until it says ``words``, then kill it and all it started."""
        process = self.start("demo")
        assert process.stdout is not None
        seen = ""
        for line in process.stdout:
            seen += line
            if words in line:
                time.sleep(after)
                os.killpg(process.pid, signal.SIGKILL)
                break
        process.wait(timeout=60)
        process.stdout.close()
        assert words in seen, seen
        return seen

    def in_production(self) -> dict[str, str]:
        status, output = self.run_in_ground("models", "--json")
        assert status == 0, output
        rows = json.loads(output[output.index("[") :])
        return {row["model"]: row["version"] for row in rows if row["stage"] == "production"}

    def run_in_ground(self, *command: str) -> tuple[int, str]:
        """Run a command against the demo's own store, as make does after a demo."""
        kept = self._environment["ZENML_CONFIG_PATH"]
        self._environment["ZENML_CONFIG_PATH"] = str(self.ground / "zenml")
        try:
            return self.run(*command)
        finally:
            self._environment["ZENML_CONFIG_PATH"] = kept


@pytest.fixture
def demo(settings_directory: Path, tmp_path: Path) -> Demo:
    return Demo(copy_checkout(tmp_path / "checkout"), settings_directory, tmp_path / "users-own-zenml")


@pytest.mark.slow
@pytest.mark.xdist_group("the demo twice")
def test_the_demo_runs_again_stops_at_a_gate_and_cleans_up(demo: Demo, tmp_path: Path) -> None:
    status, told = demo.run("demo")
    assert status == 0, told
    assert "terraform apply production: 16 to add" in told
    assert "registering: 45 objects written" in told, "nine stacks of five objects"
    assert "train a model that learns next to nothing: stopped: recall" in told
    assert "roll production back: from version 3 to version 1" in told, "version 2 was the one that was stopped"
    assert told.count("intact") == 3, "the log of each environment"
    assert f"evidence pack of {CANCER} version 1: checked" in told
    assert demo.in_production() == {CANCER: "1", DIABETES: "1"}
    index = demo.ground / "reports" / "index.html"
    assert str(index) in told
    assert CANCER in index.read_text(encoding="utf-8")
    assert "Traceback" not in told
    assert "a hook failed" not in told
    assert not (tmp_path / "users-own-zenml").exists(), "the demo uses a store of its own"

    # Once more, and the second model is asked for more than it reaches.
    edit_yaml(demo.settings / "production.yaml", lambda raw: raw["model_thresholds"][CANCER].update(recall=0.999))
    status, told = demo.run("demo")
    assert status == 1, told
    assert told.count(": no changes") == 3, "Terraform has nothing to do"
    assert "registering: nothing to change" in told
    assert "version 2, replaces version 1" in told
    assert f"'model performance' stopped {CANCER} in production: recall 0.9" in told
    assert "must be at least 0.999" in told
    assert "Traceback" not in told
    assert demo.in_production() == {CANCER: "1", DIABETES: "2"}, "production keeps its version"

    mine = demo.ground / "notes.txt"
    mine.write_text("not the demo's")
    status, told = demo.run("clean-demo", "--dry-run")
    assert status == 0
    assert index.exists()
    status, told = demo.run("clean-demo")
    assert status == 0, told
    assert [path.name for path in demo.ground.iterdir()] == ["notes.txt"]
    assert demo.run("clean-demo") == (0, "Removed nothing: there is no demo.\n")


@pytest.mark.slow
@pytest.mark.xdist_group("the demo killed")
def test_the_demo_ends_well_wherever_it_was_killed_before(demo: Demo) -> None:
    remove_diabetes_care(demo.settings)  # one model is enough to be killed with
    places = (
        ("Infrastructure", 0.6),  # Terraform at work
        ("terraform apply production", 4.0),  # ZenML making its store
        ("model_evaluator", 0.5),  # a run is on its way, and MLflow makes its database
        ("train in dev", 0.1),  # a promotion has begun
    )
    for words, after in places if os.environ.get("ALL_FAULTS") else places[1::2]:
        demo.kill_at(words, after)
    status, told = demo.run("demo")
    assert status == 0, told
    assert "Traceback" not in told
    assert set(demo.in_production()) == {CANCER}


def test_what_was_there_before_the_demo_is_not_cleaned_up(settings_directory: Path) -> None:
    from environments import load_platform
    from governance.core.workspace import claim, remove_claimed

    platform = load_platform(settings_directory)
    ground = settings_directory.parent / "ground"
    mine = ground / "environments" / "dev" / "oncology"
    mine.mkdir(parents=True)
    claim(platform, ground)
    made = ground / "environments" / "production" / "oncology"
    made.mkdir(parents=True)
    assert remove_claimed(platform, ground) == [ground / "environments" / "production"]
    assert mine.exists()


def test_a_manifest_that_names_something_else_removes_nothing(settings_directory: Path, tmp_path: Path) -> None:
    from environments import load_platform
    from governance.core.workspace import WorkspaceDirError, claim, remove_claimed

    platform = load_platform(settings_directory)
    ground = settings_directory.parent / "ground"
    claim(platform, ground)
    (ground / "zenml").mkdir()
    (ground / "demo.json").write_text(json.dumps({"made": ["zenml", "../environments"]}))
    with pytest.raises(WorkspaceDirError, match="Nothing was removed"):
        remove_claimed(platform, ground)
    assert (ground / "zenml").exists()
