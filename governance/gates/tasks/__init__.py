"""What gates on groups do by task, one module each: fairness of a model, and a challenger beside a champion."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.gates.tasks.base import GroupJudge


def group_judge(task: str) -> GroupJudge:
    """Return what judges groups for models of ``task``."""
    judge: GroupJudge = import_module(f"governance.gates.tasks.{task}").JUDGE
    return judge
