"""Appending: numbered without gaps, acknowledged only when signed and anchored, closed when something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from governance.audit.anchors import StoreAnchor
from governance.audit.entry import sequence_in
from governance.audit.errors import AuditError, MissingEntryError, SignatureError, StoreError, TamperedError
from governance.audit.layout import checkpoint_key, entry_key, leaves_key, number_of
from governance.audit.log import AuditLog
from governance.audit.merkle import verify_consistency, verify_inclusion
from governance.audit.reader import SEAL_EVERY, LogReader
from governance.audit.signer import FileSigner
from governance.audit.store import LocalStore, Object
from tests.governance.audit.conftest import ORIGIN, Place, event


class Failing(LocalStore):
    """A folder whose n-th write fails, before or after it took effect."""

    def __init__(self, root: Path, fails: Callable[[int], str | None]) -> None:
        super().__init__(root)
        self._fails, self.writes = fails, 0

    def create_in_order(self, items: Sequence[Object]) -> int:
        self.writes += 1
        when = self._fails(self.writes)
        if when == "before":
            raise StoreError("the store is away")
        held = super().create_in_order(items)
        if when == "after":
            raise StoreError("the answer was lost")
        return held


def _failing(place: Place, fails: Callable[[int], str | None], anchor_fails: Callable[[int], str | None]) -> AuditLog:
    place.open()
    anchor = StoreAnchor(Failing(place.anchor_folder, anchor_fails))
    return AuditLog(Failing(place.log_folder, fails), FileSigner.load(place.key, ORIGIN), [anchor], ORIGIN)


def test_a_receipt_says_where_the_event_is_and_under_which_root(place: Place) -> None:
    log = place.open()
    first, second = log.append(event(0)), log.append_many([event(1), event(2)])[1]
    assert (first.sequence, first.size, second.sequence, second.size) == (0, 1, 2, 3)
    tree = log.tree()
    assert tree.leaf(2).hex() == second.leaf
    assert tree.root().hex() == second.root
    assert verify_inclusion(tree.leaf(0), 0, 3, tree.inclusion_proof(0), bytes.fromhex(second.root))
    consistency = tree.consistency_proof(1)
    assert verify_consistency(1, 3, bytes.fromhex(first.root), bytes.fromhex(second.root), consistency)
    assert log.entry(2).event.run == "run-2"
    assert [entry.sequence for entry in log.newest_first()] == [2, 1, 0]
    assert place.verify()["ok"]


def test_a_checkpoint_is_in_the_log_and_in_its_anchor_when_an_append_returns(place: Place) -> None:
    log = place.open()
    log.append(event())
    newest = log.checkpoint()
    assert newest is not None
    assert (place.anchor_folder / checkpoint_key(1)).read_bytes() == newest[1]
    assert place.verify()["anchored"] == 1


def test_reopening_goes_on_where_the_log_ended(place: Place) -> None:
    for number in range(5):
        assert place.open().append(event(number)).sequence == number
    assert place.verify()["entries"] == 5


def test_a_new_log_is_empty(place: Place) -> None:
    log = place.open()
    assert (log.size, log.checkpoint(), list(log.entries()), log.append_many([])) == (0, None, [], ())
    assert place.verify()["notes"] == ["There are no entries."]
    for sequence in (0, -1):
        with pytest.raises(MissingEntryError, match="has no entry"):
            log.entry(sequence)


def test_opening_reads_a_handful_of_objects_however_long_the_log_is(place: Place) -> None:
    place.fill([300, 1])

    class Counting(LocalStore):
        reads = 0

        def read(self, key: str) -> bytes | None:
            self.reads += 1
            return super().read(key)

    store = Counting(place.log_folder)
    assert LogReader(store, [FileSigner.load(place.key, ORIGIN).verifier], [], ORIGIN).refresh() == 301
    assert store.reads < 30


def test_opening_works_without_the_kept_leaves_and_does_not_believe_false_ones(place: Place) -> None:
    place.fill([4, 3])
    kept = place.log_folder / leaves_key(7)
    text = kept.read_bytes()
    kept.unlink()
    assert place.open().append(event(7)).sequence == 7
    kept.write_bytes(text.replace(b"a", b"b"))
    (place.log_folder / leaves_key(8)).unlink()
    assert place.open().append(event(8)).sequence == 8


def test_two_writers_take_turns_without_knowing_of_each_other(place: Place) -> None:
    one, two = place.open(), place.open()
    sequences = [log.append(event(n)).sequence for n, log in enumerate([one, two, two, one, two, one])]
    batch = [receipt.sequence for receipt in one.append_many([event(n) for n in range(6, 9)])]
    late = [receipt.sequence for receipt in two.append_many([event(n) for n in range(9, 12)])]
    assert sequences + batch + late == list(range(12))
    assert place.verify()["ok"]


def test_a_writer_that_loses_in_the_middle_of_a_batch_writes_the_rest_after_the_winner(place: Place) -> None:
    rival = place.open()

    class Raced(LocalStore):
        raced = False

        def create_in_order(self, items: Sequence[Object]) -> int:
            if len(items) == 3 and not self.raced:
                self.raced = True
                held = super().create_in_order(items[:1])
                rival.append(event(99))
                return held + super().create_in_order(items[1:])
            return super().create_in_order(items)

    log = AuditLog(Raced(place.log_folder), FileSigner.load(place.key, ORIGIN), place.anchors(), ORIGIN)
    receipts = log.append_many([event(n) for n in range(3)])
    assert [receipt.sequence for receipt in receipts] == [0, 2, 3]
    assert [entry.event.run for entry in log.entries()] == ["run-0", "run-99", "run-1", "run-2"]
    assert place.verify()["ok"]


def test_a_long_batch_is_sealed_on_the_way(place: Place) -> None:
    log = place.open()
    receipts = log.append_many(event(number) for number in range(SEAL_EVERY + 5))
    assert [receipt.sequence for receipt in receipts] == list(range(SEAL_EVERY + 5))
    assert [number_of(key) for key in log.store.list("checkpoints/")] == [SEAL_EVERY, SEAL_EVERY + 5]
    assert place.verify()["ok"]


def test_the_same_event_twice_in_a_batch_is_written_once(place: Place) -> None:
    once = event()
    assert len(place.open().append_many([once, once])) == 1
    assert place.verify()["entries"] == 1


WRITES = [("log", 1), ("log", 2), ("log", 3), ("anchor", 1)]
"""Entry, leaf hashes, checkpoint; the anchor's checkpoint."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("where", "write"), WRITES)
def test_nothing_is_acknowledged_when_any_write_fails_and_a_retry_completes_it(
    place: Place, where: str, write: int, when: str
) -> None:
    def at(name: str) -> Callable[[int], str | None]:
        return lambda count: when if (where, write) == (name, count) else None

    log, wanted = _failing(place, at("log"), at("anchor")), event(1)
    with pytest.raises(StoreError, match=r"away|lost"):
        log.append(wanted)
    assert place.verify()["ok"]
    receipt = log.append(wanted)
    assert (receipt.sequence, receipt.event) == (0, wanted.id)
    assert [entry.event.id for entry in log.entries()] == [wanted.id]
    report = place.verify()
    assert (report["ok"], report["anchored"], report["notes"]) == (True, 1, [])


