"""What steps ask for arrives where the orchestrator takes it, or is refused before anything starts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from zenml.client import Client
from zenml.enums import ExecutionMode
from zenml.orchestrators.local.local_orchestrator import LocalOrchestrator
from zenml.pipelines.pipeline_definition import Pipeline

from governance.core.stacks import active_stack
from governance.runs import deployment, steps
from governance.runs.govern import govern
from governance.runs.orchestrators import ORCHESTRATORS, OrchestratorAdapter, ResourcesError, merge_settings
from governance.runs.pipelines import training_of, training_parameters
from governance.runs.session import RunSession
from pipelines.config import ConfigError, ModelConfig, read_config
from pipelines.resources import Placement, StepResources, Toleration, mebibytes
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER, Ground


def compiled(ground: Ground, resources: dict[str, Any]) -> Pipeline:
    """Compile the training pipeline of a model that asks for ``resources``."""
    session = RunSession(ground.target("dev"))
    asking = {**read_config(CANCER).model_dump(mode="json", exclude_unset=True), "resources": resources}
    session.__dict__["config"] = ModelConfig.model_validate(asking)
    pipeline = training_of(session.config)
    governed = govern(pipeline, session)
    with active_stack(session.target.stack):
        governed.prepare(**training_parameters(pipeline, session.config))
    return governed


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            {"model_trainer": {"memory": "64Gi"}},
            r"training\.model_trainer\.memory: 64Gi is over .*32Gi \(limits\.memory",
        ),
        ({"every_step": {"cpu": 9}}, r"cpu: 9\.0 is over the environment's limit of 8 \(limits\.cpu\)"),
        ({"model_trainer": {"accelerators": 1}}, r"accelerators: 1 is over the environment's limit of 0"),
        ({"model_trainer": {"deadline_minutes": 361}}, r"deadline_minutes: 361 is over"),
        ({"model_trainer": {"retries": 4}}, r"retries: 4 is over"),
        ({"model_trainr": {"cpu": 1}}, r"training_pipeline has no such step\. Did you mean 'model_trainer'\?"),
    ],
)
def test_what_a_step_may_not_ask_for_is_refused_before_anything_starts(
    ground: Ground, asked: dict[str, Any], told: str
) -> None:
    runs = Client().list_pipeline_runs().total
    with pytest.raises(ResourcesError, match=told):
        compiled(ground, {"training": asked})
    assert Client().list_pipeline_runs().total == runs


def test_the_environment_says_how_much_a_step_may_have(fresh_ground: Ground) -> None:
    compiled(fresh_ground, {"training": {"model_trainer": {"cpu": 2, "memory": "2Gi"}}})
    edit_yaml(fresh_ground.settings / "dev.yaml", lambda raw: raw.update(limits={"memory": "1Gi"}))
    with pytest.raises(ResourcesError, match=r"2Gi is over the environment's limit of 1Gi"):
        compiled(fresh_ground, {"training": {"model_trainer": {"cpu": 2, "memory": "2Gi"}}})


def test_steps_are_tried_again_as_asked_and_gates_never(ground: Ground) -> None:
    governed = compiled(ground, {"training": {"every_step": {"retries": 2}, "model_trainer": {"retries": 1}}})
    tries = {
        name: invocation.step.configuration.retry.max_retries if invocation.step.configuration.retry else 0
        for name, invocation in governed.invocations.items()
    }
    assert tries["model_trainer"] == 1
    assert tries["data_loader"] == 2
    assert {tries[name] for name in tries if name.startswith("validate_")} == {0}


def test_a_run_ends_at_the_first_failed_step_where_the_orchestrator_can(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compiled(ground, {}).configuration.execution_mode == ExecutionMode.FAIL_FAST
    monkeypatch.setattr(
        LocalOrchestrator, "supported_execution_modes", property(lambda _: [ExecutionMode.CONTINUE_ON_FAILURE])
    )
    governed = compiled(ground, {})
    assert governed.configuration.execution_mode == ExecutionMode.CONTINUE_ON_FAILURE
    (deployed,) = deployment.deploy(ground.target("dev"), dry_run=True)
    assert deployed.pipeline == "training_pipeline"


def test_where_a_run_goes_on_after_a_failure_no_step_goes_on_beside_a_failed_gate() -> None:
    def invoked(*upstream: str) -> SimpleNamespace:
        return SimpleNamespace(upstream_steps=set(upstream))

    pipeline = SimpleNamespace(
        invocations={
            "load": invoked(),
            "gate": invoked("load"),
            "train": invoked("load"),
            "other_gate": invoked("train"),
            "send": invoked("train"),
            "tidy": invoked("send"),
        }
    )
    steps._wait_for(pipeline, ["gate", "other_gate"])  # type: ignore[arg-type]
    waits = {name: invocation.upstream_steps for name, invocation in pipeline.invocations.items()}
    assert waits["send"] == {"train", "gate", "other_gate"}
    assert waits["tidy"] == {"send", "gate", "other_gate"}
    assert (waits["load"], waits["train"]) == (set(), {"load"}), "what a gate judges cannot wait for it"


def test_an_image_is_chosen_where_a_step_runs_in_a_container(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "docker" not in compiled(ground, {}).configuration.settings, "steps run in this process"
    monkeypatch.setattr(steps.Executor, "starts_containers", property(lambda _: True))
    image = compiled(ground, {}).configuration.docker_settings
    assert image.requirements is not None
    assert str(image.requirements).endswith(".lock")


def test_a_managed_orchestrator_is_told_in_zenmls_words_and_what_it_cannot_give_is_refused(ground: Ground) -> None:
    limits = ground.target("dev").environment.limits
    adapter = OrchestratorAdapter()
    asked = StepResources(cpu=1.5, memory="2Gi", accelerators=1)
    told = adapter.step_settings(asked, limits, tries=0)
    assert told == {"resources": {"cpu_count": 1.5, "memory": "2GiB", "gpu_count": 1}}
    from zenml.config import ResourceSettings

    assert ResourceSettings.model_validate(told["resources"]).get_memory("GiB") == 2
    assert adapter.step_settings(StepResources(), limits, tries=0) == {}
    with pytest.raises(ResourcesError, match="placement"):
        adapter.step_settings(StepResources(placement=Placement(priority_class="high")), limits, tries=0)
    with pytest.raises(ResourcesError, match="deadline_minutes"):
        adapter.step_settings(StepResources(deadline_minutes=5), limits, tries=0)


def test_pods_get_exactly_what_their_step_asks_for(ground: Ground) -> None:
    limits = ground.target("dev").environment.limits
    asked = StepResources(
        cpu=0.5,
        memory="512Mi",
        accelerators=1,
        deadline_minutes=5,
        placement=Placement(
            node_selector={"pool": "big"},
            tolerations=(Toleration(key="spot", operator="Exists", effect="NoExecute", seconds=60),),
            affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
            priority_class="batch-low",
            annotations={"example.com/ticket": "42"},
        ),
    )
    (key, told), *none = ORCHESTRATORS["kubernetes"].step_settings(asked, limits, tries=0).items()
    assert (key, none) == ("orchestrator.kubernetes", [])
    size = {"cpu": "500m", "memory": "512Mi", "nvidia.com/gpu": "1"}
    assert told["pod_settings"] == {
        "resources": {"requests": size, "limits": size},
        "node_selectors": {"pool": "big"},
        "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "annotations": {"example.com/ticket": "42"},
        "additional_pod_spec_args": {"priority_class_name": "batch-low"},
    }
    assert told["active_deadline_seconds"] == 300
    first, second = told["pod_failure_policy"]["rules"]
    assert (first["action"], first["onPodConditions"][0]["type"]) == ("FailJob", "DisruptionTarget")
    assert second["action"] == "Count"
    again = ORCHESTRATORS["kubernetes"].step_settings(StepResources(), limits, tries=2)["orchestrator.kubernetes"]
    assert again["pod_failure_policy"]["rules"][0]["action"] == "Ignore", "a drained node is no failure of the step"
    assert again["active_deadline_seconds"] == limits.deadline_minutes * 60, "no step is without a deadline"
    run = ORCHESTRATORS["kubernetes"].run_settings(limits)["orchestrator.kubernetes"]
    assert (run["synchronous"], run["active_deadline_seconds"]) == (False, limits.run_minutes * 60)


def test_settings_are_put_together_key_by_key() -> None:
    one = {"orchestrator.x": {"pods": {"labels": {"a": "1"}}, "wait": True}}
    other = {"orchestrator.x": {"pods": {"size": 2}, "wait": False}, "docker": 1}
    assert merge_settings(one, other) == {
        "orchestrator.x": {"pods": {"labels": {"a": "1"}, "size": 2}, "wait": False},
        "docker": 1,
    }
    assert one["orchestrator.x"]["wait"], "what was put together is not changed"


def test_memory_is_compared_by_size() -> None:
    assert mebibytes("2Gi") == mebibytes("2048Mi") > mebibytes("2047Mi")


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"memory": "2G"}, "memory"),
        ({"cpu": 0}, "cpu"),
        ({"placement": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}}, "Exists takes no value"),
        ({"placement": {"tolerations": [{"effect": "NoSchedule"}]}}, "without a key"),
        ({"placement": {"tolerations": [{"key": "a", "seconds": 3}]}}, "NoExecute only"),
        ({"placement": {"node_selector": {"Bad Key": "x"}}}, "node_selector"),
        ({"gpu": 1}, "gpu: unknown key"),
    ],
)
def test_wrong_resources_are_refused_by_key(tmp_path: Any, step: dict[str, Any], told: str) -> None:
    import yaml

    raw = {**read_config(CANCER).model_dump(mode="json", exclude_unset=True), "resources": {"training": {"s": step}}}
    (tmp_path / f"{CANCER}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        read_config(CANCER, tmp_path)
