"""Contracts to register, and ZenML clients that count, die or refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration import register

WRITES = ("create_", "update_", "delete_")


class Killed(BaseException):
    """Stands for a kill: no handler of ``Exception`` sees it."""


def local_contract(ground: Path, environment: str = "dev", team: str = "oncology", **changes: Any) -> StackContract:
    """A contract of the local cloud whose folders exist. ``changes`` replace top-level keys."""
    name = f"local-{team}-{environment}"
    folder = ground / environment / team
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    contract = {
        "version": 1,
        "environment": environment,
        "cloud": "local",
        "team": team,
        "stack": {"name": name, "labels": {"cost_center": "research", "managed_by": "terraform"}},
        "components": {
            "orchestrator": {"flavor": "local"},
            "artifact_store": {"flavor": "local", "configuration": {"path": str(folder / "artifacts")}},
            "experiment_tracker": {
                "flavor": "mlflow",
                "configuration": {"tracking_uri": f"sqlite:///{folder}/mlflow.db", "nested": None},
            },
            "model_registry": {"flavor": "mlflow"},
        },
        "cost": {"currency": "EUR", "budget": 10, "filters": {"environment": environment}},
    }
    return StackContract.model_validate({**contract, **changes})


def changed(contract: StackContract, change: Callable[[dict[str, Any]], object]) -> StackContract:
    """A copy of ``contract`` with ``change`` applied to its JSON form."""
    raw = contract.model_dump(mode="json")
    change(raw)
    return StackContract.model_validate(raw)


class WatchedClient:
    """A real ZenML client that records its calls, and can die right after one of its writes or refuse a call."""

    def __init__(self, client: Any, *, die_at: int | None = None, refuse: str | None = None) -> None:
        self._client, self._die_at, self._refuse = client, die_at, refuse
        self.calls: list[str] = []

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if call.startswith(WRITES)]

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._client, name)
        if not callable(target) or not name.startswith((*WRITES, "list_", "get_")):
            return target

        def call(*args: Any, **keywords: Any) -> Any:
            self.calls.append(name)
            if name == self._refuse:
                raise RuntimeError("the server says no")
            result = target(*args, **keywords)
            if name.startswith(WRITES) and len(self.writes) == self._die_at:
                raise Killed
            return result

        return call


def settle(contracts: dict[str, StackContract], client: Any) -> None:
    """Register, and expect a further run to find nothing to do and write nothing."""
    register(contracts, client=client)
    watched = WatchedClient(client)
    again = register(contracts, client=watched)
    assert watched.writes == []
    assert list(again) == []
