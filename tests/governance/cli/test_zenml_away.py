"""A ZenML server that is away costs a command one line, whatever the command was to do."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from governance.cli.app import main

MODEL = ("--model", "breast_cancer_classifier")


@pytest.mark.parametrize(
    "arguments",
    [
        ("models",),
        ("train", *MODEL, "--env", "dev"),
        ("validate", *MODEL, "--env", "staging"),
        ("infer", *MODEL),
        ("sign", *MODEL, "--env", "dev"),
        ("promote", *MODEL, "--to", "staging"),
        ("rollback", *MODEL, "--env", "production", "--reason", "false alarms"),
        ("reconcile", "--env", "production"),
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
) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("ZENML_STORE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ZENML_STORE_API_KEY", "ZENKEY_hunter2")
    monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(settings_directory))
    monkeypatch.setattr(sys, "argv", ["governance", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    signal.signal(signal.SIGTERM, handler)
    out, err = capfd.readouterr()
    assert (ended.value.code, out) == (1, "")
    assert err.startswith("store of ZenML: the server http://127.0.0.1:1 is away")
    assert err.count("\n") == 1
