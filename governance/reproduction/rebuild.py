"""Trains a model with the code in the folder that PYTHONPATH names, and says what came of it. Run by its path.

usage: rebuild.py MODEL REPORT. Needs ``ZENML_CONFIG_PATH`` and ``ZENML_CUSTOM_SOURCE_ROOT``; writes JSON to REPORT.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any


def train(model: str) -> dict[str, Any]:
    """Train ``model`` without gates on a local stack; return digests, metrics and parameters."""
    from zenml.client import Client
    from zenml.enums import ExecutionMode
    from zenml.pipelines.compilation_context import PipelineCompilationContext

    from governance.runs.evidence import outputs_of
    from governance.runs.pipelines import training_of, training_parameters
    from governance.runs.plain_models import store_plain_models
    from pipelines.artifacts import EVALUATION, MODEL, TRAINING_DATA, VALIDATION_DATA
    from pipelines.config import read_config
    from pipelines.digests import data_digest
    from pipelines.sources.table import DataSourceError

    config = read_config(model)
    pipeline = training_of(config).with_options(enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST)
    plain = pipeline.entrypoint

    @functools.wraps(plain)
    def with_models_stored(*args: Any, **kwargs: Any) -> Any:
        returned = plain(*args, **kwargs)
        compilation = PipelineCompilationContext.get()
        assert compilation is not None, "ZenML calls a pipeline's function while it compiles it"
        store_plain_models(compilation.pipeline, config)
        return returned

    pipeline.entrypoint = with_models_stored  # type: ignore[assignment]  # ZenML's type stands for any function
    try:
        started = pipeline(**training_parameters(pipeline, config))
    except DataSourceError as error:
        return {"unreadable": str(error)}
    assert started is not None, "only a scheduled pipeline returns no run"
    made = outputs_of(Client().get_pipeline_run(started.id))
    return {
        "model": made[MODEL].content_hash,
        "data": {
            "training": data_digest(made[TRAINING_DATA].load()),
            "held-out": data_digest(made[VALIDATION_DATA].load()),
        },
        "metrics": made[EVALUATION].load().metrics if EVALUATION in made else {},
        "config": config.model_dump(mode="json"),
    }


def main() -> None:
    """Write the report of one training."""
    model, report = sys.argv[1:]
    packages: dict[str, str] = {}
    for found in importlib.metadata.distributions():
        packages.setdefault(found.name, found.version)  # of two on the path, Python imports the first
    Path(report).write_text(json.dumps({"packages": packages, **train(model)}), encoding="utf-8")


if __name__ == "__main__":
    main()
