"""Running a workflow's steps without GitHub: its own commands, its own variables, a checkout with a remote."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.workflows.reading import Job, Step, Workflow

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Runner:
    """A runner on ``checkout``. ``known`` answers expressions; what it does not know is empty, as on GitHub."""

    checkout: Path
    environ: dict[str, str]
    artifacts: Path
    known: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def run(self, workflow: Workflow, job: str, **matrix: str) -> dict[str, str]:
        """Run the steps of ``job``, artifacts included, and return its outputs.

        It begins as on GitHub, with nothing in the checkout that an earlier job left there.

        Raises:
            AssertionError: a step failed; it shows what the step said.
        """
        git(self.checkout, "clean", "--quiet", "-fd")
        git(self.checkout, "clean", "--quiet", "-fdX", "--", "drift", "evidence", "found", "plans", "trained")
        found, outputs = workflow.job(job), {}
        known = {**self.known, **{f"matrix.{key}": value for key, value in matrix.items()}}
        for number, step in enumerate(found.steps):
            if step.run:
                told = self._shell(step, known, f"{workflow.name}: {job}, step {number}")
                known.update({f"steps.{step.raw.get('id')}.outputs.{key}": value for key, value in told.items()})
            elif "upload-artifact" in step.uses:
                self._upload(step, known)
            elif "download-artifact" in step.uses:
                self._download(step, known)
        for name, expression in found.raw.get("outputs", {}).items():
            outputs[name] = fill(expression, known)
            self.known[f"needs.{job}.outputs.{name}"] = outputs[name]
        return outputs

    def matrix(self, job: Job, name: str) -> list[str]:
        """The values that ``job`` runs for."""
        values: Any = job.raw["strategy"]["matrix"][name]
        return json.loads(fill(re.sub(r"fromJSON\((.*)\)", r"\1", values), self.known))

    def _shell(self, step: Step, known: dict[str, str], where: str) -> dict[str, str]:
        output = self.artifacts / "output"
        output.write_text("", encoding="utf-8")
        variables = {name: fill(str(value), known) for name, value in step.env.items()}
        assert "${{" not in step.run, "an expression in shell text would not be what runs on GitHub"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.run],
            cwd=self.checkout,
            env={**self.environ, "GITHUB_OUTPUT": str(output), **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.said.append(done.stdout)
        assert done.returncode == 0, f"{where}: {step.run}\n{done.stdout[-1500:]}\n{done.stderr[-2500:]}"
        lines = output.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def _upload(self, step: Step, known: dict[str, str]) -> None:
        source = self.checkout / step.raw["with"]["path"]
        target = self.artifacts / fill(step.raw["with"]["name"], known)
        target.mkdir(parents=True, exist_ok=True)
        for file in [source] if source.is_file() else source.iterdir():
            shutil.move(file, target / file.name)
        if source.is_dir():
            source.rmdir()

    def _download(self, step: Step, known: dict[str, str]) -> None:
        given = step.raw["with"]
        pattern = fill(str(given.get("name") or given["pattern"]), known)
        target = self.checkout / given.get("path", ".")
        target.mkdir(exist_ok=True)
        for artifact in self.artifacts.glob(pattern):
            for file in artifact.iterdir():
                shutil.copy(file, target / file.name)


def fill(text: str, known: dict[str, str]) -> str:
    """``text`` with its expressions replaced: the first alternative that is known and not empty."""

    def value(found: re.Match[str]) -> str:
        for part in found[1].split("||"):
            wanted = part.strip()
            if wanted.startswith("'"):
                return wanted.strip("'")
            if known.get(wanted):
                return known[wanted]
        return ""

    return _EXPRESSION.sub(value, text)


def git(folder: Path, *arguments: str) -> str:
    """Standard output of a git command in ``folder``."""
    name = ["-c", "user.name=CI", "-c", "user.email=ci@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *name, *arguments],
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