def test_what_a_failed_writer_left_is_taken_over_by_the_next(place: Place) -> None:
    with pytest.raises(StoreError):
        _failing(place, lambda count: "before" if count > 1 else None, lambda _: None).append(event(1))
    report = place.verify()
    assert (report["entries"], report["checkpoint"], report["ok"]) == (1, 0, True)
    assert report["notes"][0] == "Entries 0 to 0 stand by their own signatures, under no checkpoint yet."
    assert place.open().append(event(2)).sequence == 1
    assert place.verify()["notes"] == []


def test_an_entry_slipped_in_at_the_end_is_not_vouched_for(place: Place) -> None:
    place.fill([2])
    forger = FileSigner.create(place.root / "forger.pem", ORIGIN)
    forged = AuditLog(LocalStore(place.log_folder), forger, [], ORIGIN, place.open().keys)
    with pytest.raises(StoreError):
        # The forger writes an entry, then fails before the checkpoint that would give it away at once.
        forged._writable = Failing(place.log_folder, lambda count: "before" if count > 1 else None)
        forged.append(event(66))
    report = place.verify()
    assert (report["ok"], report["first_bad"]) == (False, 2)
    with pytest.raises(TamperedError, match=r"Entry 2 .* was not signed by the log"):
        place.open().append(event(3))
    assert sequence_in((place.log_folder / entry_key(2)).read_bytes()) == 2


