"""What `DATA=` may be is known before a run starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.runs.jobs import NoDataError, _as_source


def test_yaml_file_becomes_the_section_that_the_run_carries(tmp_path: Path) -> None:
    (tmp_path / "batch.yaml").write_text("type: bigquery\nsecret: ward\ntable: a.b\norder_by: [id]\n")
    carried = _as_source(str(tmp_path / "batch.yaml"))
    assert json.loads(carried) == {"type": "bigquery", "secret": "ward", "table": "a.b", "order_by": ["id"]}
    assert _as_source("s3://ward/batch.csv") == "s3://ward/batch.csv"
    (tmp_path / "batch.csv").touch()
    assert _as_source(str(tmp_path / "batch.csv")) == str(tmp_path / "batch.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "there is nothing at"),
        ("path: [", "not valid YAML"),
        ("path: nowhere.csv", "there is nothing at"),
        ("type: postgresql\nsecret: ward\norder_by: [id]", "give a query or a table"),
        ("type: postgresql\npassword: hunter2\norder_by: [id]\ntable: a", "password: Extra inputs are not permitted"),
        ("- a.csv", "must end in .csv"),
    ],
)
def test_what_is_no_source_starts_no_run(tmp_path: Path, text: str | None, expected: str) -> None:
    file = tmp_path / "batch.yml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(NoDataError, match=expected) as error:
        _as_source(str(file))
    assert "No run was started." in str(error.value)
    assert "hunter2" not in str(error.value)
