"""MLflow as a tracker."""

from __future__ import annotations

import logging
import os
import time
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from zenml import log_metadata

from governance.gates.record import as_reference
from governance.records.context import RunContext
from governance.runs.evidence import evaluation_of, outputs_of
from governance.runs.trackers import Tracker
from pipelines.artifacts import MODEL
from pipelines.boosters import BOOSTERS, WRAPPERS, libraries_in
from pipelines.config import read_config
from pipelines.model import TrainedModel, save_model
from pipelines.onnx_models import OnnxModel
from pipelines.own_types import allowed_types
from pipelines.trusted_types import trusted_types

if TYPE_CHECKING:
    from zenml.experiment_trackers import BaseExperimentTracker
    from zenml.models import PipelineRunResponse

_SQLITE = "sqlite:///"
_ABANDONED_SECONDS = 600


class MlflowTracker(Tracker):
    """MLflow: parameters, metrics, the model, and where all of it came from."""

    title = "MLflow"
    metadata_key = "mlflow_run_id"

    def log_run(
        self, component: BaseExperimentTracker, run: PipelineRunResponse, context: RunContext, *, succeeded: bool
    ) -> None:
        """See :meth:`Tracker.log_run`."""
        import mlflow
        from zenml.integrations.mlflow.experiment_trackers import MLFlowExperimentTracker

        assert isinstance(component, MLFlowExperimentTracker)
        for chatty in ("mlflow", "alembic", "git"):  # what MLflow and its libraries say of their own doings
            logging.getLogger(chatty).setLevel(logging.WARNING)
        _ensure_database(component.get_tracking_uri())
        component.configure_mlflow()
        with mlflow.start_run(experiment_id=_experiment(context.model), run_name=run.name) as active:
            mlflow.set_tags(_tags(run, context))
            mlflow.log_params(_parameters(context.model))
            evaluation = evaluation_of(run)
            if evaluation is not None:
                mlflow.log_metrics({as_reference(name): value for name, value in evaluation.metrics.items()})
            if succeeded:
                _log_model(run, context)
            run_id = active.info.run_id
        if not succeeded:
            mlflow.MlflowClient().set_terminated(run_id, status="FAILED")
        log_metadata(metadata={self.metadata_key: run_id}, run_id_name_or_prefix=run.id)


ADAPTER = MlflowTracker()


def _ensure_database(uri: str) -> None:
    """Make the SQLite database of ``uri``, with MLflow's schema, unless it is there or ``uri`` is of another kind.

    MLflow makes its tables one by one over a second or more, and cannot go on from a half-made schema. So the
    database is made beside its place and moved there when it is complete; of two makers the first one's stays.
    """
    if not uri.startswith(_SQLITE):
        return
    database = Path(uri.removeprefix(_SQLITE))
    if database.exists():
        return
    from mlflow import MlflowClient

    for left in database.parent.glob(f".{database.name}.*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
            left.unlink(missing_ok=True)
    unfinished = database.with_name(f".{database.name}.{uuid4().hex}")
    MlflowClient(tracking_uri=f"{_SQLITE}{unfinished}").search_experiments(max_results=1)
    try:
        os.link(unfinished, database)
    except FileExistsError:
        return
    finally:
        unfinished.unlink(missing_ok=True)


def _experiment(name: str) -> str:
    """Return the id of the experiment ``name``, made when missing, with artifacts beside a local tracking database.

    Without a location MLflow would write to ``mlruns`` in whatever folder the process was started from.
    """
    import mlflow

    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    uri = mlflow.get_tracking_uri()
    beside = (Path(uri.removeprefix(_SQLITE)).parent / "artifacts").as_uri() if uri.startswith(_SQLITE) else None
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
    estimator = config.estimator
    return {
        "estimator": "own" if estimator is None else estimator.type,
        "task": config.task,
        **({"decision_threshold": config.decision_threshold} if config.task == "binary" else {}),
        "split": config.split_method,
        "validation_share": config.split.validation_share,
        "seed": config.split.seed,
        **({} if estimator is None else {f"estimator.{name}": value for name, value in estimator.parameters.items()}),
    }


def _log_model(run: PipelineRunResponse, context: RunContext) -> None:
    artifact = outputs_of(run).get(MODEL)
    if artifact is None:
        return
    import mlflow

    trained = artifact.load()
    assert isinstance(trained, TrainedModel)
    if isinstance(trained.pipeline, OnnxModel):
        with TemporaryDirectory() as folder:  # MLflow's own form of it needs the package that writes ONNX
            save_model(trained, Path(folder))
            mlflow.log_artifacts(folder, "model")
        return
    with redirect_stderr(StringIO()):  # "Successfully registered": MLflow writes it past its own logger
        mlflow.sklearn.log_model(
            trained.pipeline,
            name="model",
            registered_model_name=context.model,
            serialization_format="skops",
            skops_trusted_types=sorted(trusted_types() | WRAPPERS | BOOSTERS | allowed_types()),
            # Given, because finding them out by itself starts another Python that imports the model: seconds a run.
            pip_requirements=["scikit-learn", "skops", "pandas", *sorted(libraries_in(trained.pipeline))],
        )
