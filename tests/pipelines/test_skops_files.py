"""What is trained twice is the same bytes, wherever it lay in memory and whenever it was written."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from environments import CHECKOUT
from pipelines.stored_estimators import from_files, to_files

NAME = "model.skops"
IN_A_PROCESS = "from tests.pipelines.test_skops_files import trained_digest; print(trained_digest(0))"


def trained_digest(seed: int) -> str:
    """Train, and return the digest of what is stored."""
    frame, label = load_breast_cancer(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=seed)).fit(frame, label)
    files = to_files(model, NAME)
    read = from_files(files, NAME, "here")
    assert (read.predict_proba(frame) == model.predict_proba(frame)).all()
    return hashlib.sha256(files[NAME]).hexdigest()


def test_a_model_trained_twice_is_the_same_file_and_another_one_is_not() -> None:
    here = trained_digest(0)
    elsewhere = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.split()[-1] == here
    assert trained_digest(1) != here


def test_no_time_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    before = trained_digest(0)
    later = time.localtime(time.time() + 86_400)
    monkeypatch.setattr(time, "localtime", lambda *_: later)
    assert trained_digest(0) == before
