"""What moves a version, what brings it back, and what is said of everything that was done past promotion."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from zenml.client import Client
from zenml.models import ModelVersionResponse

from governance.approvals.approve import approve
from governance.approvals.errors import PromotionRefusedError
from governance.approvals.overrides import override, valid_overrides
from governance.audit import AuditLog, Filter, StoreError, open_reader, select
from governance.audit.events import Override, Reconciliation
from governance.cli import promotion as commands
from governance.core.target import Target
from governance.gates.exemptions import Exemption
from governance.gates.result import GateFailedError
from governance.promotion.drill import drill
from governance.promotion.lock import PromotionInProgressError, promotion_lock
from governance.promotion.promote import ApprovalDueError, promote
from governance.promotion.reconcile import reconcile
from governance.promotion.rollback import rollback
from governance.records.history import read_history
from governance.records.journal import Journal, NotRecordedError
from governance.registry.libraries import LibrariesDifferError
from governance.registry.loading import NoModelInUseError, release_in_use, trusted_release
from governance.registry.model_files import ReleaseError
from governance.registry.releases import Release, ensure_release, find_release, trained_files
from governance.registry.sign_trained import sign_trained
from governance.registry.versions import NoVersionError
from governance.runs import jobs
from governance.signing.errors import SigningError
from governance.signing.keys import signer_for, trusted_keys
from governance.signing.models import ModelForgedError, ModelUnsignedError
from governance.signing.people import people_of
from governance.signing.signatories import Signatory
from pipelines import model as model_module
from pipelines.digests import folder_digest
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER, DIABETES, Ground
from tests.governance.promotion.conftest import AGREES, ASKS, in_use


def version(number: str) -> ModelVersionResponse:
    return Client().get_model_version(CANCER, number)


def release_of(ground: Ground, number: str) -> Release:
    found = find_release(version(number), ground.target("staging"))
    assert found is not None
    return found


def signature_file(ground: Ground, number: str) -> Path:
    digest = release_of(ground, number).digest
    (found,) = ground.target("staging").folder.rglob(f"{digest}.sigstore.json")
    return found


def bring(ground: Ground, number: str) -> None:
    """Let version ``number`` be the one in staging."""
    if in_use(ground) != number:
        promote(ground.target("staging"), version=number)


@contextmanager
def settings_changed(ground: Ground, *, recall: float | None = None, approvals: int = 0) -> Iterator[None]:
    """Other settings for a while: staging's and production's recall, and how many must approve in staging."""
    files = [ground.settings / name for name in ("staging.yaml", "production.yaml", "teams/oncology.yaml")]
    kept = [file.read_text() for file in files]
    if recall is not None:
        for file in files[:2]:
            edit_yaml(file, lambda raw: raw["model_thresholds"][CANCER].update(recall=recall))
    edit_yaml(files[0], lambda raw: raw.update(approvals=approvals))
    edit_yaml(files[2], lambda raw: raw["environments"]["staging"]["members"].update({AGREES: "ml-engineer"}))
    ground.apply_settings()
    try:
        yield
    finally:
        for file, text in zip(files, kept, strict=True):
            file.write_text(text)
        ground.apply_settings()


def overrides_now(target: Target, **more: Any) -> tuple[Exemption, ...]:
    return valid_overrides(target, Journal(target), **more)


def test_rollback_goes_to_what_was_in_use_and_not_to_the_number_below(trained: Ground) -> None:
    """Version 1 was in use, 2 never, 3 is: back from 3 is 1, and back from 1 is nowhere."""
    staging = trained.target("staging")
    with pytest.raises(PromotionRefusedError, match="nothing to roll back"):
        rollback(staging, reason="nothing is there")
    assert promote(staging, version="1").previous is None
    with pytest.raises(PromotionRefusedError, match="no earlier version was in use"):
        rollback(staging, reason="nothing before it")
    assert promote(staging, version="3").previous == "1"

    assert rollback(staging, reason="alarms", dry_run=True) == ("3", "1")
    assert in_use(trained) == "3"
    version("2").set_stage("archived", force=True)  # one that is not in use; another is
    assert reconcile(staging, dry_run=True).findings == ()
    for asks in (None, trained.signatory("mallory@example.com")):
        with pytest.raises(PromotionRefusedError, match=r"may not roll back .* in staging; people who may: grace"):
            rollback(staging, requested_by=asks, reason="nobody has to agree there")
    assert in_use(trained) == "3"
    assert rollback(staging, requested_by=trained.signatory(ASKS), reason="alarms") == ("3", "1")
    assert in_use(trained) == "1"
    (*_, done) = select(open_reader(trained.platform, "staging"), Filter(kind="rollback"))
    assert (done.event.content()["step"], done.event.content()["role"]) == ("completed", "ml-engineer")
    last = read_history(staging).events[-1]
    assert (last.kind, last.reason, last.actor) == ("rollback completed", "alarms", ASKS)
    assert read_history(staging).versions == ["1"]
    with pytest.raises(PromotionRefusedError, match="no earlier version was in use"):
        rollback(staging, requested_by=trained.signatory(ASKS), reason="again")
    with pytest.raises(PromotionRefusedError, match="no stage to roll back in dev"):
        rollback(trained.target("dev"), reason="why not")
    assert in_use(trained) == "1"


def test_a_drill_goes_back_and_returns_and_says_how_long_it_took(trained: Ground) -> None:
    staging = trained.target("staging")
    bring(trained, "3")
    bring(trained, "1")
    bring(trained, "3")
    before = read_history(staging).versions
    with pytest.raises(PromotionRefusedError, match=r"may not roll back .* They sign for it with AS=<e-mail>\.$"):
        drill(staging)  # nobody breaks the glass for it
    grace = trained.signatory(ASKS)
    done = drill(staging, requested_by=grace)
    assert (done.current, done.earlier, done.moved, in_use(trained)) == ("3", "1", True, "3")
    assert {"verifying the release", "writing the log", "setting the stage"} <= set(done.back)
    assert set(done.forward) == {"verifying the release", "writing the log", "setting the stage"}
    assert 0 < done.seconds < 60
    assert read_history(staging).versions == before, "the way back is as it was"

    edit_yaml(trained.settings / "staging.yaml", lambda raw: raw.update(protected=True))
    trained.apply_settings()
    known = len(read_history(staging).events)
    rehearsed = drill(trained.target("staging"))
    assert (rehearsed.moved, rehearsed.forward, "setting the stage" in rehearsed.back) == (False, {}, False)
    assert len(read_history(staging).events) == known, "a protected environment is not moved without its name"
    assert drill(trained.target("staging"), confirm="staging", requested_by=grace).moved
    edit_yaml(trained.settings / "staging.yaml", lambda raw: raw.update(protected=False))
    trained.apply_settings()
    assert in_use(trained) == "3"


@pytest.mark.parametrize("name", ["model.skops", "signature.json"])
def test_one_flipped_byte_and_nothing_is_loaded(trained: Ground, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Inference and rollback refuse an altered model before anything of it is interpreted."""
    staging = trained.target("staging")
    bring(trained, "1")
    bring(trained, "3")
    loaded: list[str] = []
    for reader in ("from_files", "read_model"):
        original = getattr(model_module, reader)

        def noticed(*arguments: Any, original: Callable[..., Any] = original, reader: str = reader) -> Any:
            loaded.append(reader)
            return original(*arguments)

        monkeypatch.setattr(model_module, reader, noticed)
    runs = Client().list_pipeline_runs(size=1).total
    for number, use in (
        ("3", lambda: jobs.infer(staging)),
        ("3", lambda: jobs.validate(staging)),
        ("1", lambda: rollback(staging, reason="alarms")),
    ):
        file = Path(release_of(trained, number).uri) / name
        whole = file.read_bytes()
        altered = bytearray(whole)
        altered[len(altered) // 2] ^= 1
        file.write_bytes(altered)
        with pytest.raises(ReleaseError, match="was altered after training"):
            use()
        file.write_bytes(whole)
    assert loaded == []
    assert Client().list_pipeline_runs(size=1).total == runs, "not even a run began"
    assert in_use(trained) == "3"


def test_a_model_that_is_unsigned_or_signed_by_somebody_else_is_neither_loaded_nor_promoted(trained: Ground) -> None:
    staging = trained.target("staging")
    bring(trained, "1")
    bring(trained, "3")
    kept = signature_file(trained, "3")
    signature = kept.read_bytes()
    kept.unlink()
    with pytest.raises(ModelUnsignedError, match=r"is unsigned.*make sign"):
        jobs.infer(staging)
    assert any("is unsigned" in finding for finding in reconcile(staging, dry_run=True).findings)
    with trained_files(version("3")).checked_copy() as folder:
        kept.write_bytes(signer_for(staging).sign(folder))  # a key of ours, but not of where models are trained
    with pytest.raises(ModelForgedError, match="signed by no trusted key"):
        jobs.infer(staging)
    with pytest.raises(ModelForgedError, match="signed by no trusted key"):
        trusted_release(version("3"), staging, Journal(staging))
    kept.write_bytes(signature)

    files = trained_files(version("2"))
    beside = Path(files._signature_path)
    whole = beside.read_bytes()
    beside.unlink()
    with pytest.raises(ModelUnsignedError):
        promote(staging, version="2", dry_run=True)
    with pytest.raises(ModelUnsignedError):
        promote(staging, version="2")
    assert read_history(staging).events[-1].kind == "promotion refused"
    dev = trained.target("dev")
    assert sign_trained(dev, version("2"), Journal(dev)), "the governing process can sign it afterwards"
    assert not sign_trained(dev, version("2"), Journal(dev))
    assert beside.read_bytes() != whole
    assert promote(staging, version="2", dry_run=True).version == "2"


def test_a_digest_that_was_exchanged_along_with_the_files_does_not_help(trained: Ground) -> None:
    """Whoever can write both the store and ZenML's database still cannot sign."""
    files, trusted = trained_files(version("2")), trusted_keys(trained.target("staging"))
    folder = Path(files.store.path) / "exchanged"
    shutil.copytree(files.uri, folder)
    (folder / "card.json").write_text("{}")
    exchanged = replace(files, uri=str(folder))
    with pytest.raises(ReleaseError, match="was altered"), exchanged.checked_copy():
        pass
    with_its_digest = replace(exchanged, digest=folder_digest(folder))
    with pytest.raises(ModelUnsignedError), with_its_digest.verified_copy(trusted):
        pass
    signature = files.signature()
    assert signature is not None
    with_its_digest.keep_signature(signature)
    with pytest.raises(ModelForgedError), with_its_digest.verified_copy(trusted):
        pass
    with files.verified_copy(trusted) as copied:
        assert copied.name == "model"


def test_only_what_the_log_saw_promoted_is_loaded(trained: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    """A stage that was set past promotion gives no model to use, with and without a release; reconcile says so."""
    staging = trained.target("staging")
    bring(trained, "3")
    version("2").set_stage("staging", force=True)
    with pytest.raises(NoModelInUseError, match="the stage was set past `make promote`"):
        jobs.infer(staging)
    ensure_release(version("2"), staging)
    with pytest.raises(NoModelInUseError, match=r"the log says that version 3.*set past `make promote`"):
        jobs.infer(staging)
    with pytest.raises(NoModelInUseError, match="was never promoted into staging"):
        trusted_release(version("2"), staging, Journal(staging))
    findings = reconcile(staging).findings
    assert any("the log says that version 3 is in use, and ZenML that version 2 is" in one for one in findings)
    assert any(
        "Version 2 of breast_cancer_classifier has the stage 'staging' and was never promoted" in one
        for one in findings
    )
    (*_, entry) = select(open_reader(trained.platform, "staging"), Filter(kind="reconciliation"))
    assert isinstance(entry.event, Reconciliation)
    assert (entry.event.outcome, len(entry.event.findings)) == ("differs", len(findings))

    capsys.readouterr()
    with pytest.raises(typer.Exit) as ended:
        commands.reconcile(env="staging", settings=trained.settings, as_json=True)
    assert ended.value.exit_code == 2
    assert json.loads(capsys.readouterr().out)["findings"][CANCER] == list(findings)
    version("3").set_stage("staging", force=True)
    commands.reconcile(env="staging", settings=trained.settings)
    said = capsys.readouterr().out
    assert f"{CANCER} in staging: as the log says; compared the stage, " in said
    assert f"{DIABETES} in staging: nothing to compare; no version was promoted into it." in said


def test_a_model_of_other_libraries_is_refused_before_it_is_loaded(
    trained: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    staging = trained.target("staging")
    bring(trained, "1")
    bring(trained, "3")
    runs = Client().list_pipeline_runs(size=1).total
    monkeypatch.setattr("pipelines.libraries._version", lambda name: {"scikit-learn": "1.2.0"}.get(name) or "2")
    again = r"trained with scikit-learn 1\..*, this is 1\.2\.0.*as they were signed.*git switch --detach [0-9a-f]{12}"
    for act in (
        lambda: jobs.validate(staging),
        lambda: jobs.infer(staging),
        lambda: rollback(staging, reason="alarms"),
        lambda: rollback(staging, reason="alarms", dry_run=True),
    ):
        with pytest.raises(LibrariesDifferError, match=again):
            act()
    assert (Client().list_pipeline_runs(size=1).total, in_use(trained)) == (runs, "3")
    assert release_in_use(trained.target("dev"), Journal(trained.target("dev"))).version == "3"
    assert "no other environment takes it like this" in caplog.text


@pytest.mark.parametrize(("environment", "model"), [("dev", CANCER), ("production", CANCER), ("staging", DIABETES)])
def test_nothing_to_compare_is_no_agreement_and_not_on_record(
    trained: Ground, environment: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compared = reconcile(trained.target(environment, model))
    assert (compared.outcome, compared.findings, compared.versions) == (None, (), 0)
    recorded = select(open_reader(trained.platform, environment), Filter(kind="reconciliation", model=model))
    assert list(recorded) == []
    commands.reconcile(env=environment, model=model, settings=trained.settings, as_json=True)
    assert json.loads(capsys.readouterr().out)["differs"] is None


def test_reconcile_names_what_was_deleted_or_altered(trained: Ground, tmp_path: Path) -> None:
    staging = trained.target("staging")
    bring(trained, "1")
    bring(trained, "3")
    folder = Path(release_of(trained, "1").uri)
    shutil.move(folder, tmp_path / "kept")
    assert any("is gone or damaged" in finding for finding in reconcile(staging, dry_run=True).findings)
    shutil.move(tmp_path / "kept", folder)
    agreed = reconcile(staging, dry_run=True)
    assert (agreed.outcome, agreed.findings) == ("agrees", ())
    assert agreed.versions >= agreed.releases >= 2


def test_breaking_the_glass_goes_past_a_gate_but_not_past_a_signature(trained: Ground) -> None:
    bring(trained, "1")
    bring(trained, "3")
    grace, edsger = trained.signatory(ASKS), trained.signatory(AGREES)
    emergency: dict[str, Any] = {"version": "1", "break_glass": True, "reason": "the version in use fails for all"}
    with settings_changed(trained, recall=0.999, approvals=1):
        staging = trained.target("staging")
        with pytest.raises(GateFailedError, match=r"recall 0\.9\d+.* must be at least 0\.999"):
            promote(staging, version="1", requested_by=grace)
        with pytest.raises(GateFailedError, match="recall"):
            approve(staging, edsger, version="1")
        with pytest.raises(PromotionRefusedError, match="give REASON"):
            approve(staging, edsger, version="1", break_glass=True)
        approve(staging, edsger, **emergency)
        with pytest.raises(GateFailedError, match="recall"):
            promote(staging, version="1", requested_by=grace)
        with pytest.raises(PromotionRefusedError, match="2 people with the role sign, and 1 did"):
            promote(staging, version="1", requested_by=grace, break_glass=True)
        approve(staging, grace, **emergency)

        beside = signature_file(trained, "1")
        signature = beside.read_bytes()
        beside.unlink()
        with pytest.raises(ModelUnsignedError):
            promote(staging, version="1", requested_by=grace, break_glass=True)
        beside.write_bytes(signature)
        assert in_use(trained) == "3"

        made = promote(staging, version="1", requested_by=grace, break_glass=True)
        assert (made.version, in_use(trained)) == ("1", "1")
        assert made.alert.startswith(f"ALERT: the glass was broken for version 1 of {CANCER} in staging past 'model")
        overrides = [
            entry.event
            for entry in select(open_reader(trained.platform, "staging"), Filter(kind="override"))
            if isinstance(entry.event, Override)
        ]
        assert [one.gate for one in overrides] == ["model_performance", "approvals"]
        assert all(one.break_glass and len(one.signers) == 2 for one in overrides)
        (metric,) = staging.folder.rglob(f"{CANCER}-break-glass.prom")
        assert "groundwork_break_glass_timestamp_seconds{" in metric.read_text()
    bring(trained, "3")
    with (
        settings_changed(trained, recall=0.999, approvals=1),
        pytest.raises(PromotionRefusedError, match=r"0 did.*was closed by a promotion completed since"),
    ):
        promote(trained.target("staging"), version="1", requested_by=grace, break_glass=True)


def test_who_asks_or_trained_must_be_known_where_people_must_agree(trained: Ground) -> None:
    bring(trained, "3")
    grace = trained.signatory(ASKS)
    people = grace.key.with_name("people.yaml")
    known = people.read_text()
    with settings_changed(trained, approvals=1):
        staging = trained.target("staging")
        with pytest.raises(ApprovalDueError, match=r"other than trainer@example\.com, who asks"):
            promote(staging, version="1")
        edit_yaml(people, lambda raw: raw["people"].pop("trainer@example.com"))
        trained.apply_settings()
        with pytest.raises(PromotionRefusedError, match=r"Who asks is not established: .*AS=.*`account:"):
            promote(staging, version="1")
        with pytest.raises(PromotionRefusedError, match=r"was trained by subject-.*It is you: add `account:"):
            promote(staging, version="1", requested_by=grace)
        # Somebody who trained under their login does not approve with their key.
        trainer = trained.signatory("trainer@example.com")
        people.write_text(known)
        trained.apply_settings()
        with pytest.raises(PromotionRefusedError, match=r"may not approve"):
            approve(staging, trainer, version="1")
        edit_yaml(
            trained.settings / "teams" / "oncology.yaml",
            lambda raw: raw["environments"]["staging"]["members"].update({"trainer@example.com": "ml-engineer"}),
        )
        trained.apply_settings()
        with pytest.raises(PromotionRefusedError, match=r"trainer@example\.com trained version 1, so somebody else"):
            approve(trained.target("staging"), trainer, version="1")


def test_an_override_sets_aside_what_cannot_be_concluded_for_others_only(trained: Ground) -> None:
    staging, dev = trained.target("staging"), trained.target("dev")
    grace, trainer = trained.signatory(ASKS), trained.signatory("trainer@example.com")
    common: dict[str, Any] = {"gate": "fairness", "reason": "too few rows of one group"}
    for who, wrong, why in (
        (trainer, {}, "may not override a gate for .* in staging; people who may: grace"),
        (grace, {"gate": "vibes"}, "no gate 'vibes'; choose one of: data quality"),
        (grace, {"hours": 169}, "HOURS=169: it may hold from 1 to 168 hours"),
        (grace, {"version": "9"}, "has no version '9'"),
    ):
        with pytest.raises((PromotionRefusedError, NoVersionError), match=why):
            override(staging, who, **{**common, **wrong})
    with pytest.raises(SigningError, match="is the key of trainer"):
        override(staging, Signatory(ASKS, trainer.key), **common)
    assert overrides_now(staging) == ()
    override(staging, grace, dry_run=True, **common)
    assert overrides_now(staging) == ()
    shown: list[str] = []
    seen = replace(grace, confirm=shown.append)
    given = override(staging, seen, subject="sex", version="1", **common).exemption
    assert re.search(r"'sex' of gate 'fairness' may be passed.*until .*\n  model +version 1, sha256:", shown[0])
    assert "holds no verdict of it" in shown[0], "it has not run here"
    assert overrides_now(staging) == (given,)
    assert (given.gate, given.subject, given.model_digest) == ("fairness", "sex", trained_files(version("1")).digest)
    assert overrides_now(dev) == (), "one environment's is not another's"
    assert overrides_now(staging, not_by=(people_of(staging).named(ASKS),)) == (), "nor does it hold for its signer"
    with settings_changed(trained, recall=0.99):
        assert overrides_now(trained.target("staging")) == (), "nor under another policy"
    edit_yaml(
        trained.settings / "teams" / "oncology.yaml",
        lambda raw: raw["environments"]["staging"]["members"].update({ASKS: "auditor"}),
    )
    assert overrides_now(trained.target("staging")) == (), "nor when its signer lost the role"
    edit_yaml(
        trained.settings / "teams" / "oncology.yaml",
        lambda raw: raw["environments"]["staging"]["members"].update({ASKS: "ml-engineer"}),
    )


class Died(BaseException):
    """The process is gone."""


def test_an_interrupted_promotion_is_undone_or_finished_by_the_next_call(
    trained: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = trained.target("staging")
    bring(trained, "1")
    set_stage = ModelVersionResponse.set_stage

    def die_before(*_: object, **__: object) -> None:
        raise Died

    def die_after(self: ModelVersionResponse, *arguments: Any, **named: Any) -> None:
        set_stage(self, *arguments, **named)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(ModelVersionResponse, "set_stage", die_before)
        with pytest.raises(Died):
            promote(staging, version="3")
    assert in_use(trained) == "1"
    assert any(
        "promotion of version 3" in one and "stopped after 'stage_set'" in one for one in reconcile(staging).findings
    )
    made = promote(staging, version="3")
    assert made.note == "An interrupted promotion of version 3 was undone."
    assert in_use(trained) == "3"

    with monkeypatch.context() as patch:
        patch.setattr(ModelVersionResponse, "set_stage", die_after)
        with pytest.raises(Died):
            promote(staging, version="1")
    assert in_use(trained) == "1"
    with pytest.raises(NoModelInUseError, match="or a promotion was interrupted"):
        jobs.infer(staging)
    made = promote(staging, version="1")
    assert (made.version, made.previous) == ("1", "3")
    assert made.note == "An interrupted promotion of version 1 was finished."
    assert read_history(staging).versions[-2:] == ["3", "1"]


WRITES = 5
"""Of a promotion to staging: requested, gates, approved, stage_set, completed."""


@pytest.mark.parametrize("failing", range(1, WRITES + 1))
def test_no_stage_changes_when_the_log_cannot_be_written(
    trained: Ground, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Whichever write of a promotion fails, the version in staging stays the one that was there."""
    staging = trained.target("staging")
    before, writes = in_use(trained), iter(range(1, 100))
    other = "3" if before == "1" else "1"
    append = AuditLog.append_many

    def fail(self: AuditLog, batch: Any) -> Any:
        if next(writes) == failing:
            raise StoreError("the disk is full")
        return append(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "append_many", fail)
        with pytest.raises(NotRecordedError, match="was not written: the disk is full"):
            promote(staging, version=other)
    assert in_use(trained) == before
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "append_many", lambda log, batch: (calls.append(batch), append(log, batch))[1])
        assert promote(staging, version=other).previous == before
    settled = 0 if failing == 1 else 1  # the next call settles what the failed one had begun to record
    assert len(calls) == WRITES + settled, "a write that this test does not fail"


@pytest.mark.parametrize("failing", range(1, 4))
def test_no_stage_changes_when_a_rollback_cannot_be_recorded(
    trained: Ground, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    staging = trained.target("staging")
    bring(trained, "1")
    bring(trained, "3")
    writes, append = iter(range(1, 100)), AuditLog.append_many

    def fail(self: AuditLog, batch: Any) -> Any:
        if next(writes) == failing:
            raise StoreError("the disk is full")
        return append(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "append_many", fail)
        with pytest.raises(NotRecordedError):
            rollback(staging, requested_by=trained.signatory(ASKS), reason="alarms")
    assert in_use(trained) == "3"
    assert rollback(staging, requested_by=trained.signatory(ASKS), reason="alarms") == ("3", "1")


def test_an_approval_that_cannot_be_recorded_does_not_count(trained: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(trained, "3")
    edsger = trained.signatory(AGREES)

    def refuse(*_: Any) -> None:
        raise StoreError("the disk is full")

    with settings_changed(trained, approvals=1):
        staging = trained.target("staging")
        with monkeypatch.context() as patch:
            patch.setattr(AuditLog, "append_many", refuse)
            with pytest.raises(NotRecordedError):
                approve(staging, edsger, version="1")
        assert list((Path(Journal(staging).store.place) / "statements").glob("*.json"))
        with pytest.raises(ApprovalDueError, match="has 0"):
            promote(staging, version="1", requested_by=trained.signatory(ASKS))
        with pytest.raises(NotRecordedError, match="seems to hold"):
            approve(staging, edsger, version="1", decline=True, reason="ask mallory@example.com")


def test_of_two_promotions_at_once_one_says_why_it_does_not_go_on(trained: Ground) -> None:
    staging = trained.target("staging")
    with (
        promotion_lock(staging),
        pytest.raises(PromotionInProgressError, match=r"Another promotion or rollback of .* in staging"),
    ):
        promote(staging)
    with promotion_lock(staging), promotion_lock(trained.target("production")):
        pass  # another environment is another matter


def test_a_reason_that_names_a_person_is_not_recorded(trained: Ground) -> None:
    bring(trained, "1")
    bring(trained, "3")
    with pytest.raises(NotRecordedError, match="seems to hold"):
        rollback(trained.target("staging"), requested_by=trained.signatory(ASKS), reason="ask mallory@example.com")
    assert in_use(trained) == "3"


def test_a_version_that_was_deleted_cannot_be_returned_to(trained: Ground) -> None:
    """The last test: it takes a version away."""
    staging = trained.target("staging")
    bring(trained, "1")
    bring(trained, "3")
    Client().delete_model_version(version("1").id)
    with pytest.raises(PromotionRefusedError, match="was deleted and cannot be returned to"):
        rollback(staging, reason="alarms")
    assert any("was promoted into staging and is deleted from ZenML" in one for one in reconcile(staging).findings)
    with pytest.raises(SigningError, match="trained by no governed run"):
        sign_trained(staging, version("3"), Journal(staging))
