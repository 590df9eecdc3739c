"""A governed run trains from a table of a real PostgreSQL server, and its lineage says which rows it read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from zenml.client import Client

from governance.registry.sign_trained import is_signed
from governance.report.collect import collect
from governance.runs import jobs
from governance.runs.evidence import verdicts_of
from governance.runs.session import RunSession
from pipelines.config import ModelConfig, read_config
from pipelines.data import load_training_sets
from tests.governance.conftest import CANCER, Ground
from tests.pipelines.postgres import Server, find_programs, run_server

QUERY = "select * from laboratory.samples where target is not null"
PASSWORD = "s3cret/word with@marks"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with run_server(programs) as running:
        yield running


@pytest.fixture
def config(ground: Ground, server: Server, monkeypatch: pytest.MonkeyPatch) -> ModelConfig:
    """The example's rows in a table, with a row that nobody diagnosed, read through a secret of the stack's."""
    from adbc_driver_postgresql import dbapi
    from sklearn.datasets import load_breast_cancer

    rows = load_breast_cancer(as_frame=True).frame.reset_index(names="sample")
    undiagnosed = rows.tail(1).assign(sample=len(rows), target=None)
    stored = pa.concat_tables(
        [pa.Table.from_pandas(part, preserve_index=False) for part in (rows, undiagnosed)], promote_options="permissive"
    )
    server.execute("create schema laboratory")
    with dbapi.connect(server.uri) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("samples", stored, db_schema_name="laboratory")
        connection.commit()
    parts = {"host": str(server.folder), "database": "postgres", "user": "owner", "password": PASSWORD}
    Client().create_secret("laboratory_database", parts)
    source = {"type": "postgresql", "secret": "laboratory_database", "query": QUERY, "order_by": ["sample"]}
    changed: dict[str, Any] = read_config(CANCER).model_dump() | {"source": source}
    config = ModelConfig.model_validate(changed)
    for module in ("governance.runs.session", "governance.runs.trackers.mlflow", "governance.report.collect"):
        monkeypatch.setattr(f"{module}.read_config", lambda _: config, raising=False)
    return config


def test_training_from_a_table_is_judged_signed_and_says_what_it_read(ground: Ground, config: ModelConfig) -> None:
    target = ground.target("dev")
    trained = jobs.train(target)
    assert trained.status.is_successful
    assert {verdict.verdict for verdict in verdicts_of(trained)} == {"passed"}
    read, described = trained.run_metadata["source"], load_training_sets(config).description
    assert read == {
        "location": "postgresql query (secret laboratory_database)",
        "selection": described.selection,
        "rows": 569,
        "digest": described.source_digest,
    }
    assert QUERY in str(described.selection)
    from_the_package = load_training_sets(read_config(CANCER)).description
    assert described.source_digest == from_the_package.source_digest
    assert trained.model_version is not None
    assert is_signed(target, trained.model_version, RunSession(target).journal)
    shown = str(collect(target))
    assert "569 rows" in shown
    assert QUERY in shown
    assert PASSWORD not in shown + str(trained.run_metadata) + str(trained.config)
