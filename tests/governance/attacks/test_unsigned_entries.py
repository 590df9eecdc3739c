"""Whoever can write to the audit store may make things fail, never make them pass."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from governance.audit import Filter, LogReader, select
from governance.audit.canonical import canonical
from governance.audit.checkpoint import Checkpoint
from governance.audit.entry import Draft
from governance.audit.errors import OutboxError, TamperedError
from governance.audit.events import Event, Promotion, RunFinished, RunStarted, rfc3339
from governance.audit.layout import checkpoint_key, entry_key
from governance.audit.outbox import record_run
from governance.audit.signer import FileSigner
from governance.audit.store import LocalStore
from governance.core.clock import now
from tests.conftest import REPOSITORY
from tests.governance.audit.conftest import ACTOR, ORIGIN, Place, event


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill([2, 2])
    return place


def reader(place: Place) -> LogReader:
    return LogReader(LocalStore(place.log_folder), place.open().keys, place.anchors(), ORIGIN)


def replace(place: Place, key: str, data: bytes) -> None:
    file = place.log_folder / key
    file.chmod(0o600)
    file.write_bytes(data)


def forged(place: Place, sequence: int, signer: FileSigner) -> bytes:
    return Draft(event(99)).encode(sequence, rfc3339(now()), signer, ORIGIN)


@pytest.mark.parametrize("sequence", [0, 1, 3])
def test_a_forged_entry_is_not_acted_on_while_it_lies_in_the_store(place: Place, sequence: int) -> None:
    log = reader(place)
    stranger = FileSigner.create(place.root / "stranger.pem", ORIGIN)
    replace(place, entry_key(sequence), forged(place, sequence, stranger))
    for look in (lambda: log.entry(sequence), lambda: list(select(log, Filter())), lambda: list(log.newest_first())):
        with pytest.raises(TamperedError, match=r"altered|not signed"):
            look()


@pytest.mark.parametrize("sequence", [0, 3])
def test_an_entry_that_the_log_signed_for_another_history_is_not_acted_on(place: Place, sequence: int) -> None:
    """A writer that lost the race for a number had signed another entry for it."""
    ours = FileSigner.load(place.key, ORIGIN)
    replace(place, entry_key(sequence), forged(place, sequence, ours))
    with pytest.raises(TamperedError):
        reader(place).entry(sequence)


@pytest.mark.parametrize("sequence", [0, 3])
def test_an_entry_that_a_signed_tree_holds_is_not_acted_on_without_the_logs_signature(
    place: Place, sequence: int
) -> None:
    """Whoever got a checkpoint signed over a foreign entry has gained nothing by it."""
    stranger, log = FileSigner.create(place.root / "stranger.pem", ORIGIN), reader(place)
    replace(place, entry_key(sequence), forged(place, sequence, stranger))
    for size in (2, 4):
        replace(
            place,
            checkpoint_key(size),
            Checkpoint(ORIGIN, size, log.tree(size).root()).signed(FileSigner.load(place.key, ORIGIN)),
        )
    with pytest.raises(TamperedError, match=f"Entry {sequence} .* was altered"):
        reader(place).entry(sequence)
    assert reader(place).verify().first_bad == sequence


def test_hashes_beside_the_checkpoints_vouch_for_nothing(place: Place) -> None:
    ours = FileSigner.load(place.key, ORIGIN)
    replace(place, entry_key(1), forged(place, 1, ours))
    for size in (2, 4):
        (place.log_folder / checkpoint_key(size).replace("checkpoints", "leaves")).unlink()
    with pytest.raises(TamperedError, match="not those that the checkpoint"):
        reader(place).entry(1)


@dataclass(frozen=True)
class Left:
    """Something that lies where a run's events wait."""

    event: Event
    place: str = "spool"

    def read(self) -> bytes:
        return canonical(self.event.content())

    def remove(self) -> None:
        raise AssertionError("it was recorded")


@pytest.mark.parametrize("changed", [{"kind": "promotion"}, {"environment": "production"}, {"team": "fraud"}])
def test_an_event_that_lies_where_a_runs_events_wait_is_signed_by_the_log(
    place: Place, changed: dict[str, str]
) -> None:
    log, common = (
        place.open(),
        {"actor": ACTOR, "environment": "dev", "team": "oncology", "run": "r", "model": "a_model"},
    )
    log.append(RunStarted(**common, pipeline="p", stack="s", expects=()))
    left: Event = RunFinished(**{**common, **changed, "kind": "run_finished"})
    if "kind" in changed:
        stages = {"from_stage": "staging", "to_stage": "production", "step": "completed", "promotion": "p"}
        left = Promotion(**common, **stages, model_version="1")
    with pytest.raises(OutboxError):
        record_run([Left(left)], log, "r")
    assert log.refresh() == 5


def test_no_code_outside_the_log_reads_entries_unchecked() -> None:
    unchecked = re.compile(r"audit\.entry import .*\b(decode|is_signed|event_id_in)\b|\._stored\(")
    found = [
        str(file.relative_to(REPOSITORY))
        for file in (REPOSITORY / "governance").rglob("*.py")
        if unchecked.search(file.read_text(encoding="utf-8"))
    ]
    assert sorted(found) == ["governance/audit/integrity.py", "governance/audit/reader.py"]
