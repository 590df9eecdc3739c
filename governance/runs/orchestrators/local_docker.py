"""Containers on this machine: they share what it has, as steps in one process do."""

from governance.runs.orchestrators.local import ADAPTER

__all__ = ["ADAPTER"]
