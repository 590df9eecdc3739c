"""The scripts that workflows run: one issue per label, a key for as long as it is needed, and waiting for others."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


def script(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(REPOSITORY / "scripts" / name), *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``gh`` that writes down how it was called and knows the open issue in the file beside its log."""
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/log\n[ "$2" != list ] || cat {tmp_path}/open 2>/dev/null || true\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path


def called(github: Path) -> list[str]:
    return [line for line in (github / "log").read_text(encoding="utf-8").splitlines() if " list " not in line]


def test_an_issue_is_opened_once_then_updated_then_closed(github: Path) -> None:
    body = github / "found $(x).md"
    body.write_text("text", encoding="utf-8")
    assert script("report-issue", "drift", "It differs", str(body)).returncode == 0
    assert called(github)[-1] == f"issue create --label drift --title It differs --body-file {body}"
    (github / "open").write_text("7\n", encoding="utf-8")
    assert script("report-issue", "drift", "It differs", str(body)).returncode == 0
    assert called(github)[-1] == f"issue edit 7 --title It differs --body-file {body}"
    assert script("report-issue", "--close", "drift").returncode == 0
    assert called(github)[-1].startswith("issue close 7 ")


def test_without_an_open_issue_there_is_nothing_to_close(github: Path) -> None:
    assert script("report-issue", "--close", "drift").returncode == 0
    assert called(github) == []


def test_wrong_arguments_are_refused_with_the_usage(github: Path) -> None:
    done = script("report-issue", "drift")
    assert done.returncode == 2
    assert "usage: scripts/report-issue LABEL TITLE FILE" in done.stderr


def test_the_model_key_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    look = (
        f'cd "$GROUNDWORK_MODEL_KEYS" && stat -c "%a %n" . * > {seen} && cat * >> {seen} && pwd >> {seen}; env; exit 3'
    )
    done = script("with-model-key", "sh", "-c", look, MODEL_SIGNING_KEY="PEM", CLOUD="aws", ENV="dev")
    assert done.returncode == 3, "the command's own status"
    rights, file, key, folder = seen.read_text(encoding="utf-8").splitlines()
    assert (rights, file, key) == ("700 .", "600 models-aws-dev.pem", "PEM")
    assert not Path(folder).exists()
    assert "MODEL_SIGNING_KEY" not in done.stdout


def test_without_a_key_the_command_runs_as_it_is() -> None:
    done = script("with-model-key", "sh", "-c", 'echo "${GROUNDWORK_MODEL_KEYS-none}"', MODEL_SIGNING_KEY="")
    assert (done.returncode, done.stdout) == (0, "none\n")


RUN = "7"
LONG_AGO, BEFORE, NOW, LATER = (f"2026-11-30T{hour}:00:00Z" for hour in ("08", "11", "12", "13"))


def at_work(**runs: str | None) -> dict[str, object]:
    """What GitHub knows: runs whose job ``promote`` began then and is at work, or is not at work yet."""
    known: dict[str, object] = {"list": [{"databaseId": int(run[1:])} for run in runs]}
    for run, began in runs.items():
        status = "in_progress" if began else "waiting"
        other = {"name": "approve", "status": "in_progress", "startedAt": LONG_AGO}
        known[run[1:]] = {"jobs": [{"name": "promote", "status": status, "startedAt": began}, other]}
    return known


