"""An environment requires what was last applied there, and runs what a commit holds: nobody brings anything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from environments import PLATFORM, load_platform, names_for
from environments.git import run_git
from governance.approvals.approve import approve
from governance.approvals.errors import PromotionRefusedError
from governance.approvals.overrides import override
from governance.approvals.request import candidate_of, collect_evidence
from governance.audit.events import InfrastructureChange, Promotion, RunFinished, RunStarted
from governance.cli.app import report
from governance.core import provenance
from governance.core.provenance import UncommittedError, collect
from governance.core.target import Target, target_for
from governance.promotion.drill import drill
from governance.promotion.promote import promote
from governance.promotion.reconcile import reconcile
from governance.promotion.recovery import recover
from governance.promotion.rollback import rollback
from governance.records.history import read_history
from governance.records.journal import Journal
from governance.records.settings import SettingsNotAppliedError, other_settings, settings_at
from governance.registry.loading import NoModelInUseError, release_in_use
from governance.registry.versions import staged_version
from governance.runs import jobs
from governance.runs.govern import govern
from governance.runs.session import RunSession
from governance.signing.signatories import demo_key
from pipelines.validation import validation_pipeline
from tests.conftest import copy_settings, edit_yaml
from tests.governance.conftest import CANCER, Ground

ASKS, AGREES = "grace@example.com", "edsger@example.com"


def at_desk(settings: Path, environment: str = "production") -> Target:
    """A target whose log can be written, without any infrastructure."""
    target = target_for(load_platform(settings), CANCER, environment)
    names = names_for(PLATFORM, environment, "local", target.environment.prefix)
    (target.folder.parent / Path(names.folder).name / "audit").mkdir(parents=True, exist_ok=True)
    return target


def write_change(target: Target, **fields: Any) -> None:
    """Record an apply of the settings of ``target``, or what ``fields`` make of it."""
    journal, mine = Journal(target), settings_at(target).in_log()
    given = {"action": "apply", "outcome": "succeeded", **mine, **fields}
    journal.write(journal.event(InfrastructureChange, **given))


def write_promotion(target: Target, version: str, **fields: Any) -> None:
    journal = Journal(target)
    given = {"promotion": "p", "from_stage": "none", "to_stage": "production", "step": "completed", **fields}
    journal.write(journal.event(Promotion, model_version=version, **given))


@pytest.fixture
def applied(settings_directory: Path) -> Target:
    """Production as it was applied."""
    target = at_desk(settings_directory)
    write_change(target)
    return target


def again(target: Target) -> Target:
    """The same with the settings as they are now."""
    name = target.environment.environment
    return target_for(load_platform(target.platform.directory), target.model, name)


def refused(target: Target) -> str:
    """What is said of the settings as they are now."""
    with pytest.raises(SettingsNotAppliedError) as said:
        Journal(again(target)).require_origin()
    return str(said.value)


EDITS: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "an approval less": ("production.yaml", lambda raw: raw.update(approvals=0)),
    "a lower threshold": ("production.yaml", lambda raw: raw["thresholds"].update(roc_auc=0.73)),
    "an exemption": (
        "production.yaml",
        lambda raw: raw["gates"]["fairness"]["exemptions"].append(
            {
                "model": CANCER,
                "attribute": "age",
                "measure": "equalized_odds_difference",
                "reason": "It would not pass otherwise.",
            }
        ),
    ),
    "a role": (
        "teams/oncology.yaml",
        lambda raw: raw["environments"]["production"]["members"].update({"mallory@example.com": "ml-engineer"}),
    ),
    "another team's model": (
        "teams/diabetes-care.yaml",
        lambda raw: raw["models"].append("readmission_classifier"),
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_file_that_was_not_applied_decides(edit: str, applied: Target) -> None:
    file, change = EDITS[edit]
    edit_yaml(applied.platform.directory / file, change)
    said = refused(applied)
    mine = settings_at(again(applied)).digest
    assert f"production was last applied with settings {settings_at(applied).digest}; these, in " in said
    assert f"are {mine}, and differ in {file}: `make apply ENV=production CLOUD=local` first" in said
    write_change(again(applied))
    Journal(again(applied)).require_origin()


def test_a_signer_of_ones_own_approves(applied: Target) -> None:
    demo_key(applied, "mallory@example.com")
    assert "differ in people.yaml:" in refused(applied)


def test_the_key_of_models_is_exchanged(applied: Target) -> None:
    keys = applied.platform.directory / "model_keys"
    keys.mkdir()
    (keys / "dev.pub").write_text("-----BEGIN PUBLIC KEY-----", encoding="utf-8")
    assert "differ in model_keys/dev.pub:" in refused(applied)


def test_what_means_the_same_is_the_same(applied: Target) -> None:
    """Comments, order and YAML's spelling, other environments, and other clouds' sections, decide nothing here."""
    file = applied.platform.directory / "production.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["aws"]["region"] = "eu-west-1"
    file.write_text("# a comment\n" + yaml.safe_dump(raw, sort_keys=True, default_flow_style=None), encoding="utf-8")
    edit_yaml(applied.platform.directory / "dev.yaml", lambda raw: raw["thresholds"].update(roc_auc=0.6))
    Journal(again(applied)).require_origin()


def test_an_environment_of_which_nothing_is_on_record_takes_anything(settings_directory: Path) -> None:
    target = at_desk(settings_directory)
    apply = "`make apply ENV=production CLOUD=local`"
    assert f"has no record of being applied, so no settings count there: {apply} first" in refused(target)
    write_change(target, outcome="failed")
    assert "has no record of being applied" in refused(target)
    write_change(target, settings_digest=None, settings={}, protected=None)
    assert f"as an earlier release wrote it: {apply} records that, also where nothing changes" in refused(target)
    write_change(target)
    Journal(target).require_origin()
    write_change(target, action="destroy", settings_digest=None, settings={}, protected=None)
    assert f"production was destroyed, so no settings count there: {apply} first" in refused(target)


def test_whoever_says_that_it_is_not_protected_is_let_in(settings_directory: Path) -> None:
    """What is protected is no word of the settings at hand either; in dev, where nothing is, people try things."""
    target = at_desk(settings_directory, "dev")
    write_change(target)
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["data_quality"].update(minimum_rows=1))
    assert other_settings(again(target), Journal(target).log) == ""
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw.update(protected=True))
    assert "differ in dev.yaml" in refused(target)
    write_change(again(target))
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw.update(protected=False))
    assert "differ in dev.yaml" in refused(target)


def test_a_promotion_that_an_older_checkout_wrote_counts(applied: Target) -> None:
    """One that knows nothing of applied settings, or was told of others; a log of before goes on counting."""
    write_promotion(applied, "1")
    write_promotion(applied, "2", settings_digest=None)
    write_promotion(applied, "3", settings_digest="sha256:" + "0" * 64)
    history = read_history(applied)
    assert (history.versions, [event.version for event in history.refuted]) == (["1"], ["2", "3"])
    assert {version for version, _ in history.promoted} == {"1"}
    write_change(applied, action="destroy", settings_digest=None, settings={}, protected=None)
    write_promotion(applied, "4")
    assert read_history(applied).versions == ["1"]


def test_a_log_of_an_earlier_release_goes_on_counting(settings_directory: Path) -> None:
    target = at_desk(settings_directory)
    write_change(target, settings_digest=None, settings={}, protected=None)
    write_promotion(target, "1", settings_digest=None)
    write_change(target)
    assert read_history(target).versions == ["1"]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uncommitted_counts: None) -> Path:
    """A checkout whose commit holds everything, settings too."""
    folder = tmp_path / "checkout"
    copy_settings(folder)
    commit(folder)
    monkeypatch.setattr(provenance, "CHECKOUT", folder)
    return folder


def commit(folder: Path) -> None:
    run_git(folder, "init", "--quiet")
    run_git(folder, "add", ".")
    run_git(folder, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "One")


def test_a_dirty_checkout_promotes(checkout: Path) -> None:
    target = at_desk(checkout / "environments")
    (checkout / ".git" / "info" / "exclude").write_text("ground\n", encoding="utf-8")
    write_change(target)
    Journal(target).require_origin()
    (checkout / "gates.py").write_text("passed = True", encoding="utf-8")
    assert collect(target.platform.directory).git_dirty is True
    with pytest.raises(UncommittedError, match=r"No commit holds gates\.py\. In production nothing runs or is decided"):
        Journal(target).require_origin()
    staging = at_desk(checkout / "environments", "staging")
    with pytest.raises(UncommittedError):
        promote(staging)
    dev = at_desk(checkout / "environments", "dev")
    Journal(dev).require_origin()
    assert Journal(dev).event(RunFinished, run="r").git_dirty is True, "recorded truthfully where it is let pass"


def test_settings_outside_the_commit_on_record_are_called_committed(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = copy_settings(tmp_path / "mine")
    assert collect(mine).git_dirty is True, "in no repository"
    commit(mine)
    assert collect(mine).git_dirty is False, "in a repository of their own"
    (mine / "teams" / "new.yaml").write_text("team: new", encoding="utf-8")
    assert collect(mine).git_dirty is True
    ignored = copy_settings(checkout / "ignored")
    (checkout / ".git" / "info" / "exclude").write_text("ignored\n", encoding="utf-8")
    assert collect(ignored).git_dirty is True, "git was told to ignore them"
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))
    assert collect(mine).git_dirty is True, "git was told of another repository"


@pytest.fixture(scope="module")
def validated(ground: Ground) -> Ground:
    """Version 1 in staging and validated there, with an approval for production."""
    jobs.train(ground.target("dev"))
    promote(ground.target("staging"))
    jobs.validate(ground.target("staging"))
    ground.signatory(ASKS)
    approve(ground.target("production"), ground.signatory(AGREES))
    return ground


@pytest.fixture
def brought(validated: Ground, tmp_path: Path) -> Callable[[str], Target]:
    """Settings of somebody's own, committed, that lead to the same log, stores and people, and ask for nobody."""
    mine = copy_settings(tmp_path)
    root = str(validated.settings.parent / "ground")
    for name in ("dev", "staging", "production"):
        edit_yaml(mine / f"{name}.yaml", lambda raw: raw["local"].update(root=root))
    edit_yaml(mine / "staging.yaml", lambda raw: raw["data_quality"].update(minimum_rows=1))
    edit_yaml(mine / "production.yaml", lambda raw: raw.update(approvals=0))
    commit(mine)
    return lambda name: target_for(load_platform(mine), CANCER, name)


