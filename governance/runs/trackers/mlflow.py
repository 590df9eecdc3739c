"""A run in MLflow: parameters, metrics, the model, and where all of it came from."""

from __future__ import annotations

from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from zenml import log_metadata
from zenml.client import Client

from governance.records.context import RunContext
from governance.runs.evidence import evaluation_of, outputs_of
from governance.runs.trackers.mlflow_database import SQLITE, ensure_database
from pipelines.artifacts import MODEL
from pipelines.config import read_config
from pipelines.model import TRUSTED_TYPES, TrainedModel

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

METADATA_KEY = "mlflow_run_id"
"""The run metadata key that holds the id of the MLflow run."""


def log_run(run: PipelineRunResponse, context: RunContext) -> None:
    """Log a run that succeeded, and register its model when it trained one."""
    _log(run, context, status="FINISHED")


def log_failure(run: PipelineRunResponse, context: RunContext) -> None:
    """Log a run that failed, with what it had measured by then. Its model is not registered."""
    _log(run, context, status="FAILED")


def _log(run: PipelineRunResponse, context: RunContext, *, status: str) -> None:
    from zenml.integrations.mlflow.experiment_trackers import MLFlowExperimentTracker

    tracker = Client().active_stack.experiment_tracker
    if not isinstance(tracker, MLFlowExperimentTracker):
        return
    import mlflow

    ensure_database(tracker.get_tracking_uri())
    tracker.configure_mlflow()
    with mlflow.start_run(experiment_id=_experiment(context.model), run_name=run.name) as active:
        mlflow.set_tags(_tags(run, context))
        mlflow.log_params(_parameters(context.model))
        evaluation = evaluation_of(run)
        if evaluation is not None:
            mlflow.log_metrics(evaluation.metrics.model_dump())
        if status == "FINISHED":
            _log_model(run, context)
        run_id = active.info.run_id
    if status != "FINISHED":
        mlflow.MlflowClient().set_terminated(run_id, status=status)
    log_metadata(metadata={METADATA_KEY: run_id}, run_id_name_or_prefix=run.id)


def _experiment(name: str) -> str:
    """Id of the experiment ``name``, made when missing, with its artifacts beside a local tracking database.

    Without a location MLflow would write to ``mlruns`` in whatever folder the process was started from.
    """
    import mlflow

    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    uri = mlflow.get_tracking_uri()
    beside = (Path(uri.removeprefix(SQLITE)).parent / "artifacts").as_uri() if uri.startswith(SQLITE) else None
    return str(mlflow.create_experiment(name, artifact_location=beside))


def _tags(run: PipelineRunResponse, context: RunContext) -> dict[str, str]:
    from zenml.utils.dashboard_utils import get_run_url

    return {
        "environment": context.environment,
        "team": context.team,
        "owner": context.owner,
        "pipeline": context.pipeline,
        "git_commit": context.provenance.git_commit,
        "git_dirty": str(context.provenance.git_dirty).lower(),
        "lock_digest": context.provenance.lock_digest,
        "model_version": str(run.model_version.number) if run.model_version else "none",
        "zenml_run_id": str(run.id),
        "zenml_run_url": get_run_url(run) or f"zenml://runs/{run.id}",
    }


def _parameters(model: str) -> dict[str, object]:
    config = read_config(model)
    return {
        "estimator": config.estimator.type,
        "decision_threshold": config.decision_threshold,
        "validation_share": config.split.validation_share,
        "seed": config.split.seed,
        **config.estimator.parameters.model_dump(),
    }


def _log_model(run: PipelineRunResponse, context: RunContext) -> None:
    artifact = outputs_of(run).get(MODEL)
    if artifact is None:
        return
    import mlflow

    trained = artifact.load()
    assert isinstance(trained, TrainedModel)
    with redirect_stderr(StringIO()):  # "Successfully registered": MLflow writes it past its own logger
        mlflow.sklearn.log_model(
            trained.pipeline,
            name="model",
            registered_model_name=context.model,
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED_TYPES),
            # Given, because finding them out by itself starts another Python that imports the model: seconds a run.
            pip_requirements=["scikit-learn", "skops", "pandas"],
        )
