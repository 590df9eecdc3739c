"""What a model predicts, one module each: a risk or none, one of several classes, or a number.

A task's module holds all that differs: how outputs become decisions, its metrics and their scorer for weighted rows,
what an evaluation shows, and the columns and summary of predictions. Whatever needs to know asks :func:`task_of`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.tasks.base import TaskKind


def task_of(name: str) -> TaskKind:
    """Return the task ``name``; its module, which needs numpy, is imported on first use."""
    kind: TaskKind = import_module(f"pipelines.tasks.{name}").TASK
    return kind
