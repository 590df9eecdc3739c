"""A ZenML server that is away costs a command one line, whatever the command was to do."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
import requests
import sqlalchemy.exc
import typer
from botocore import UNSIGNED
from botocore.config import Config
from zenml.exceptions import IllegalOperationError

from environments.errors import one_line
from stack_bootstrap.command_line import run_command_line

MODEL = ("--model", "breast_cancer_classifier")


@pytest.mark.parametrize(
    "arguments",
    [
        ("models",),
        ("train", *MODEL, "--env", "dev"),
        ("validate", *MODEL, "--env", "staging"),
        ("infer", *MODEL),
        ("sign", *MODEL, "--env", "dev"),
        ("approve", *MODEL, "--to", "production"),
        ("override", *MODEL, "--gate", "fairness", "--reason", "few rows"),
        ("promote", *MODEL, "--to", "staging"),
        ("rollback", *MODEL, "--env", "production", "--reason", "false alarms"),
        ("rollback-drill", *MODEL),
        ("reconcile", "--env", "production"),
        ("report", *MODEL),
        ("release", *MODEL),
        ("deploy", "--env", "dev"),
        ("evidence", *MODEL),
        ("team-remove", "--name", "oncology"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_server_that_is_away_is_one_line(
    arguments: tuple[str, ...],
    zenml_store: Path,
    settings_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    run_main: Callable[..., object],
) -> None:
    monkeypatch.setenv("ZENML_STORE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ZENML_STORE_API_KEY", "ZENKEY_hunter2")
    monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(settings_directory))
    code = run_main(*arguments)
    out, err = capfd.readouterr()
    assert (code, out) == (1, "")
    assert err.startswith("store of ZenML: the server http://127.0.0.1:1 is away")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "module", "status"),
    [
        (requests.ConnectionError("Max retries\nexceeded"), "zenml.zen_stores.rest_zen_store", 1),
        (sqlalchemy.exc.OperationalError("select 1", {}, Exception("gone")), "zenml.zen_stores.sql_zen_store", 1),
        (IllegalOperationError("ada@example.com may not promote"), "zenml.zen_stores.rest_zen_store", 1),
        (requests.ConnectionError("of somebody else"), "mlflow.store", None),
        (ValueError("a defect"), "zenml.zen_stores.sql_zen_store", None),
    ],
)
def test_a_store_that_goes_away_while_a_command_works_is_one_line_too(
    error: Exception, module: str, status: int | None, capfd: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command()
    def work() -> None:
        exec("raise error", {"__name__": module, "error": error})

    handler = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, pytest.raises((SystemExit, type(error))) as ended:
        patch.setattr(sys, "argv", ["work"])
        run_command_line(app, ())
    signal.signal(signal.SIGTERM, handler)
    assert getattr(ended.value, "code", None) == status
    assert capfd.readouterr().err.count("\n") == (status or 0)


def test_an_address_that_does_not_answer_is_said_by_itself() -> None:
    asked = requests.Request("GET", "http://127.0.0.1:18610/api/v1/runs?hydrate=True").prepare()
    assert (
        one_line(requests.ConnectionError("Max retries exceeded", request=asked)) == "127.0.0.1:18610 does not answer"
    )
    refused = requests.Response()
    refused.status_code = 403
    assert one_line(requests.HTTPError("403\nforbidden", request=asked, response=refused)) == "403 forbidden"
    assert one_line(requests.ConnectionError("no\nroute")) == "no route"


def test_a_bucket_that_is_away_is_one_line_and_a_defect_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command()
    def look(where: str) -> None:
        if not where:
            raise OSError("a defect of ours")
        options = Config(retries={"total_max_attempts": 1}, signature_version=UNSIGNED)
        boto3.client("s3", "eu-west-1", endpoint_url=where, config=options).head_bucket(Bucket="any")

    monkeypatch.setattr(sys, "argv", ["look", "http://127.0.0.1:1"])
    with pytest.raises(SystemExit) as ended:
        run_command_line(app, ())
    (said,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1
    assert said.startswith("store of artifacts: it refuses or does not answer (EndpointConnectionError: Could not")
    monkeypatch.setattr(sys, "argv", ["look", ""])
    with pytest.raises(OSError, match="a defect of ours"):
        run_command_line(app, ())
