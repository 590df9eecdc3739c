"""Where an environment's log is, and what people do with it on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from environments import Platform, SettingsError
from governance.audit import location
from governance.audit.actor import declared_identity
from governance.audit.clouds.aws import S3Store
from governance.audit.errors import AuditError, SignatureError, StoreError
from governance.audit.events import RunFinished, RunStarted
from governance.audit.layout import entry_key
from governance.audit.location import ANCHORS, KEYS, current_actor, locate, open_log, open_reader
from governance.audit.log import AuditLog
from tests.governance.audit.conftest import ACTOR, Command, event


@pytest.fixture
def ground(settings_directory: Path) -> Path:
    return settings_directory.parent / "ground"


@pytest.fixture
def log(platform: Platform) -> AuditLog:
    return open_log(platform, "dev")


def test_the_local_log_and_its_companions_are_where_they_are_said_to_be(
    log: AuditLog, ground: Path, platform: Platform
) -> None:
    log.append(event())
    assert (ground / "environments/dev/platform/audit" / entry_key(0)).is_file()
    assert (ground / "keys/audit-dev.pem").is_file()
    assert (ground / "keys/audit-dev.pub").read_text(encoding="utf-8").startswith("acme-ml/audit/dev+")
    assert any((ground / "anchors/dev/checkpoints").rglob("0*"))
    where = locate(platform, "dev")
    assert where.origin == "acme-ml/audit/dev"
    assert where.retention == {"logs": 30, "documentation": 365}


def test_environments_have_logs_and_keys_of_their_own_but_one_pseudonym_a_person(platform: Platform) -> None:
    logs = {name: open_log(platform, name) for name in ("dev", "production")}
    assert logs["dev"].keys != logs["production"].keys
    jane = declared_identity("jane@example.com")
    actors = [locate(platform, name).subjects().actor(jane) for name in ("dev", "production")]
    assert actors[0].id == actors[1].id


def test_keys_and_anchors_can_be_kept_elsewhere(platform: Platform, tmp_path: Path) -> None:
    environ = {KEYS: str(tmp_path / "safe"), ANCHORS: f"{tmp_path}/one/{{environment}}, {tmp_path}/two"}
    open_log(platform, "dev", environ=environ).append(event())
    assert (tmp_path / "safe" / "audit-dev.pem").is_file()
    assert any((tmp_path / "one/dev").rglob("0*"))
    assert any((tmp_path / "two").rglob("0*"))
    assert open_reader(platform, "dev", environ=environ).verify().anchored == 1


def test_a_log_whose_key_is_gone_gets_no_new_one(platform: Platform, ground: Path) -> None:
    open_log(platform, "dev").append(event())
    (ground / "keys/audit-dev.pem").unlink()
    with pytest.raises(SignatureError, match=r"has been signed before, but its key .*audit-dev\.pem is gone"):
        open_log(platform, "dev")
    for file in (ground / "environments/dev/platform/audit").rglob("0*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(SignatureError, match="has been signed before"):
        open_log(platform, "dev")


def test_a_log_without_its_folder_is_not_made(platform: Platform, ground: Path) -> None:
    (ground / "environments/dev/platform/audit").rmdir()
    with pytest.raises(StoreError, match="make apply"):
        open_log(platform, "dev")


def test_an_unknown_environment_and_a_cloud_without_a_store_are_refused(platform: Platform) -> None:
    with pytest.raises(SettingsError, match="no environment 'qa'"):
        open_log(platform, "qa")
    with pytest.raises(AuditError, match="no audit store for CLOUD=azure"):
        open_log(platform, "dev", cloud="azure")


def test_on_aws_the_log_is_in_the_platforms_audit_bucket_under_a_name_of_its_own(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {KEYS: str(tmp_path / "keys"), ANCHORS: "s3://acme-anchors/ml, s3://acme-second"}
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    where = locate(platform, "staging", cloud="aws", environ=environ)
    store = where.store()
    assert isinstance(store, S3Store)
    assert store.place == "s3://acme-ml-platform-staging-audit/"
    assert where.origin == "acme-ml/audit/aws-staging"
    assert [anchor.place for anchor in where.open_anchors()] == ["s3://acme-anchors/ml/", "s3://acme-second/"]


def test_two_processes_that_open_a_new_log_at_once_share_one_key(
    platform: Platform, ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.audit.signer import FileSigner

    other = FileSigner.create(ground / "keys/audit-dev.pem", "acme-ml/audit/dev")
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.suffix != ".pem" and exists(path))
    assert location.open_log(platform, "dev").keys == (other.verifier,)


def test_a_fresh_environment_has_an_empty_log(command: Command) -> None:
    assert command("list", "--env", "dev", "--json") == "[]\n"
    assert "nothing to verify; 0 entries" in command("verify", "--env", "dev")
    assert "has no entries to review; nothing was recorded" in command("review", "--env", "dev")
    assert json.loads(command("review", "--env", "dev", "--json"))["outcome"] is None
    assert command("list", "--env", "dev", "--json") == "[]\n", "no review of nothing is on record"
    assert "has no checkpoint yet" in command("anchor", "--env", "dev", status=1)


def _fill(log: AuditLog, platform: Platform) -> None:
    jane = locate(platform, "dev").subjects().actor(declared_identity("jane@example.com"))
    common: dict[str, Any] = {"environment": "dev", "team": "oncology", "model": "breast_cancer_classifier"}
    log.append(RunStarted(actor=jane, run="r1", pipeline="training_pipeline", **common))
    log.append(RunFinished(actor=jane, run="r1", duration_seconds=2.5, model_version="1", **common))
    log.append(event(2, time="2026-01-02T03:04:05+01:00"))


def test_entries_are_listed_and_filtered(log: AuditLog, platform: Platform, command: Command) -> None:
    _fill(log, platform)

    def found(*arguments: str) -> list[int]:
        return [entry["sequence"] for entry in json.loads(command("list", "--env", "dev", "--json", *arguments))]

    jane = log.entry(0).event.actor.id
    assert found() == [0, 1, 2]
    assert found("--kind", "run_finished") == [1, 2]
    assert found("--model", "breast_cancer_classifier") == [0, 1]
    assert found("--version", "1") == [1]
    assert found("--actor", jane) == found("--actor", jane[:20]) == [0, 1]
    assert found("--actor", ACTOR.id) == [2]
    assert found("--team", "oncology", "--run", "run-2") == [2]
    assert found("--since", "2026-01-02", "--until", "2026-01-03") == [2]
    assert found("--since", "2026-01-02T02:04:05") == [0, 1, 2]
    assert found("--since", "2026-01-02T02:04:06+00:00") == [0, 1]
    assert found("--until", "2026-01-02T02:04:05") == []
    assert found("--limit", "1") == [2]
    text = command("list", "--env", "dev")
    assert "run_started" in text
    assert "breast_cancer_classifier v1" in text
    assert "duration_seconds=2.5" in text
    assert "is no day or moment" in command("list", "--env", "dev", "--since", "yesterday", status=1)


def test_list_and_verification_are_one_document(log: AuditLog, command: Command) -> None:
    log.append(event())
    told = json.loads(command("list", "--verify", "--json"))
    assert ([entry["run"] for entry in told["entries"]], told["verification"]["ok"]) == (["run-0"], True)
    assert "intact; 1 entries" in command("list", "--verify")
    assert "no kind 'bogus' of event; choose one of: infrastructure" in command("list", "--kind", "bogus", status=1)


def test_verify_says_what_is_wrong_and_fails(log: AuditLog, platform: Platform, ground: Path, command: Command) -> None:
    _fill(log, platform)
    assert json.loads(command("verify", "--env", "dev", "--json"))["ok"]
    assert "intact; 3 entries, 3 signed for" in command("verify", "--env", "dev")
    file = ground / "environments/dev/platform/audit" / entry_key(1)
    file.chmod(0o600)
    file.write_bytes(file.read_bytes().replace(b"2.5", b"9.5"))
    assert "DAMAGED, first at entry 1" in command("verify", "--env", "dev", status=1)
    assert json.loads(command("verify", "--env", "dev", "--json", status=1))["first_bad"] == 1
    assert "damaged" in command("review", "--env", "dev", status=1)


def test_verify_names_runs_that_left_too_little(log: AuditLog, command: Command) -> None:
    common: dict[str, Any] = {"actor": ACTOR, "environment": "dev", "run": "r1"}
    log.append(RunStarted(**common, pipeline="p", expects=("run_finished", "run_metrics")))
    assert "run r1 (entry 0): run_finished, run_metrics not there (yet)" in command("verify", "--env", "dev")
    log.append(RunFinished(**common))
    assert "run r1 (entry 0): run_metrics lost" in command("verify", "--env", "dev")
    (gap,) = json.loads(command("verify", "--env", "dev", "--json"))["incomplete_runs"]
    assert gap == {"run": "r1", "sequence": 0, "missing": ["run_metrics"], "ended": True}


def test_an_export_is_recorded_and_verifies_from_its_file(
    log: AuditLog, platform: Platform, ground: Path, tmp_path: Path, command: Command
) -> None:
    _fill(log, platform)
    whole, some = tmp_path / "all.zip", tmp_path / "some.zip"
    answer = json.loads(command("export", "--env", "dev", "--output", str(whole), "--json"))
    assert answer["entries"] == 3
    command("export", "--env", "dev", "--output", str(some), "--kind", "run_finished")
    exports = [entry.event for entry in open_reader(platform, "dev").entries() if entry.event.kind == "log_export"]
    assert next(getattr(one, "export_digest", "") for one in exports) == answer["digest"]
    public = str(ground / "keys/audit-dev.pub")
    for file in (whole, some):
        told = command(
            "verify", "--env", "dev", "--log", str(file), "--key", public, "--anchor", str(ground / "anchors/dev")
        )
        assert "intact" in told
        # The copy of verify.py in the archive checks the archive itself.
        zipfile.ZipFile(file).extract("verify.py", tmp_path)
        program = [sys.executable, "-I", str(tmp_path / "verify.py"), str(file), "--key", public]
        assert subprocess.run(program, capture_output=True, check=False).returncode == 0
    assert "No entry matches" in command(
        "export", "--env", "dev", "--output", str(some), "--kind", "rollback", status=1
    )
    copy = str(ground / "environments/dev/platform/audit")
    assert "intact" in command("verify", "--env", "dev", "--log", copy)


def test_a_review_is_recorded(log: AuditLog, platform: Platform, command: Command) -> None:
    _fill(log, platform)
    answer = json.loads(command("review", "--env", "dev", "--findings", "nothing unusual", "--json"))
    assert answer == {"sequence": 3, "outcome": "intact", "first_bad": None}
    review = open_reader(platform, "dev").entry(3).event.content()
    assert (review["last"], review["root"]) == (2, log.tree(3).root().hex())


def test_a_tag_of_a_repository_serves_as_anchor(
    log: AuditLog, platform: Platform, tmp_path: Path, ground: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Log")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "log@example.invalid")
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "repository")], check=True)
    repository = str(tmp_path / "repository")
    _fill(log, platform)
    assert "acme-ml/audit/dev/3" in command("anchor", "--env", "dev", "--repository", repository)
    assert json.loads(command("verify", "--env", "dev", "--git-anchor", repository, "--json"))["ok"]
    subprocess.run(["git", "-C", repository, "tag", "-d", "acme-ml/audit/dev/3"], check=True, capture_output=True)
    subprocess.run(
        [
            "git",
            "-C",
            repository,
            "tag",
            "-a",
            "-m",
            "other",
            "acme-ml/audit/dev/3",
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        ],
        check=True,
        capture_output=True,
    )
    assert "another checkpoint" in command("anchor", "--env", "dev", "--repository", repository, status=1)
    command("verify", "--env", "dev", "--git-anchor", repository, status=1)


def test_whoever_holds_the_keys_sees_who_acted_until_they_are_erased(
    log: AuditLog, platform: Platform, command: Command
) -> None:
    _fill(log, platform)
    jane = log.entry(0).event.actor.id
    assert json.loads(command("reveal", "0", "--env", "dev"))["subject"] == "jane@example.com"
    assert f"{jane} is erased" in command("erase", jane, "--env", "dev", "--yes")
    assert "was erased" in command("reveal", "0", "--env", "dev", status=1)
    assert "No key belongs to" in command("erase", jane, "--env", "dev", "--yes", status=1)
    assert "intact; 4 entries" in command("verify", "--env", "dev")
    assert open_reader(platform, "dev").entry(3).event.content()["subject"] == jane


def test_the_signing_key_is_rotated(log: AuditLog, platform: Platform, ground: Path, command: Command) -> None:
    _fill(log, platform)
    command("rotate-key", "--env", "dev")
    assert len((ground / "keys/audit-dev.pub").read_text(encoding="utf-8").splitlines()) == 2
    assert open_reader(platform, "dev").entry(3).event.kind == "secret_rotation"
    assert "intact; 4 entries" in command("verify", "--env", "dev")


def test_a_folder_holds_no_records_by_law(log: AuditLog, platform: Platform, command: Command) -> None:
    _fill(log, platform)
    told = command("hold", "--env", "dev", "--first", "0", "--last", "1", "--reason", "case 7", status=1)
    assert "only a bucket on aws or gcp can" in told


def test_wrong_options_and_settings_are_told_apart(command: Command, platform: Platform) -> None:
    assert "Try --help" in command("list", "--nonsense", status=2)
    assert "no environment 'qa'" in command("list", "--env", "qa", status=1)


def test_this_user_acts_under_a_pseudonym(platform: Platform) -> None:
    actor = current_actor(locate(platform, "dev"), zenml_user="jane")
    assert (actor.source, locate(platform, "dev").subjects().reveal(actor)["subject"]) == ("zenml", "jane")


def test_nobodys_name_and_no_secret_is_in_any_object_of_a_used_log(
    log: AuditLog, platform: Platform, ground: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read every byte that the log and its anchors hold after everything above was done to them."""
    monkeypatch.setenv("LOGNAME", "jane-the-operator")
    _fill(log, platform)
    command("review", "--env", "dev")
    command("rotate-key", "--env", "dev")
    command("erase", log.entry(0).event.actor.id, "--env", "dev", "--yes")
    private = (ground / "keys/audit-dev.pem").read_bytes().splitlines()[1]
    read = 0
    for folder in (ground / "environments/dev/platform/audit", ground / "anchors/dev"):
        for file in (path for path in folder.rglob("*") if path.is_file()):
            data = file.read_bytes()
            read += 1
            assert not any(word in data for word in (b"jane", b"example.com", b"PRIVATE", private)), file
            if "subjects" not in file.parts:
                assert b"@" not in data, file
    assert read > 15


def test_the_package_is_cheap_to_import() -> None:
    code = (
        "import sys, governance.audit; print([m for m in ('zenml', 'mlflow', 'boto3', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
