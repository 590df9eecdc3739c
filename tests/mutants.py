"""Faults that a test must notice. ``python -m tests.mutants`` makes each in a copy and says which survive.

Each mutant removes one promise: a gate, a threshold, an identity rule, an error that must not be swallowed. A mutant
that no test notices is a promise that nobody keeps.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

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


MUTANTS = (
    Mutant(
        "a production threshold bites",
        "environments/production.yaml",
        "  roc_auc: 0.74",
        "  roc_auc: 0",
        "tests/environments",
    ),
    Mutant(
        "a production threshold is not lowered",
        "environments/production.yaml",
        "    recall: 0.88",
        "    recall: 0.86",
        "tests/environments",
    ),
    Mutant(
        "the performance gate raises",
        "governance/gates/performance.py",
        "environment=environment)).require()",
        "environment=environment))",
        "tests/governance/test_governed_runs.py -k below_the_threshold",
    ),
    Mutant(
        "the data gate raises",
        "governance/gates/data_quality.py",
        "environment=environment)).require()",
        "environment=environment))",
        "tests/governance/test_governed_runs.py -k bad_data",
    ),
    Mutant(
        "the data gate is attached",
        "governance/govern.py",
        "return _data_gate(TRAINING_DATA), _performance_gate(EVALUATION)",
        "return (_performance_gate(EVALUATION),)",
        "tests/governance/test_governed_runs.py -k 'gates_run or bad_data'",
    ),
    Mutant(
        "what a gate guards waits for it",
        "governance/govern.py",
        "pipeline.invocations[consumer].upstream_steps.add(invocation_id)",
        "pass",
        "tests/governance/test_governed_runs.py -k 'gates_run or bad_data'",
    ),
    Mutant(
        "a metric that must be small is bounded from above",
        "environments/model.py",
        'LOWER_IS_BETTER = frozenset({"brier_score"})',
        "LOWER_IS_BETTER: frozenset[str] = frozenset()",
        "tests/governance/test_gate_verdicts.py",
    ),
    Mutant(
        "a missing metric does not pass",
        "governance/gates/result.py",
        "            return False\n        return self.value >=",
        "            return True\n        return self.value >=",
        "tests/governance/test_gate_verdicts.py",
    ),
    Mutant(
        "success is announced once",
        "governance/govern.py",
        "        on_failure=hooks.run_failed,",
        "        on_failure=hooks.run_failed,\n        on_success=hooks.run_succeeded,",
        "tests/governance/test_governed_runs.py -k exactly_once",
    ),
    Mutant(
        "the requester's own approval does not count",
        "governance/promotion/promote.py",
        "counted = set(approvers) - {requester}",
        "counted = set(approvers)",
        "tests/governance/test_promotion.py -k the_way_from",
    ),
    Mutant(
        "only people with the role approve",
        "governance/roles.py",
        "return [person for person, role in members.items() if role in APPROVERS]",
        "return list(members)",
        "tests/governance/test_promotion.py -k the_way_from",
    ),
    Mutant(
        "promotion asks the gate",
        "governance/promotion/promote.py",
        "        result.require()\n    except",
        "    except",
        "tests/governance/test_promotion.py -k below_productions",
    ),
    Mutant(
        "the log is written before the stage is set",
        "governance/promotion/promote.py",
        '    write("stage_set")\n    candidate.set_stage(STAGES[target.environment.environment], force=True)',
        '    candidate.set_stage(STAGES[target.environment.environment], force=True)\n    write("stage_set")',
        "tests/governance/test_promotion.py -k log_cannot",
    ),
    Mutant(
        "a stage is put back when its completion cannot be recorded",
        "governance/promotion/promote.py",
        '        restore_stages(candidate, str(facts["from_stage"]), current, target)\n',
        "",
        "tests/governance/test_promotion.py -k log_cannot",
    ),
    Mutant(
        "rollback follows the log",
        "governance/events.py",
        "            while stack and stack[-1] != event.version:\n                stack.pop()",
        "            pass",
        "tests/governance/test_promotion.py -k rollback_goes",
    ),
    Mutant(
        "an altered release is not returned to",
        "governance/promotion/rollback.py",
        "    verify_release(earlier, target)\n",
        "",
        "tests/governance/test_promotion.py -k altered",
    ),
    Mutant(
        "an altered model is not released",
        "governance/releases.py",
        "    if found != expected:",
        "    if False:",
        "tests/governance/test_promotion.py -k altered",
    ),
    Mutant(
        "the digest is checked before a model is read",
        "pipelines/model.py",
        "    if found != digest:",
        "    if False:",
        "tests/pipelines -k 'model'",
    ),
    Mutant(
        "features are scaled",
        "pipelines/features.py",
        '("scale", StandardScaler())',
        '("scale", __import__("sklearn.preprocessing", fromlist=["x"]).Binarizer(threshold=1e300))',
        "tests/pipelines",
    ),
    Mutant(
        "risk is the class that the config names",
        "pipelines/labels.py",
        "return target.map(category_text).isin(self.values)",
        "return (~target.map(category_text).isin(self.values))",
        "tests/pipelines",
    ),
    Mutant(
        "registration names the error and fails",
        "stack_bootstrap/registration/apply.py",
        "            writer.write(change)\n",
        "            try:\n                writer.write(change)\n            except Exception:\n                pass\n",
        "tests/stack_bootstrap -k registration",
    ),
)


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests pass in ``copy`` with the mutant in it; the copy is put back afterwards."""
    file = copy / mutant.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1 or mutant.old == mutant.new:
        raise SystemExit(f"{mutant.file} does not hold {mutant.old!r} once: the mutant {mutant.promise!r} is stale.")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        command = f"{sys.executable} -m pytest -q -x --no-header -p no:cacheprovider {mutant.tests}"
        done = subprocess.run(["sh", "-c", command], cwd=copy, capture_output=True, check=False)
    finally:
        file.write_text(text, encoding="utf-8")
    if done.returncode not in (0, 1):
        raise SystemExit(f"The tests for {mutant.promise!r} did not run:\n{done.stdout.decode()[-2000:]}")
    return done.returncode == 0


def main() -> None:
    """Run every mutant, or those whose promise holds the given words."""
    console, words = Console(), " ".join(sys.argv[1:])
    chosen = [mutant for mutant in MUTANTS if words in mutant.promise]
    left = []
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
                alive = survives(mutant, copy)
            console.print(f"{'SURVIVED' if alive else 'noticed '}  {mutant.promise}")
            left += [mutant] if alive else []
    console.print(f"{len(chosen) - len(left)} of {len(chosen)} noticed")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