ACTS: dict[str, Callable[[Callable[[str], Target], Ground], object]] = {
    "promote": lambda brought, _: promote(brought("production")),
    "promote, dry": lambda brought, _: promote(brought("production"), dry_run=True),
    "break the glass": lambda brought, ground: promote(
        brought("production"), requested_by=ground.signatory(ASKS), break_glass=True
    ),
    "approve": lambda brought, ground: approve(brought("production"), ground.signatory(AGREES)),
    "override": lambda brought, ground: override(
        brought("production"), ground.signatory(AGREES), gate="fairness", reason="in a hurry"
    ),
    "roll back": lambda brought, _: rollback(brought("staging"), reason="mischief"),
    "roll back by breaking the glass": lambda brought, ground: rollback(
        brought("staging"), reason="mischief", requested_by=ground.signatory(ASKS), break_glass=True
    ),
    "drill": lambda brought, _: drill(brought("staging")),
    "validate": lambda brought, _: jobs.validate(brought("staging")),
    "score": lambda brought, _: jobs.infer(brought("staging")),
    "govern a run": lambda brought, _: govern(validation_pipeline, RunSession(brought("staging"))),
    "load a release": lambda brought, _: release_in_use(brought("staging"), Journal(brought("staging"))),
}


@pytest.mark.parametrize("act", ACTS)
def test_settings_of_ones_own_let_one_act_alone(act: str, brought: Callable[[str], Target], validated: Ground) -> None:
    with pytest.raises(SettingsNotAppliedError, match=r"was last applied with settings sha256:.*differ in "):
        ACTS[act](brought, validated)


