"""Where a cloud's spend is looked up, and how a run's resources are labelled there: each module is one cloud."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from environments import Environment
from governance.core.adapters import Adapters
from governance.cost.alphabet import Alphabet
from governance.cost.spend import SpendProvider


class CostCloud(ABC):
    """One cloud. An environment that is handed to it has that cloud's section."""

    alphabet: Alphabet | None = None
    """What labels may hold; ``None`` where the bill does not tell runs apart."""
    orchestrator: str | None = None
    """Flavour of the one orchestrator that there is, where the section of the settings leaves no choice."""
    executor: str | None = None
    """Flavour of orchestrators and step operators that rent a machine for a step, which is charged by its wall time."""

    @abstractmethod
    def bill(self, environment: Environment) -> SpendProvider | None:
        """Return what tells the spend of ``environment``; ``None`` where the runs' own records do."""

    def label_settings(self, kind: str, labels: Mapping[str, str]) -> dict[str, Any] | None:  # noqa: ARG002 (as below)
        """Return ZenML's settings that label what a component of the flavour :attr:`executor` creates for a run.

        Args:
            kind: ``orchestrator`` or ``step_operator``.
            labels: what to put there, before the cloud's alphabet.

        Returns:
            ``None`` where it takes no labels.
        """
        return None


CLOUDS: Adapters[CostCloud] = Adapters(__name__, __path__)
