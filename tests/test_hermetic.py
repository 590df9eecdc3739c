"""No test sees where it runs: CI's own variables once made a signing key refuse that every laptop got."""

from __future__ import annotations

import os

import pytest

from tests.conftest import skip_what_takes_seconds, without_foreign_variables

FOREIGN = [
    "CI",
    "GITHUB_ACTIONS",
    "GITHUB_ACTOR",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "RUNNER_TEMP",
    "AWS_SESSION_TOKEN",
    "GROUNDWORK_AUDIT_KEYS",
    "ZENML_STORE_URL",
    "MLFLOW_TRACKING_URI",
    "TF_VAR_prefix",
    "OFFLINE",
    "ENV",
    "MODEL",
]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_the_caller_is_does_not_reach_a_test(name: str) -> None:
    assert without_foreign_variables({name: "there", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_what_a_test_needs_of_its_caller_stays() -> None:
    needed = {"TF_PLUGIN_MIRROR": "mirror", "TERRAFORM": "terraform", "HOME": "/home/x", "GROUNDWORK_RECORD": "1"}
    assert without_foreign_variables(needed) == needed


def test_this_process_is_not_in_ci() -> None:
    assert not {"CI", "GITHUB_ACTIONS", "GROUNDWORK_AUDIT_KEYS"} & set(os.environ)


@pytest.mark.parametrize(
    ("event", "what", "skips"),
    [
        ("import", "zenml.client", True),
        ("import", "zenmlike", False),
        ("subprocess.Popen", "/usr/bin/terraform", True),
        ("subprocess.Popen", b"python3.11", True),
        ("subprocess.Popen", "git", False),
        ("open", "terraform", False),
    ],
)
def test_a_quick_check_leaves_out_what_takes_seconds(event: str, what: str, skips: bool) -> None:
    skipped = False
    try:
        skip_what_takes_seconds(event, (what,))
    except pytest.skip.Exception:
        skipped = True
    assert skipped == skips
