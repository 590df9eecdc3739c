"""BigQuery is read by its own client, here against a stand-in of its REST interface at the emulator's address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pipelines.data import load_training_sets
from pipelines.sources import bigquery, table
from pipelines.sources.description import parse_source
from pipelines.tables import DataSourceError, open_table
from tests.pipelines.conftest import config_of

SOURCE = {"type": "bigquery", "secret": "warehouse", "table": "ward.patients", "order_by": ["patient"]}
TYPES = {"patient": "STRING", "ward": "STRING", "outcome": "STRING", "dose": "FLOAT", "smoker": "BOOLEAN",
         "visits": "INTEGER", "code": "NUMERIC", "age": "INTEGER", "tags": "JSON"}  # fmt: skip


class Service:
    """What BigQuery answers: one table, in the order of its rows, a query's text, and whatever is put to go wrong."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows.assign(tags="{}")
        self.statements: list[str] = []
        self.pages = 0
        self.statement_type = "SELECT"
        self.error: str | None = None

    def answer(self, method: str, path: str, asked: dict[str, list[str]], body: Any) -> tuple[int, dict[str, Any]]:
        if path.endswith("/token"):
            return 200, {"access_token": "opened", "expires_in": 3600, "token_type": "Bearer"}
        if self.error:
            return 400, {"error": {"code": 400, "message": self.error, "errors": [{"reason": "invalidQuery"}]}}
        if method == "POST":
            query = body["configuration"]["query"]["query"]
            self.statements.append(query)
            return 200, self._job(bool(body["configuration"].get("dryRun")))
        if "/queries/" in path:
            return 200, {**self._head(), "jobComplete": True, "schema": self._schema(), **self._page(asked)}
        return 200, self._job(dry_run=False)

    def _page(self, asked: dict[str, list[str]]) -> dict[str, Any]:
        start, size = int(asked.get("pageToken", ["0"])[0]), int(asked["maxResults"][0])
        if not size:
            return {"totalRows": str(len(self.rows))}
        self.pages += 1
        chosen = self.rows[self._names()].iloc[start : start + size]
        values = [{"f": [{"v": self._text(value)} for value in row]} for row in chosen.itertuples(index=False)]
        more = {"pageToken": str(start + size)} if start + size < len(self.rows) else {}
        return {"totalRows": str(len(self.rows)), "rows": values, **more}

    def _names(self) -> list[str]:
        chosen = self.statements[-1].removeprefix("SELECT ").partition(" FROM ")[0]
        return list(TYPES) if chosen == "*" else [name.strip("`") for name in chosen.split(", ")]

    def _schema(self) -> dict[str, Any]:
        return {"fields": [{"name": name, "type": TYPES[name], "mode": "NULLABLE"} for name in self._names()]}

    @staticmethod
    def _head() -> dict[str, Any]:
        return {"jobReference": {"projectId": "clinic", "jobId": "job-1", "location": "EU"}}

    def _job(self, dry_run: bool) -> dict[str, Any]:
        destination = {"projectId": "clinic", "datasetId": "hidden", "tableId": "result"}
        statistics = {"query": {"statementType": self.statement_type, "schema": self._schema()}}
        query = {"query": self.statements[-1], "destinationTable": destination}
        return {
            **self._head(),
            "status": {"state": "DONE"},
            "statistics": statistics,
            "configuration": {"jobType": "QUERY", "dryRun": dry_run, "query": query},
        }

    @staticmethod
    def _text(value: Any) -> str | None:
        return None if pd.isna(value) else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture(scope="module")
def key(module_zenml_store: Path) -> str:
    """A service account's key, which the secret ``warehouse`` holds."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode()


@pytest.fixture
def service(key: str, patients: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    from zenml.client import Client

    running = Service(patients)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            content = self.rfile.read(size)
            form = "json" in self.headers.get("Content-Type", "")
            place = urlsplit(self.path)
            status, given = running.answer(
                self.command, place.path, parse_qs(place.query), json.loads(content) if form and content else None
            )
            text = json.dumps(given).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _answer  # noqa: N815 - as the base class calls them

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
    account = {"type": "service_account", "client_email": "reader@clinic.example.com", "private_key": key,
               "token_uri": f"{address}/token", "project_id": "clinic"}  # fmt: skip
    Client().create_secret("warehouse", {"project": "clinic", "service_account_json": json.dumps(account)})
    yield running
    Client().delete_secret("warehouse")
    server.shutdown()
    thread.join()
    server.server_close()


def test_training_rows_are_those_of_a_file(service: Service, config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "BATCH_CELLS", 700)
    sets, expected = load_training_sets(config_of(SOURCE)), load_training_sets(config)
    pd.testing.assert_frame_equal(sets.training, expected.training)
    assert sets.description.training_digest == expected.description.training_digest
    assert sets.description.source == "bigquery ward.patients (secret warehouse)"
    assert service.pages == 5
    plan, query = service.statements
    assert plan == "SELECT * FROM `ward`.`patients` AS source ORDER BY `patient`"
    assert query.endswith(", `patient` FROM `ward`.`patients` AS source ORDER BY `patient`")
    assert "tags" not in query


def test_what_does_more_than_read_is_not_run(service: Service) -> None:
    service.statement_type = "DELETE"
    with pytest.raises(DataSourceError, match="the query is DELETE, and only a SELECT is run"):
        open_table(parse_source(SOURCE))
    assert len(service.statements) == 1


def test_rows_in_no_order_are_refused(service: Service) -> None:
    with pytest.raises(DataSourceError, match="order_by: has no column 'nobody'"):
        open_table(parse_source({**SOURCE, "order_by": ["nobody"]}))
    service.rows = pd.concat([service.rows.head(3), service.rows.tail(1), service.rows.tail(1)])
    with pytest.raises(DataSourceError, match="order_by: two rows have patient 'p000399'"):
        list(open_table(parse_source(SOURCE)).read())


def test_query_that_fails_is_one_line(service: Service) -> None:
    service.error = "Unrecognized name: dosis at [1:8]"
    with pytest.raises(DataSourceError, match="Unrecognized name: dosis") as error:
        open_table(parse_source({**SOURCE, "table": None, "query": "select dosis from ward.patients"}))
    assert "\n" not in str(error.value)


def test_service_that_is_away_is_one_line_without_the_key(
    service: Service, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bigquery, "_RETRY_SECONDS", 0.1)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")
    with pytest.raises(DataSourceError, match=r"bigquery ward.patients \(secret warehouse\): ") as error:
        open_table(parse_source(SOURCE))
    assert "\n" not in str(error.value)
    assert key.splitlines()[1] not in str(error.value)


@pytest.mark.parametrize(
    ("account", "expected"),
    [("{", "service_account_json of the secret is no JSON"), ('{"type": "x"}', "secret broken")],
)
def test_key_that_is_none_is_refused(service: Service, account: str, expected: str) -> None:
    from zenml.client import Client

    Client().create_secret("broken", {"project": "clinic", "service_account_json": account})
    try:
        with pytest.raises(DataSourceError, match=expected):
            open_table(parse_source({**SOURCE, "secret": "broken"}))
    finally:
        Client().delete_secret("broken")