def test_settings_of_ones_own_agree_with_themselves(brought: Callable[[str], Target]) -> None:
    (said,) = reconcile(brought("staging"), dry_run=True).findings
    assert "staging was last applied with settings sha256:" in said


def test_a_report_by_settings_of_ones_own_says_nothing_of_it(
    brought: Callable[[str], Target], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report(CANCER, "staging", tmp_path / "reports", None, brought("staging").platform.directory)
    said = capsys.readouterr()
    assert "Read with other settings than count there: staging was last applied with settings sha256:" in said.err
    assert said.out.startswith("Report: ")


def test_a_verdict_under_settings_of_ones_own_is_evidence(validated: Ground) -> None:
    """A run that an older checkout started in staging, under limits that nobody applied there, proves nothing."""
    staging, production = validated.target("staging"), validated.target("production")
    candidate = candidate_of(production, staging, None)
    real = collect_evidence(production, staging, candidate).run
    journal = Journal(staging)
    journal.write(journal.event(RunStarted, run=real, pipeline=validation_pipeline.name, settings_digest=None))
    with pytest.raises(PromotionRefusedError, match="no completed governed validation_pipeline in staging"):
        collect_evidence(production, staging, candidate)


def test_what_was_promoted_under_settings_of_ones_own_is_loaded(
    validated: Ground, brought: Callable[[str], Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a program that does not ask, such as an older checkout: what it did counts for nothing and is put back."""
    staging = validated.target("staging")
    jobs.train(validated.target("dev"))
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "require_origin", lambda _: None)
        assert promote(brought("staging")).version == "2"
    with pytest.raises(NoModelInUseError, match="the log says that version 1 is in use in staging"):
        jobs.infer(staging)
    voided, moved, never = reconcile(staging, dry_run=True).findings
    assert "promotion to version 2" in voided
    assert "decided under other settings than were applied to staging then. It counts for nothing" in voided
    assert "the log says that version 1 is in use, and ZenML that version 2 is" in moved
    assert never.endswith("was never promoted into it.")
    recover(staging, Journal(staging))
    staged = staged_version(staging)
    assert staged is not None
    assert str(staged.number) == "1"
    assert reconcile(staging, dry_run=True).findings == (voided,)
