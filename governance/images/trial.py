"""Runs inside an image before it is pushed: imports what its orchestrator starts with, and runs one step.

``python trial.py MODULE…``. It is copied into the image alone, so it imports nothing of ours.
"""

from __future__ import annotations

import sys
from importlib import import_module

from zenml import pipeline, step
from zenml.environment import Environment


@step(enable_cache=False)
def trial() -> int:
    """Do next to nothing."""
    return 1


@pipeline(enable_cache=False)
def trial_pipeline() -> None:
    """Run one step."""
    trial()


def main(modules: list[str]) -> None:
    """Import ``modules`` and run a pipeline of one step.

    Raises:
        ImportError: the image lacks a package.
        RuntimeError: the step did not run, or nothing can tell which packages there are.
    """
    Environment.get_python_packages()
    for module in ("zenml.entrypoints.step_entrypoint_configuration", *modules):
        import_module(module)
    run = trial_pipeline()
    if run is None or not run.status.is_successful:
        raise RuntimeError("A step does not run in this image.")
    sys.stdout.write("A step runs, and the orchestrator's entry points import.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
