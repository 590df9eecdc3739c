"""A step in a pod costs what its pod asks of the cluster, for as long as it does, at the settings' prices."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from zenml.integrations.kubernetes.flavors.kubernetes_orchestrator_flavor import KubernetesOrchestratorSettings

from environments import load_platform
from governance.core.target import Target, target_for
from governance.cost import pods
from governance.cost.measure import Measured, Meter
from governance.cost.pods import Pod, PodPrices
from governance.cost.prices import load_prices
from governance.cost.step_cost import price_step
from governance.snapshots.content import Content
from tests.conftest import copy_settings, edit_yaml
from tests.governance.conftest import CANCER


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """An environment in a cluster whose accelerators have a price, and whose budget is in francs."""

    def change(raw: dict[str, Any]) -> None:
        raw["budget"]["currency"] = "CHF"
        raw["kubernetes"]["prices"]["gpu_hour"] = 2.5
        raw["kubernetes"]["defaults"] = {"cpu": 0.5}

    settings = copy_settings(tmp_path)
    edit_yaml(settings / "dev.yaml", change)
    return target_for(load_platform(settings), CANCER, "dev", "kubernetes")


def carried(target: Target) -> PodPrices:
    """Return the prices as a step in a pod reads them: from what ZenML kept of the pipeline."""
    prices = PodPrices.of(target)
    assert prices is not None
    read = PodPrices.carried_by(json.loads(json.dumps({pods.KEY: prices.model_dump(mode="json")})))
    assert read == prices
    return read


@pytest.mark.parametrize(
    ("asked", "an_hour"),
    [
        ({"cpu": "1500m", "memory": "2Gi", "nvidia.com/gpu": "1"}, "2.57"),
        ({"memory": "512Mi"}, "0.0225"),
        ({}, "0.021953125"),
    ],
    ids=["all of it", "cores by the namespace's default", "and memory by ZenML's"],
)
def test_it_is_priced_by_request_and_seconds(target: Target, asked: dict[str, str], an_hour: str) -> None:
    settings = KubernetesOrchestratorSettings(pod_settings={"resources": {"requests": asked}} if asked else {})
    measured = Measured(wall_seconds=60, cpu_seconds=900, peak_memory_bytes=2**33, process_seconds=720)
    usage, currency = price_step(
        "fit",
        measured,
        executor="kubernetes",
        step_operator=None,
        machine_type=None,
        region=None,
        resources={},
        book=load_prices(),
        pod=Pod.of(settings, measured, carried(target)),
    )
    assert Decimal(usage.cost or "nan") == Decimal(an_hour) / 5, "a fifth of an hour, whatever it computed"
    assert (currency, usage.unpriced, usage.pod_seconds) == ("CHF", None, 720)
    assert usage.resources.get("cpu_count") == float(asked["cpu"][:-1]) / 1000 if "cpu" in asked else 0.5
    assert usage.resources.get("gpu_count") == (1 if "nvidia.com/gpu" in asked else None)


def test_a_pod_stands_from_its_process_s_beginning() -> None:
    measured = Meter().stop()
    assert measured.process_seconds > measured.wall_seconds, "importing was not free"


def test_where_no_cluster_is_described_nothing_is_carried(target: Target) -> None:
    platform = target.platform
    assert PodPrices.of(target_for(platform, CANCER, "dev", "local")) is None
    assert PodPrices.carried_by({}) is None


def test_prices_are_no_part_of_what_a_frozen_pipeline_does(target: Target) -> None:
    def frozen(extra: dict[str, Any], seed: int = 1) -> Content:
        return Content({"pipeline": {"configuration": {"extra": {"seed": seed, **extra}}}}, "dev", "oncology-dev")

    cheap = carried(target)
    dear = cheap.model_copy(update={"cpu_hour": Decimal(9)})
    contents = [frozen({pods.KEY: prices.model_dump(mode="json")}) for prices in (cheap, dear)]
    assert contents[0].definition == contents[1].definition == frozen({}).definition
    assert contents[0].digests != contents[1].digests, "what is kept is what it was frozen with"
    assert frozen({}, seed=2).definition != frozen({}).definition


def test_only_the_flavour_whose_steps_are_pods_is_charged_so(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    from governance.cost import recording

    extra = {pods.KEY: carried(target).model_dump(mode="json")}
    run = SimpleNamespace(config=SimpleNamespace(extra=extra))
    monkeypatch.setattr(recording, "get_step_context", lambda: SimpleNamespace(pipeline_run=run, step_run=None))
    measured = Measured(1, 1, 1, 2)
    component = SimpleNamespace(flavor="kubernetes", get_settings=lambda _: KubernetesOrchestratorSettings())
    found = recording._pod(component, measured)  # type: ignore[arg-type]
    assert found is not None
    assert found.seconds == 2
    component.flavor = "vertex"
    assert recording._pod(component, measured) is None  # type: ignore[arg-type]
    component.flavor, run.config.extra = "kubernetes", {}
    assert recording._pod(component, measured) is None  # type: ignore[arg-type]