def _cut(place: Place, size: int, *, entirely: bool) -> None:
    """Remove everything after ``size`` entries, and the log's own traces of it too if ``entirely``."""
    for file in [path for path in place.log_folder.rglob("*") if path.is_file()]:
        number = number_of(file.relative_to(place.log_folder).as_posix())
        is_entry = "entries" in file.parts
        if number is not None and ((is_entry and number >= size) or (not is_entry and entirely and number > size)):
            file.unlink()


@pytest.mark.parametrize("entirely", [False, True])
@pytest.mark.parametrize("size", [0, 1, 3])
def test_a_log_that_was_cut_off_takes_no_more_entries(place: Place, size: int, entirely: bool) -> None:
    place.fill([1, 1, 1, 1, 1])
    _cut(place, size, entirely=entirely)
    with pytest.raises(AuditError, match=f"cut off: it has {size} entries, but .* signed for 5"):
        place.open().append(event(9))
    assert not (place.log_folder / entry_key(size)).exists()


def test_a_log_that_was_replaced_by_another_of_the_same_length_takes_no_more_entries(place: Place) -> None:
    place.fill([1, 1])
    for file in [path for path in place.log_folder.rglob("*") if path.is_file()]:
        file.unlink()
    other = place.open(anchored=False)
    other.append_many([event(7), event(8)])
    with pytest.raises(TamperedError, match="was rewritten"):
        place.open().append(event(9))


def test_a_log_with_two_histories_is_noticed_by_the_writer(place: Place) -> None:
    log = place.fill([1])
    other = Place(place.root / "other")
    other.root.mkdir()
    other.key.write_bytes(place.key.read_bytes())
    other.key.chmod(0o600)
    FileSigner.load(other.key, ORIGIN).publish(other.key)
    other.fill([1, 1])
    (place.anchor_folder / checkpoint_key(2)).write_bytes((other.log_folder / checkpoint_key(2)).read_bytes())
    with pytest.raises(TamperedError, match="split in two"):
        log.append(event(2))


def test_entries_that_a_checkpoint_was_not_signed_for_are_refused_at_opening(place: Place) -> None:
    place.fill([2])
    entry = place.log_folder / entry_key(1)
    entry.chmod(0o600)
    entry.write_bytes(entry.read_bytes().replace(b"run-1", b"run-9"))
    (place.log_folder / leaves_key(2)).unlink()
    with pytest.raises(TamperedError, match="not those that the checkpoint of size 2"):
        place.open().append(event(3))


def test_a_checkpoint_under_another_size_is_refused_at_opening(place: Place) -> None:
    place.fill([1, 1])
    file = place.log_folder / checkpoint_key(2)
    file.chmod(0o600)
    file.write_bytes((place.log_folder / checkpoint_key(1)).read_bytes())
    with pytest.raises(TamperedError, match="holds the checkpoint of size 1"):
        _ = place.open().size
    file.write_bytes(b"nonsense")
    with pytest.raises(SignatureError):
        _ = place.open().size


def test_a_log_without_checkpoints_is_read_from_its_beginning(place: Place) -> None:
    place.fill([2, 2])
    for folder in ("checkpoints", "leaves"):
        for file in (place.log_folder / folder).rglob("0*"):
            if file.is_file():
                file.unlink()
    assert place.open(anchored=False).append(event(4)).sequence == 4


def test_reading_needs_no_private_key(place: Place) -> None:
    writer = place.fill([3])
    reader = LogReader(LocalStore(place.log_folder), writer.keys, place.anchors(), ORIGIN)
    place.key.unlink()
    assert [entry.event.run for entry in reader.entries()] == ["run-0", "run-1", "run-2"]
    assert [entry.sequence for entry in reader.entries(1, 2)] == [1]
    assert reader.verify().ok


def test_after_a_rotation_of_the_key_old_and_new_entries_verify(place: Place) -> None:
    place.fill([2])
    FileSigner.replace(place.key, ORIGIN)
    log = place.open()
    log.append(event(2))
    assert len(log.keys) == 2
    assert place.verify()["ok"]


def test_threads_share_a_log(place: Place) -> None:
    from concurrent.futures import ThreadPoolExecutor

    log = place.open()
    with ThreadPoolExecutor(4) as pool:
        sequences = [receipt.sequence for receipt in pool.map(log.append, (event(n) for n in range(20)))]
    assert sorted(sequences) == list(range(20))
    assert place.verify()["ok"]
