"""PostgreSQL is read from a real server: in pieces, in order, without writing, and without showing the secret."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from pipelines.data import load_training_sets
from pipelines.input_profile import profile_input
from pipelines.model import TrainedModel
from pipelines.sources import postgresql, table
from pipelines.sources.database import refuse
from pipelines.sources.description import PostgresqlSource, parse_source
from pipelines.tables import DataSourceError, Table, open_table
from tests.pipelines.conftest import config_of
from tests.pipelines.postgres import Server, find_programs, run_server

PASSWORD = "s3cret/word with@marks"
TABLE = {"type": "postgresql", "secret": "ward_database", "table": "ward.patients", "order_by": ["patient"]}
QUERY = {**TABLE, "table": None, "query": "select * from ward.patients where dose is not null -- those with a dose"}


@pytest.fixture(scope="module")
def server(module_zenml_store: Path, patients: pd.DataFrame) -> Iterator[Server]:
    from zenml.client import Client

    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with run_server(programs) as running:
        Client().create_secret("ward_database", {"uri": running.uri})
        parts = {"host": str(running.folder), "database": "postgres", "user": "owner", "password": PASSWORD}
        Client().create_secret("ward_parts", parts)
        running.execute(
            "create schema ward",
            "create table ward.patients (patient text, dose float8, visits int, ward text, code bigint, smoker bool, "
            "age int, outcome text, cost numeric(12, 4), admitted date)",
        )
        from adbc_driver_postgresql import dbapi

        stored = patients.assign(cost=patients["visits"] / 8, admitted=pd.Timestamp("2024-02-29"))
        rows = pa.Table.from_pandas(stored, preserve_index=False)
        types = {"cost": pa.string(), "admitted": pa.date32()}
        for name, kind in types.items():
            rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].cast(kind))
        with dbapi.connect(running.uri) as connection, connection.cursor() as cursor:
            cursor.adbc_ingest("staged", rows)
            cursor.execute(
                "insert into ward.patients select patient, dose, visits, ward, code, smoker, age, outcome, "
                "cost::numeric, admitted from staged order by random()"
            )
            connection.commit()
        yield running


def _table(given: dict[str, Any]) -> Table:
    return open_table(parse_source(given))


def test_a_model_is_trained_and_scores_as_from_a_file(
    server: Server, config: Any, source: Path, model: TrainedModel
) -> None:
    expected = load_training_sets(config)
    for given in (TABLE, {**TABLE, "secret": "ward_parts"}):
        sets = load_training_sets(config_of(given))
        pd.testing.assert_frame_equal(sets.training, expected.training)
        assert sets.description.training_digest == expected.description.training_digest
    described = load_training_sets(config_of(QUERY)).description
    assert described.source == "postgresql query (secret ward_database)"
    assert "where dose is not null" in str(described.selection)
    assert described.source_rows == 400 - 24 == described.training_rows + described.validation_rows
    assert described.source_digest != expected.description.source_digest
    needed = "patient, dose, visits, ward, code, smoker"
    batch = {**QUERY, "query": f"select {needed} from ward.patients"}
    profile = profile_input(config, model.signature, json.dumps(batch))
    assert profile.data_digest == profile_input(config, model.signature, str(source)).data_digest
    assert (profile.rows, profile.location) == (400, "postgresql query (secret ward_database)")
    assert f"select {needed}" in str(profile.selection)


def test_types_are_those_of_the_database(server: Server) -> None:
    opened = _table(TABLE).select(frozenset(("cost", "admitted", "code")))
    assert [str(kind) for kind in opened.schema.types] == ["int64", "double", "date32[day]"]
    assert sum(batch.num_rows for batch in opened.read()) == 400


def test_rows_come_in_pieces_and_only_the_columns_asked_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "BATCH_CELLS", 60)
    asked: list[str] = []
    original = PostgresqlSource.statement
    monkeypatch.setattr(
        PostgresqlSource, "statement", lambda *given: asked.append(original(*given)) or original(*given)
    )
    pieces = list(_table(TABLE).select(frozenset(("dose", "ward"))).read())
    assert asked[-1] == 'SELECT "dose", "ward", "patient" FROM "ward"."patients" AS source ORDER BY "patient"'
    assert {piece.num_rows for piece in pieces} == {20}
    assert pieces[0].schema.names == ["dose", "ward"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"table": "ward.nobody"}, 'relation "ward.nobody" does not exist'),
        ({"order_by": ["ward"]}, "order_by: two rows have ward 'A', so their order is the database's; add a column"),
        ({"order_by": ["nothing"]}, 'column "nothing" does not exist'),
        ({"secret": "other"}, "there is no secret 'other' in ZenML"),
        ({"table": None, "query": "select 1 / (visits - visits) as patient from ward.patients"}, "division by zero"),
        ({"table": None, "query": "delete from ward.patients returning *"}, 'syntax error at or near "from"'),
        ({"table": None, "query": "select 1) as x; drop table ward.patients; --"}, "syntax error at or near"),
        ({"table": None, "query": "select nextval('counted') as patient"}, "cannot execute nextval() in a read-only"),
        ({"table": None, "query": "select 9007199254740993::numeric as patient"}, "9007199254740993 is an integer"),
    ],
)
def test_what_the_database_refuses_is_one_line(server: Server, changes: dict[str, Any], expected: str) -> None:
    server.execute("create sequence if not exists counted")
    with pytest.raises(DataSourceError) as error:
        list(_table({**TABLE, **changes}).read())
    assert expected in str(error.value)
    assert "\n" not in str(error.value)
    assert sum(batch.num_rows for batch in _table(TABLE).read()) == 400


def test_secret_with_other_keys_is_refused_without_its_values(server: Server) -> None:
    from zenml.client import Client

    for name, values, expected in (
        ("misspelt", {"url": PASSWORD}, "the secret holds url, which is not read; allowed are uri, host"),
        ("incomplete", {"password": PASSWORD}, "the secret needs uri, or host and database"),
    ):
        Client().create_secret(name, values)
        with pytest.raises(DataSourceError, match=expected) as error:
            _table({**TABLE, "secret": name})
        assert PASSWORD not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(
    "values",
    [
        {"host": "127.0.0.1", "port": "1", "database": "ward", "user": "ann", "password": PASSWORD},
        {"uri": "postgresql://ann:s3cret%2Fword@127.0.0.1:1/ward"},
        {"uri": "postgresql://ann:s3cret word@127.0.0.1:port/ward"},
        {"host": "127.0.0.1", "port": "none", "database": "ward", "password": PASSWORD},
    ],
)
def test_database_that_is_away_is_one_line_without_the_secret(server: Server, values: dict[str, str]) -> None:
    from zenml.client import Client

    Client().create_secret("away", values)
    try:
        with pytest.raises(DataSourceError) as error:
            _table({**TABLE, "secret": "away"})
    finally:
        Client().delete_secret("away")
    told = "".join(traceback.format_exception(error.value))
    assert "s3cret" not in told
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("postgresql ward.patients (secret away): ")


def test_an_error_that_repeats_the_secret_is_shown_without_it() -> None:
    source = parse_source(TABLE)
    assert isinstance(source, PostgresqlSource)
    uri = "postgresql://ann:s3cret%2Fword@db/ward"
    shown = str(refuse(source, f"no {uri}\nnor s3cret/word, s3cret%2Fword", {"uri": uri}))
    assert shown == "postgresql ward.patients (secret ward_database): no *** nor ***, ***"


def test_database_that_goes_away_while_it_is_read_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = _table({**TABLE, "table": None, "query": "select i as patient from generate_series(1, 3000000) i"})
    rows = opened.read()
    next(rows)
    server.stop()
    try:
        with pytest.raises(DataSourceError, match="postgresql query"):
            list(rows)
    finally:
        server.start()


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("postgresql://ann@db.example.com/ward", "sslmode=require"),
        ("postgresql://ann@db.example.com/ward?sslmode=verify-full", "sslmode=verify-full"),
        ("postgresql:///ward?host=/run/pg", "sslmode=prefer"),
        ("postgresql://localhost/ward", "sslmode=prefer"),
    ],
)
def test_connection_is_encrypted_where_it_leaves_the_machine(uri: str, expected: str) -> None:
    source = parse_source(TABLE)
    assert isinstance(source, PostgresqlSource)
    made = postgresql._uri(source, {"uri": uri})
    assert expected in made
    assert made.startswith(uri.partition("?")[0])
    assert "connect_timeout=15" in made


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"order_by": []}, "order_by: Tuple should have at least 1 item"),
        ({"query": "select 1"}, "give a query or a table"),
        ({"table": None}, "give a query or a table"),
        ({"table": "a; drop"}, "table: String should match pattern"),
        ({"password": PASSWORD}, "password: Extra inputs are not permitted"),
    ],
)
def test_source_that_cannot_be_run_is_refused(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_source({**TABLE, **changes})