def ended(status: str = "in_progress", **jobs: str) -> dict[str, object]:
    """What GitHub knows: one run of infra-apply, and how its jobs ended, if they did."""
    found = [{"name": name, "conclusion": conclusion} for name, conclusion in jobs.items()]
    return {"list": [{"databaseId": 5}], "5": {"status": status, "jobs": found}}


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes ``gh`` answer from a list of states, each ``sleep`` moving to the next; after the last it fails."""
    programs = tmp_path / "bin"
    programs.mkdir()
    at, state = f"{tmp_path}/at", f"{tmp_path}/$(cat {tmp_path}/at)"
    for name, text in {
        "gh": '[ "$2" = list ] && key=list || key=$3\n[ "$1" != api ] || key=$2\n'
        f'for jq; do :; done\njq -r ".\\"$key\\" | $jq" {state}',
        "sleep": f"echo $(($(cat {at}) + 1)) > {at}.new && mv {at}.new {at} && [ -f {state} ]",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_RUN_ID", RUN)
    monkeypatch.setenv("GITHUB_SHA", "c0ffee")

    def tell(*states: dict[str, object]) -> None:
        (tmp_path / "at").write_text("0", encoding="utf-8")
        for number, known in enumerate(states):
            (tmp_path / str(number)).write_text(json.dumps(known), encoding="utf-8")

    return tell


@pytest.mark.parametrize(
    ("states", "waits"),
    [
        ([at_work(r7=NOW)], 0),
        ([at_work(r7=NOW, r6=LATER)], 0),
        ([at_work(r7=NOW, r6=None)], 0),
        ([at_work(r7=NOW, r9=BEFORE, r6=None), at_work(r7=NOW, r6=LATER)], 1),
        ([at_work(r7=NOW, r6=NOW), at_work(r7=NOW, r5=NOW), at_work(r7=NOW)], 2),
        ([at_work(r7=NOW, r8=NOW)], 0),
    ],
)
def test_jobs_take_turns_as_they_began_and_none_is_dropped(
    states: list[dict[str, object]], waits: int, clock: Callable[..., None]
) -> None:
    clock(*states)
    done = script("take-turn", "promote-production.yml", "promote")
    assert (done.returncode, done.stdout.count("Waiting")) == (0, waits), done.stderr


def test_a_turn_is_not_taken_by_a_job_that_is_not_there(clock: Callable[..., None]) -> None:
    clock(at_work(r7=None))
    done = script("take-turn", "promote-production.yml", "promote")
    assert (done.returncode, "has no job 'promote' at work" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("states", "waits", "said"),
    [
        ([ended(dev="success", staging="skipped")], 0, None),
        ([ended(dev=""), ended(dev="success"), ended(dev="success", staging="success")], 2, None),
        ([{"list": []}, ended(dev="success", staging="success")], 1, None),
        ([ended(dev="success", staging="failure")], 0, "staging of infra-apply.yml's run 5: failure"),
        ([ended(status="completed")], 0, "dev of infra-apply.yml's run 5: not begun"),
        ([{"list": []}] * 20, 19, "has no run for c0ffee"),
    ],
)
def test_models_wait_for_the_stacks_of_their_commit(
    states: list[dict[str, object]], waits: int, said: str | None, clock: Callable[..., None]
) -> None:
    clock(*states)
    done = script("await-jobs", "infra-apply.yml", "dev", "staging")
    assert (done.returncode, done.stdout.count("Waiting")) == (int(bool(said)), waits), done.stdout + done.stderr
    assert (said or "") in done.stdout


@pytest.mark.parametrize(
    ("name", "limited", "policies", "reviewers", "said"),
    [
        ("dev", True, ["branch main"], 0, ""),
        ("dev", True, [], 0, ""),  # protected branches only
        ("dev", False, [], 0, "Every branch reaches the environment dev"),
        ("dev", True, ["branch main", "tag *-v*", "branch x"], 0, "dev is also reached from tag *-v*, branch x."),
        ("production", True, ["branch main", "tag *-v*"], 0, ""),
        ("production", True, ["branch *"], 0, "production is also reached from branch *."),
        ("production-approval", True, ["branch main"], 1, ""),
        ("production-approval", True, ["branch main"], 0, "has no required reviewers"),
    ],
)
def test_an_environment_that_a_branch_could_reach_is_found(
    name: str, limited: bool, policies: list[str], reviewers: int, said: str, clock: Callable[..., None]
) -> None:
    where = f"repos/acme/groundwork/environments/{name}"
    rules = [{"type": "branch_policy"}, *[{"type": "required_reviewers"}] * reviewers]
    listed = [dict(zip(("type", "name"), policy.split(), strict=True)) for policy in policies]
    known = {"deployment_branch_policy": {} if limited else None, "protection_rules": rules}
    clock({where: known, f"{where}/deployment-branch-policies": {"branch_policies": listed}})
    done = script("check-environment", name, GITHUB_REPOSITORY="acme/groundwork")
    assert (done.returncode, done.stderr) == (int(bool(said)), "")
    assert said in done.stdout


def test_the_databases_client_is_installed_only_where_it_is_missing(tmp_path: Path) -> None:
    program = tmp_path / "sudo"
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/log\n', encoding="utf-8")
    program.chmod(0o755)
    command = ["/bin/bash", str(REPOSITORY / "scripts" / "install-database-client")]
    subprocess.run(command, env={"PATH": str(tmp_path)}, check=True)
    assert "install -y --no-install-recommends mariadb-client" in (tmp_path / "log").read_text()
    (tmp_path / "log").unlink()
    (tmp_path / "mariadb-dump").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "mariadb-dump").chmod(0o755)
    subprocess.run(command, env={"PATH": str(tmp_path)}, check=True)
    assert not (tmp_path / "log").exists()
