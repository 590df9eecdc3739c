"""Which entries are about a version, and how the card is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.audit.errors import AuditError, TamperedError
from governance.audit.events import Approval, Event, Override, Promotion, Rollback, RunFinished, RunStarted
from governance.audit.layout import CHECKPOINTS, entry_key
from governance.audit.reader import LogReader
from governance.audit.store import LocalStore
from governance.evidence_pack.document import Bullets, Paragraph, Section, Table, to_html, to_markdown
from governance.evidence_pack.extracts import Subject, extract
from tests.conftest import REPOSITORY
from tests.governance.audit.conftest import ACTOR, ORIGIN, Place

MODEL, DIGEST, OTHER = "fraud_classifier", "sha256:" + "a" * 64, "sha256:" + "b" * 64
SUBJECT = Subject(MODEL, "2", DIGEST)
LATER = datetime.now(UTC) + timedelta(days=1)


def make(kind: type[Event], **fields: Any) -> Event:
    return kind.model_validate({"actor": ACTOR, "environment": "dev", "model": MODEL, **fields})


def override(**fields: Any) -> Event:
    given = {"gate": "fairness", "reason": "few", "expires": LATER, "statement_digest": OTHER, "signers": [ACTOR]}
    return make(Override, **given, **fields)


def rollback(before: str, after: str) -> Event:
    return make(Rollback, rollback="r", step="completed", from_version=before, to_version=after)


ABOUT = {
    "run of the version, by its end": make(RunStarted, run="run-2", pipeline="training_pipeline"),
    "its end": make(RunFinished, run="run-2", model_version="2"),
    "override for its files": override(model_digest=DIGEST),
    "override for whatever files": override(),
    "rollback from it": rollback("2", "1"),
    "rollback to it": rollback("3", "2"),
    "promotion": make(
        Promotion,
        promotion="p",
        step="requested",
        model_version="2",
        from_stage="none",
        to_stage="staging",
        evidence={"request": DIGEST},
        approvals=[OTHER],
    ),
}
NOT_ABOUT = {
    "another run": make(RunStarted, run="run-3", pipeline="training_pipeline"),
    "another version": make(RunFinished, run="run-3", model_version="3"),
    "another model": RunFinished(actor=ACTOR, environment="dev", model="churn_model", model_version="2", run="run-9"),
    "override for other files": override(model_digest=OTHER),
    "rollback between others": rollback("3", "1"),
    "approval of another version": make(
        Approval,
        model_version="3",
        decision="approved",
        role="ml-engineer",
        statement_digest=DIGEST,
        expires=LATER,
    ),
}


def test_an_extract_holds_what_is_about_the_version_and_nothing_else(place: Place) -> None:
    log = place.open()
    log.append_many([*NOT_ABOUT.values(), *ABOUT.values()])
    found = extract(log, SUBJECT)
    assert {entry.event.id for entry in found.entries} == {event.id for event in ABOUT.values()}
    assert sum(key.startswith("entries/") for key in found.files) == len(ABOUT)
    assert sorted(set(found.statements())) == [DIGEST, OTHER]
    assert list(found.people()) == [ACTOR.id]


def test_an_empty_log_gives_nothing_and_one_without_a_checkpoint_an_error(place: Place) -> None:
    assert extract(place.open(), SUBJECT).files == {}
    place.open().append(ABOUT["its end"])
    for note in place.log_folder.glob(f"{CHECKPOINTS}*/*"):
        note.unlink()
    keys = place.open().keys
    with pytest.raises(AuditError, match="has no checkpoint yet"):
        extract(LogReader(LocalStore(place.log_folder), keys, [], ORIGIN), SUBJECT)


def test_an_altered_entry_is_not_put_into_a_pack(place: Place) -> None:
    place.open().append_many(list(ABOUT.values()))
    log = place.open()
    log.refresh()
    file = place.log_folder / entry_key(2)
    file.chmod(0o600)
    file.write_bytes(file.read_bytes().replace(b'"few"', b'"all"'))
    with pytest.raises(TamperedError, match="Entry 2"):
        extract(log, SUBJECT)


def test_text_from_outside_cannot_become_markup() -> None:
    hostile = "<script>alert(1)</script> | [x](javascript:y)\n# h"
    document = [Section(hostile, [Paragraph(hostile), Bullets([hostile]), Table((hostile,), [(hostile,)])])]
    page, text = to_html(hostile, document), to_markdown(hostile, document)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 8
    assert "<script" not in text.replace("\\<", "")
    assert len(text.splitlines()) == 11, "no line of its own for anybody's text"
    assert "](" not in text.replace("\\](", "").replace("\\]", "")


def test_the_verifier_in_the_pack_is_the_one_that_is_tested() -> None:
    readme = (Path(REPOSITORY) / "governance/evidence_pack/readme.md").read_text(encoding="utf-8")
    assert "python3 verify_pack.py PACK.zip --key KEY" in readme
    assert len(readme.splitlines()) < 70, "one page"
