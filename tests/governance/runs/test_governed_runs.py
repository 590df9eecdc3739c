"""Governed runs on real stacks: gates stop them, hooks record them once, and nothing runs ungoverned."""

from __future__ import annotations

import importlib
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families
from zenml import get_step_context, pipeline, step
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.models import PipelineRunResponse
from zenml.orchestrators.publish_utils import publish_pipeline_run_status_update

from governance.audit import open_reader, select
from governance.audit.events import Event, GateVerdict, RunFailed
from governance.audit.query import Filter
from governance.core.stacks import StackMissingError, active_stack
from governance.core.target import Target
from governance.gates import catalogue, data_quality
from governance.gates.result import GateFailedError
from governance.records.context import context_of
from governance.records.journal import Journal
from governance.runs import jobs
from governance.runs.evidence import evaluation_of, outputs_of, predictions_of, verdict_of, verdicts_of
from governance.runs.govern import UngovernedPipelineError, govern
from governance.runs.publication import NotPublishedError
from governance.runs.run import run
from governance.runs.session import RunSession
from pipelines.config import ModelConfig, read_config
from pipelines.data import load_training_sets
from pipelines.evaluation import Evaluation
from pipelines.model import TrainedModel
from pipelines.prediction_summary import ScoredRows
from pipelines.publication import RunStoppedError, pending_folder
from pipelines.scoring import write_predictions
from pipelines.steps import data_loader, feature_engineering, model_evaluator, model_trainer, sharded_inference
from pipelines.tables import DataSourceError
from pipelines.training import training_pipeline
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER, DIABETES, Ground

JUDGED_BATCH = [("input quality", "passed"), ("prediction drift", "passed")]
TRAINING_GATES = ("data quality", "held-out data quality", "model performance", "fairness")


@pytest.fixture(scope="module")
def trained(ground: Ground) -> PipelineRunResponse:
    """One governed training run in dev that went well."""
    return jobs.train(ground.target("dev"))


def logged(target: Target, run: str) -> list[Event]:
    """What the audit log of the target's environment says of a run, in order."""
    log = open_reader(target.platform, target.environment.environment)
    return [entry.event for entry in select(log, Filter(run=run))]


