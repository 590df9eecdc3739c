"""Faults that a test must notice. ``python -m tests.mutants`` makes each in a copy and says which survive.

Each mutant removes one promise: a gate, a threshold, an identity rule, an error that must not be swallowed. A mutant
that no test notices is a promise that nobody keeps.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Mutant:
    """A text to replace in a file, and the tests that should fail then."""

    promise: str
    file: str
    old: str
    new: str
    tests: str


MUTANTS = tuple(
    Mutant(**raw) for raw in yaml.safe_load((REPOSITORY / "tests/mutants.yaml").read_text(encoding="utf-8"))
)


def why_stale(mutant: Mutant, root: Path = REPOSITORY) -> str | None:
    """Return why ``mutant`` says nothing any more, or None: its text must be there once, and its tests at all."""
    found = (root / mutant.file).read_text(encoding="utf-8").count(mutant.old) if (root / mutant.file).is_file() else 0
    if found != 1 or mutant.old == mutant.new:
        return f"{mutant.file} holds {mutant.old!r} {found} times"
    places, _, words = mutant.tests.partition(" -k ")
    text = ""
    for place in places.split():
        path, *names = place.split("::")
        files = [file for file in (root / path, *(root / path).rglob("*.py")) if file.is_file()]
        if not files:
            return f"there is no {path}"
        text += "".join(str(file) + file.read_text(encoding="utf-8") for file in files)
        words += "".join(f" {name.partition('[')[0]}" for name in names)
    missing = [word for word in re.findall(r"\w+", words) if word not in ("and", "or", "not") and word not in text]
    return f"{places} has no test {missing[0]}" if missing else None


def tried(mutant: Mutant, copy: Path) -> str:
    """Say what the tests make of ``copy`` with the mutant in it, which is put back: noticed, SURVIVED or skipped.

    Tests that are all skipped, as of a cluster that is not here, say nothing of the mutant.
    """
    file = copy / mutant.file
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        command = f"{sys.executable} -m pytest -q -x --no-header -p no:cacheprovider {mutant.tests}"
        done = subprocess.run(["sh", "-c", command], cwd=copy, capture_output=True, check=False)
    finally:
        file.write_text(text, encoding="utf-8")
    if done.returncode not in (0, 1):
        raise SystemExit(f"The tests for {mutant.promise!r} did not run:\n{done.stdout.decode()[-2000:]}")
    if done.returncode == 1:
        return "noticed"
    return "SURVIVED" if re.search(rb"\b\d+ passed\b", done.stdout) else "skipped"


def main() -> None:
    """Run every mutant, or those whose promise holds the given words."""
    console, words = Console(), " ".join(sys.argv[1:])
    chosen = [mutant for mutant in MUTANTS if words in mutant.promise]
    if not chosen:
        raise SystemExit(f"No mutant's promise holds {words!r}: nothing was tried.")
    stale = {mutant.promise: why for mutant in chosen if (why := why_stale(mutant))}
    for promise, why in stale.items():
        console.print(f"STALE     {promise}: {why}")
    chosen = [mutant for mutant in chosen if mutant.promise not in stale]
    results: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "groundwork"
        shutil.copytree(
            REPOSITORY,
            copy,
            symlinks=True,
            ignore=shutil.ignore_patterns(".venv", ".groundwork", ".git", "__pycache__"),
        )
        for mutant in chosen:
            with console.status(mutant.promise):
                said = tried(mutant, copy)
            console.print(f"{said:9} {mutant.promise}")
            results.append(said)
    console.print(", ".join(f"{results.count(said)} {said}" for said in ("noticed", "SURVIVED", "skipped")))
    sys.exit(1 if "SURVIVED" in results or stale else 0)


if __name__ == "__main__":
    main()