def mlflow_rows(target: Target, query: str, *values: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(target.folder / "mlflow" / "mlflow.db") as database:
        return database.execute(query, values).fetchall()


def test_gates_run_before_what_they_guard(trained: PipelineRunResponse) -> None:
    steps = trained.steps
    for consumer in ("feature_engineering", "model_trainer"):
        assert "validate_data_quality" in steps[consumer].spec.upstream_steps
    for consumer in ("model_evaluator", "validate_model_performance", "validate_fairness"):
        assert "validate_held_out_data" in steps[consumer].spec.upstream_steps
    assert "model_evaluator" in steps["validate_model_performance"].spec.upstream_steps
    assert "validate_fairness" in steps["validate_model_performance"].spec.upstream_steps, "the last step waits for all"
    beside = {"model_evaluator", "validate_model_performance"}
    assert not beside & {*steps["validate_fairness"].spec.upstream_steps}, "what waits for less is not held up"
    assert [verdict.gate for verdict in verdicts_of(trained)] == list(TRAINING_GATES)
    assert all(verdict.passed for verdict in verdicts_of(trained))
    assert trained.config.enable_cache is False


def test_a_run_says_whose_it_is_and_what_it_was_made_from(ground: Ground, trained: PipelineRunResponse) -> None:
    context = context_of(trained)
    assert context is not None
    assert context.gates == TRAINING_GATES
    assert {tag.name for tag in trained.tags} >= {
        "governed",
        "environment:dev",
        "team:oncology",
        "owner:oncology-ml@example.com",
    }
    metadata = trained.run_metadata
    assert metadata["owner"] == "oncology-ml@example.com"
    assert metadata["git_commit"] == context.provenance.git_commit
    assert metadata["git_dirty"] in {"true", "false", "none"}
    assert len(str(metadata["lock_digest"])) == 64
    sets = load_training_sets(read_config(CANCER))
    assert metadata["data_digests"] == {
        data_quality.GATE.name: sets.description.training_digest,
        **dict.fromkeys(TRAINING_GATES[1:], sets.description.validation_digest),
    }


def test_each_run_is_recorded_exactly_once(ground: Ground, trained: PipelineRunResponse) -> None:
    target = ground.target("dev")
    found = logged(target, trained.name)
    kinds = [event.kind for event in found]
    assert (kinds.count("run_started"), kinds.count("run_finished"), kinds.count("run_failed")) == (1, 1, 0)
    assert "gate_verdict" not in kinds[kinds.index("run_finished") :], "success is announced when gates are done"
    verdicts = [event.label for event in found if isinstance(event, GateVerdict)]
    assert len(set(verdicts)) == len(verdicts), "no verdict twice"
    assert {label.split("/")[1] for label in verdicts} - {"budget"} == {
        name.replace(" ", "_") for name in TRAINING_GATES
    }
    assert all(event.verdict == "passed" for event in found if isinstance(event, GateVerdict))
    assert {event.team for event in found} == {"oncology"}
    runs = mlflow_rows(target, "select run_uuid, status from runs where name = ?", trained.name)
    assert runs == [(trained.run_metadata["mlflow_run_id"], "FINISHED")]


def test_mlflow_holds_parameters_metrics_model_and_origin(ground: Ground, trained: PipelineRunResponse) -> None:
    target, run_id = ground.target("dev"), str(trained.run_metadata["mlflow_run_id"])
    logged = dict(mlflow_rows(target, "select key, value from latest_metrics where run_uuid = ?", run_id))
    evaluation = evaluation_of(trained)
    assert evaluation is not None
    assert logged == pytest.approx(evaluation.metrics)
    parameters = dict(mlflow_rows(target, "select key, value from params where run_uuid = ?", run_id))
    assert parameters["estimator"] == "logistic_regression"
    assert parameters["decision_threshold"] == "0.4"
    tags = dict(mlflow_rows(target, "select key, value from tags where run_uuid = ?", run_id))
    assert tags["zenml_run_url"].endswith(str(trained.id))
    assert tags["model_version"] == str(trained.model_version.number)  # type: ignore[union-attr]
    registered = mlflow_rows(target, "select name, storage_location from model_versions where run_id = ?", run_id)
    assert [name for name, _ in registered] == [CANCER]
    location = Path(str(registered[0][1]).removeprefix("file://"))
    assert location.is_relative_to(target.folder / "mlflow"), "artifacts lie beside the tracking database"
    assert (location / "model.skops").exists()


def test_monitoring_reads_the_runs_metrics(ground: Ground, trained: PipelineRunResponse) -> None:
    file = ground.target("dev").folder / "artifacts" / "governance" / "monitoring" / f"{CANCER}-training_pipeline.prom"
    found = {family.name: family.samples for family in text_string_to_metric_families(file.read_text())}
    assert found["groundwork_run_succeeded"][0].value == 1
    assert found["groundwork_run_succeeded"][0].labels["team"] == "oncology"
    reached = {sample.labels["metric"]: sample.value for sample in found["groundwork_model_metric"]}
    evaluation = evaluation_of(trained)
    assert evaluation is not None
    assert reached["roc_auc"] == pytest.approx(evaluation.metrics["roc_auc"])


def test_bad_data_stops_the_run_before_anything_is_trained(ground: Ground) -> None:
    """Half the values of a column are missing: the gate stops the run, and its end is recorded once."""
    target = ground.target("dev", DIABETES)
    strict = target.environment.model_copy(
        update={"data_quality": target.environment.data_quality.model_copy(update={"minimum_rows": 10_000})}
    )
    strict_target = Target(target.platform, strict, target.cloud, target.team, target.model)
    with pytest.raises(
        GateFailedError, match=r"'data quality' stopped diabetes.* in dev: rows 309 must be at least 1e\+04"
    ):
        jobs.train(strict_target)
    failed = Client().list_pipeline_runs(sort_by="desc:created", size=1, hydrate=True).items[0]
    assert failed.status == "failed"
    assert set(failed.steps) == {"data_loader", "validate_data_quality"}, "nothing ran after the gate"
    found = logged(target, failed.name)
    kinds = [event.kind for event in found]
    assert (kinds.count("run_started"), kinds.count("run_finished"), kinds.count("run_failed")) == (1, 0, 1)
    (end,) = (event for event in found if isinstance(event, RunFailed))
    assert (end.step, end.error_type) == ("validate_data_quality", "GateFailedError")
    assert "rows" in {event.subject for event in found if isinstance(event, GateVerdict) and event.verdict == "failed"}
    assert mlflow_rows(target, "select status from runs where name = ?", failed.name) == [("FAILED",)]
    verdict = verdict_of(failed, data_quality.GATE.name)
    assert verdict is not None
    assert not verdict.passed


def test_a_model_below_the_threshold_is_stopped_with_metric_value_and_threshold(ground: Ground) -> None:
    target = ground.target("dev")
    high = target.environment.model_copy(
        update={"thresholds": target.environment.thresholds.model_copy(update={"precision": 0.999})}
    )
    with pytest.raises(
        GateFailedError,
        match=r"'model performance' stopped .* precision 0\.\d+, 80 % interval .* must be at least 0\.999",
    ):
        jobs.train(Target(target.platform, high, target.cloud, target.team, target.model))


def test_a_batch_that_is_far_from_the_training_rows_is_not_scored(
    ground: Ground, trained: PipelineRunResponse, tmp_path: Path
) -> None:
    sets = load_training_sets(read_config(CANCER))
    batch = sets.validation.drop(columns="label")
    batch["mean radius"] = batch["mean radius"].where(batch.index % 3 > 0)
    file = tmp_path / "batch.parquet"
    batch.to_parquet(file, index=False)
    with pytest.raises(
        GateFailedError, match=r"'input quality' stopped .* largest share missing 0\.33\d* must be at most"
    ):
        jobs.infer(ground.target("dev"), str(file))
    stopped = Client().list_pipeline_runs(sort_by="desc:created", size=1, hydrate=True).items[0]
    assert set(stopped.steps) == {"input_validator", "validate_input"}, "nothing was scored"
    batch["mean radius"] = sets.validation["mean radius"]
    batch.to_parquet(file, index=False)
    scored = jobs.infer(ground.target("dev"), str(file))
    assert [(verdict.gate, verdict.verdict) for verdict in verdicts_of(scored)] == JUDGED_BATCH


@pytest.mark.parametrize("shards", [1, 2])
def test_a_batch_whose_scores_moved_is_not_published(
    ground: Ground, trained: PipelineRunResponse, tmp_path: Path, shards: int
) -> None:
    """Only people at risk: every value is one that training saw, and all scores are high."""
    del trained
    rows, folder = load_training_sets(read_config(CANCER)).validation, tmp_path / "moved"
    folder.mkdir()
    for number in range(2):
        rows[rows["label"] == 1].drop(columns="label").to_parquet(folder / f"part-{number}.parquet", index=False)
    moved = r"'prediction drift' stopped .* psi of the scores \d.* must be .* distance of the scores 0\.\d+ must"
    with pytest.raises(GateFailedError, match=moved):
        jobs.infer(ground.target("dev"), f"{folder}/", shards)
    stopped = _newest_run()
    assert [(verdict.gate, verdict.verdict) for verdict in verdicts_of(stopped)] == [
        ("input quality", "passed"), ("prediction drift", "failed")
    ]  # fmt: skip
    summary = predictions_of(stopped)
    assert summary is not None
    assert not Path(summary.uri).exists(), "nothing is published"
    said = [event for event in logged(ground.target("dev"), stopped.name) if isinstance(event, GateVerdict)]
    scores = next(event for event in said if event.subject == "distance_of_the_scores")
    assert (scores.verdict, scores.threshold) == ("failed", ground.target("dev").environment.gates.drift.distance)
    assert scores.value is not None
    assert scores.value > scores.threshold


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Held-out rows of the data in three parts of the same size."""
    rows = load_training_sets(read_config(CANCER)).validation.drop(columns="label")
    (tmp_path / "parts").mkdir()
    for number in range(3):
        rows.iloc[number * 50 : (number + 1) * 50].to_parquet(tmp_path / f"parts/part-{number}.parquet", index=False)
    return tmp_path / "parts"


def _newest_run() -> PipelineRunResponse:
    return Client().list_pipeline_runs(sort_by="desc:created", size=1, hydrate=True).items[0]


def test_a_folder_in_shards_is_scored_as_by_one_step(ground: Ground, trained: PipelineRunResponse, parts: Path) -> None:
    del trained
    found = {}
    for shards in (1, 3):
        done = jobs.infer(ground.target("dev"), f"{parts}/", shards)
        assert [(verdict.gate, verdict.verdict) for verdict in verdicts_of(done)] == JUDGED_BATCH
        summary = predictions_of(done)
        assert summary is not None
        found[shards] = pd.read_parquet(summary.uri).drop(columns=["run_id", "predicted_at"])
    assert {name for name in done.steps if "predictor" in name} == {f"shard_predictor_{n}" for n in range(3)}
    pd.testing.assert_frame_equal(found[1], found[3])
    assert {path.name for path in Path(summary.uri).iterdir()} == {
        "_SUCCESS", *(f"part-0000{number}.parquet" for number in range(3))
    }  # fmt: skip
    before = Client().list_pipeline_runs().total
    with pytest.raises(DataSourceError, match="holds 3 Parquet parts, which 4 shards cannot share"):
        jobs.infer(ground.target("dev"), f"{parts}/", 4)
    assert Client().list_pipeline_runs().total == before, "refused before it starts"


def test_a_shard_that_fails_publishes_nothing_and_is_on_record(
    ground: Ground, trained: PipelineRunResponse, parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del trained

    def fails(*given: Any) -> ScoredRows:
        if given[-1] == 100:  # the first row of the last shard
            raise OSError("the disk is full")
        return write_predictions(*given)

    monkeypatch.setattr(sharded_inference, "write_predictions", fails)
    with pytest.raises(OSError, match="the disk is full"):
        jobs.infer(ground.target("dev"), f"{parts}/", 3)
    failed = _newest_run()
    assert "shard_publisher" not in failed.steps
    with active_stack(ground.target("dev").stack):
        folder = Path(Client().active_stack.artifact_store.path) / "predictions" / CANCER
    assert not (folder / str(failed.id)).exists()
    waiting = folder / "_pending" / str(failed.id)
    assert [path.name for path in waiting.iterdir()] == ["_staging"], "what readers of data sets leave out"
    assert [event for event in logged(ground.target("dev"), failed.name) if isinstance(event, RunFailed)]


@pytest.mark.parametrize("shards", [None, 2])
def test_a_run_that_was_stopped_meanwhile_publishes_nothing(
    ground: Ground, trained: PipelineRunResponse, parts: Path, monkeypatch: pytest.MonkeyPatch, shards: int | None
) -> None:
    del trained
    target = ground.target("dev")
    module = importlib.import_module("pipelines.steps.predictor")
    looked = module.require_wanted

    def stopped_first() -> None:
        run = get_step_context().pipeline_run
        publish_pipeline_run_status_update(run.id, ExecutionStatus.STOPPING)
        looked()

    for where in (module, sharded_inference):
        monkeypatch.setattr(where, "require_wanted", stopped_first)
    with pytest.raises(RunStoppedError, match="is stopping, so its predictions are not published"):
        jobs.infer(target, f"{parts}/", shards)
    with active_stack(target.stack):
        folder = Path(Client().active_stack.artifact_store.path) / "predictions" / CANCER
    run = str(_newest_run().id)
    assert not (folder / run).exists()
    assert [file.name for file in (folder / "_pending" / run).iterdir() if file.name != "_staging"] == []


def test_predictions_that_neither_wait_nor_are_public_are_missed(
    ground: Ground, trained: PipelineRunResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    del trained
    module = importlib.import_module("governance.runs.run")
    publish = module.publish_predictions

    def removed_first(target: Target, journal: Journal, run: PipelineRunResponse) -> bool:
        shutil.rmtree(pending_folder(Client().active_stack.artifact_store.path, CANCER, str(run.id)))
        return bool(publish(target, journal, run))

    monkeypatch.setattr(module, "publish_predictions", removed_first)
    with pytest.raises(NotPublishedError, match=r"what it predicted neither waits to be published nor is at .*parquet"):
        jobs.infer(ground.target("dev"))


@pytest.mark.parametrize(("missing", "passes"), [(50, False), (15, True)])
def test_the_gate_judges_all_shards_as_one_batch(
    ground: Ground, trained: PipelineRunResponse, parts: Path, missing: int, passes: bool
) -> None:
    """The first two parts are without fault. 15 missing in the last are 30 % of it, too many, but 10 % of all."""
    del trained
    last = pd.read_parquet(parts / "part-2.parquet")
    last.loc[last.index[:missing], "mean radius"] = float("nan")
    last.to_parquet(parts / "part-2.parquet", index=False)
    if passes:
        assert jobs.infer(ground.target("dev"), f"{parts}/", 3).status.is_successful
        with pytest.raises(GateFailedError):
            jobs.infer(ground.target("dev"), str(parts / "part-2.parquet"))
        return
    with pytest.raises(GateFailedError, match=r"'input quality' stopped .* largest share missing 0\.33\d* must be at"):
        jobs.infer(ground.target("dev"), f"{parts}/", 3)
    assert set(_newest_run().steps) == {
        "profile_merger", "validate_input", *(f"shard_validator_{n}" for n in range(3))
    }, "nothing was scored"  # fmt: skip


@step
def silent_evaluator(model: TrainedModel, validation_data: pd.DataFrame) -> Annotated[float, "score"]:
    return 0.99


@step
def renamed_trainer(
    training_data: pd.DataFrame,
) -> Annotated[TrainedModel, "something_else"]:
    raise NotImplementedError


def _on_end() -> None:
    """A hook of a data scientist's own."""


@pipeline
def no_evaluation(config: ModelConfig) -> None:
    training, validation, description = data_loader(config=config)
    features = feature_engineering(config=config, training_data=training)
    model = model_trainer(config=config, training_data=training, features=features, data_description=description)
    silent_evaluator(model=model, validation_data=validation)


@pipeline
def hidden_model(config: ModelConfig) -> None:
    training, _, _ = data_loader(config=config)
    renamed_trainer(training)


@pipeline
def own_hooks(config: ModelConfig) -> None:
    training, validation, description = data_loader.with_options(on_success=_on_end)(config=config)
    features = feature_engineering(config=config, training_data=training)
    model = model_trainer(config=config, training_data=training, features=features, data_description=description)
    model_evaluator(model=model, validation_data=validation)


@pipeline(enable_cache=True)
def cached(config: ModelConfig) -> None:
    training, validation, description = data_loader.with_options(enable_cache=True)(config=config)
    features = feature_engineering(config=config, training_data=training)
    model = model_trainer(config=config, training_data=training, features=features, data_description=description)
    model_evaluator(model=model, validation_data=validation)


@step
def unprofiled_scores(config: ModelConfig) -> Annotated[float, "predictions"]:
    return 0.5


@step
def evaluation_of_nothing(validation_data: pd.DataFrame) -> Annotated[Evaluation, "evaluation"]:
    raise NotImplementedError


@pipeline
def no_profile(config: ModelConfig) -> None:
    unprofiled_scores(config=config)


@pipeline
def no_release(config: ModelConfig) -> None:
    _, validation, _ = data_loader(config=config)
    evaluation_of_nothing(validation)


@pipeline
def two_evaluations(config: ModelConfig) -> None:
    training, validation, description = data_loader(config=config)
    features = feature_engineering(config=config, training_data=training)
    model = model_trainer(config=config, training_data=training, features=features, data_description=description)
    model_evaluator(model=model, validation_data=validation)
    evaluation_of_nothing(validation)


@pipeline
def two_models(config: ModelConfig) -> None:
    training, validation, description = data_loader(config=config)
    features = feature_engineering(config=config, training_data=training)
    model = model_trainer(config=config, training_data=training, features=features, data_description=description)
    model_evaluator(model=model, validation_data=validation)
    renamed_trainer(training)


def test_neither_a_pipeline_nor_a_step_of_it_is_answered_from_a_cache(ground: Ground) -> None:
    governed = govern(cached, RunSession(ground.target("dev")))
    governed.prepare(config=read_config(CANCER))
    assert governed.configuration.enable_cache is False
    steps = {name: invocation.step.configuration.enable_cache for name, invocation in governed.invocations.items()}
    assert steps["data_loader"] is False
    assert [name for name, said in steps.items() if said] == []
    assert data_loader.configuration.enable_cache is None, "the step itself is its author's"


@pytest.mark.parametrize(
    ("ungoverned", "words"),
    [
        (no_profile, "'input_profile' for the gate 'input quality'"),
        (no_release, "is not given digest and release_id of the release"),
        (two_evaluations, "puts out 'evaluation' more than once"),
        (two_models, "puts out several models: model, something_else"),
        (no_evaluation, "'evaluation' for the gate 'model performance'"),
        (hidden_model, "'evaluation' for the gate 'model performance'"),
        (own_hooks, "data_loader brings hooks of its own"),
    ],
)
def test_a_pipeline_that_lacks_what_a_gate_judges_is_refused_before_it_starts(
    ground: Ground, ungoverned: Any, words: str
) -> None:
    before = Client().list_pipeline_runs().total
    with pytest.raises(UngovernedPipelineError, match=words):
        run(ungoverned, RunSession(ground.target("dev")), config=read_config(CANCER))
    assert Client().list_pipeline_runs().total == before


def test_a_gate_that_adds_no_step_lets_nothing_start(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    idle = replace(data_quality.GATE, attach=lambda *_: None)
    monkeypatch.setattr(catalogue, "PIPELINE_GATES", (idle,))
    with pytest.raises(UngovernedPipelineError, match="The gate 'data quality' added no step to training_pipeline"):
        govern(training_pipeline, RunSession(ground.target("dev"))).prepare(config=read_config(CANCER))


def test_governing_leaves_the_plain_pipeline_and_its_steps_as_they_were(ground: Ground) -> None:
    for _ in range(2):
        govern(training_pipeline, RunSession(ground.target("dev"))).prepare(config=read_config(CANCER))
    training_pipeline.prepare(config=read_config(CANCER))
    assert "validate_data_quality" not in training_pipeline.invocations
    assert training_pipeline.configuration.failure_hook_source is None
    assert model_evaluator.configuration.success_hook_source is None


def test_nothing_of_a_governed_run_is_cached(ground: Ground, trained: PipelineRunResponse) -> None:
    again = jobs.train(ground.target("dev"))
    assert {str(step.status) for step in again.steps.values()} == {"completed"}
    assert outputs_of(again)["model"].id != outputs_of(trained)["model"].id
    assert evaluation_of(again).metrics == evaluation_of(trained).metrics, "training repeats"  # type: ignore[union-attr]


def test_a_stack_that_is_not_registered_is_named(ground: Ground) -> None:
    with pytest.raises(StackMissingError, match=r"'nowhere'.*make register"), active_stack("nowhere"):
        pytest.fail("the block must not run")


def test_the_choice_of_stack_ends_with_the_block(ground: Ground) -> None:
    before = Client().active_stack_model.name
    with active_stack("local-oncology-dev"):
        assert Client().active_stack_model.name == "local-oncology-dev"
    assert Client().active_stack_model.name == before


def test_a_team_that_is_not_in_the_environment_is_told_so(ground: Ground, tmp_path: Path) -> None:
    file = ground.settings / "teams" / "oncology.yaml"
    kept = file.read_text(encoding="utf-8")
    try:
        edit_yaml(file, lambda raw: raw["environments"].pop("staging"))
        from environments import SettingsError

        with pytest.raises(SettingsError, match=r"'oncology' has no section for 'staging'"):
            ground.target("staging")
    finally:
        file.write_text(kept, encoding="utf-8")
