"""Whatever is done to a log is found, at the first entry it was done to, and by both verifiers alike."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.audit import verify as standalone
from governance.audit.checkpoint import Checkpoint
from governance.audit.entry import Draft
from governance.audit.integrity import verify_log
from governance.audit.layout import checkpoint_key, entry_key, leaves_key, number_of
from governance.audit.log import AuditLog
from governance.audit.merkle import CompactRange, leaf_hash
from governance.audit.signer import FileSigner
from governance.audit.store import LocalStore
from tests.governance.audit.conftest import ORIGIN, Place, event

BATCHES = (1, 4, 1, 1, 6, 2, 1)
ENTRIES = sum(BATCHES)
SIZES = [sum(BATCHES[: n + 1]) for n in range(len(BATCHES))]
TIME = "2026-11-24T22:00:00.000000Z"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A log of several batches, each with one checkpoint, which is anchored."""
    place = Place(tmp_path_factory.mktemp("original"))
    place.fill(BATCHES)
    return place


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for copies that are altered; in memory where there is one, since there are many."""
    memory = Path("/dev/shm")
    folder = memory / f"audit-verify-{os.getpid()}" if os.access(memory, os.W_OK) else tmp_path_factory.mktemp("copies")
    folder.mkdir(exist_ok=True)
    yield folder
    shutil.rmtree(folder)


def _copy(original: Place, scratch: Path) -> Place:
    shutil.rmtree(scratch / "copy", ignore_errors=True)
    shutil.copytree(original.root, scratch / "copy")
    place = Place(scratch / "copy")
    for file in place.root.rglob("*"):
        if file.is_file():
            file.chmod(0o600)
    return place


def _objects(place: Place) -> list[Path]:
    """Every object of the log, in a stable order."""
    return sorted(path for path in place.log_folder.rglob("*") if path.is_file())


def _entry(place: Place, sequence: int) -> Path:
    return place.log_folder / entry_key(sequence)


def _assert_bad(place: Place, first_bad: int | None = None, **options: bool) -> dict[str, Any]:
    report = place.verify(**options)
    assert not report["ok"]
    if first_bad is not None:
        assert report["first_bad"] == first_bad, report
    return report


EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_an_untouched_log_is_intact(original: Place) -> None:
    report = original.verify()
    assert (report["ok"], report["first_bad"], report["problems"], report["notes"]) == (True, None, [], [])
    assert (report["entries"], report["checkpoint"], report["anchored"]) == (ENTRIES, ENTRIES, ENTRIES)


def test_without_an_anchor_truncation_is_not_excluded(original: Place) -> None:
    report = original.verify(anchored=False)
    assert (report["ok"], report["anchored"]) == (True, None)
    assert report["notes"] == ["No anchor was given: that entries were cut off the end cannot be excluded."]


@EXAMPLES
@given(data=st.data())
def test_a_flipped_bit_in_an_entry_is_found_at_that_entry(original: Place, scratch: Path, data: st.DataObject) -> None:
    place = _copy(original, scratch)
    sequence = data.draw(st.integers(0, ENTRIES - 1))
    content = bytearray(_entry(place, sequence).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    _entry(place, sequence).write_bytes(bytes(content))
    _assert_bad(place, sequence)
    _assert_bad(place, sequence, anchored=False)


@EXAMPLES
@given(data=st.data())
def test_a_flipped_bit_in_any_other_object_is_found_at_the_entry_it_vouches_for(
    original: Place, scratch: Path, data: st.DataObject
) -> None:
    place = _copy(original, scratch)
    key = data.draw(st.sampled_from([make(size) for make in (checkpoint_key, leaves_key) for size in SIZES]))
    file = place.log_folder / key
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(bytes(content))
    size = number_of(key)
    assert size is not None
    _assert_bad(place, size - 1)
    _assert_bad(place, size - 1, anchored=False)


def test_every_byte_of_every_object_is_checked(original: Place, scratch: Path) -> None:
    place = _copy(original, scratch)
    objects = _objects(place)
    assert len(objects) == ENTRIES + 2 * len(BATCHES)
    for file in objects[::3]:
        content = file.read_bytes()
        for position in range(0, len(content), 97):
            file.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
            assert not place.verify()["ok"], (file, position)
        file.write_bytes(content)
    assert place.verify()["ok"]


@EXAMPLES
@given(sequence=st.integers(0, ENTRIES - 1))
def test_a_deleted_entry_is_found(original: Place, scratch: Path, sequence: int) -> None:
    place = _copy(original, scratch)
    _entry(place, sequence).unlink()
    _assert_bad(place, sequence)
    _assert_bad(place, sequence, anchored=False)


@EXAMPLES
@given(sequence=st.integers(0, ENTRIES - 1))
def test_deleting_an_entry_and_closing_the_gap_is_found(original: Place, scratch: Path, sequence: int) -> None:
    place = _copy(original, scratch)
    for later in range(sequence, ENTRIES - 1):
        _entry(place, later + 1).replace(_entry(place, later))
    if sequence == ENTRIES - 1:
        _entry(place, sequence).unlink()
    _assert_bad(place, sequence)


@EXAMPLES
@given(sequence=st.integers(0, ENTRIES), forged=st.sampled_from(["copy", "renumbered", "other key", "other log"]))
def test_an_inserted_entry_is_found(original: Place, scratch: Path, sequence: int, forged: str) -> None:
    place = _copy(original, scratch)
    for later in reversed(range(sequence, ENTRIES)):
        _entry(place, later).replace(_entry(place, later + 1))
    signer = FileSigner.load(place.key, ORIGIN)
    if forged == "copy":
        content = _entry(original, (sequence + 1) % ENTRIES).read_bytes()
    elif forged == "renumbered":
        other = _entry(original, (sequence + 1) % ENTRIES).read_bytes()
        content = re.sub(rb'"sequence":\d+}', b'"sequence":%d}' % sequence, other)
    elif forged == "other key":
        stranger = FileSigner.create(place.root / "stranger.pem", ORIGIN)
        content = Draft(event(66)).encode(sequence, TIME, stranger, ORIGIN)
    else:
        content = Draft(event(66)).encode(sequence, TIME, signer, "acme-ml/audit/production")
    _entry(place, sequence).write_bytes(content)
    _assert_bad(place, sequence)
    _assert_bad(place, sequence, anchored=False)


@EXAMPLES
@given(pair=st.lists(st.integers(0, ENTRIES - 1), min_size=2, max_size=2, unique=True))
def test_swapped_entries_are_found_at_the_earlier(original: Place, scratch: Path, pair: list[int]) -> None:
    place = _copy(original, scratch)
    one, two = (_entry(place, sequence).read_bytes() for sequence in pair)
    _entry(place, pair[0]).write_bytes(two)
    _entry(place, pair[1]).write_bytes(one)
    _assert_bad(place, min(pair))


@EXAMPLES
@given(sequence=st.integers(0, ENTRIES - 1))
def test_an_entry_that_was_signed_anew_with_the_logs_own_key_is_found(
    original: Place, scratch: Path, sequence: int
) -> None:
    """Somebody who holds the signing key, but not the checkpoints that are already out, rewrites one entry."""
    place = _copy(original, scratch)
    signer = FileSigner.load(place.key, ORIGIN)
    _entry(place, sequence).write_bytes(Draft(event(66)).encode(sequence, TIME, signer, ORIGIN))
    _assert_bad(place, sequence)


@EXAMPLES
@given(sequence=st.integers(0, ENTRIES - 1), more=st.integers(-3, 3))
def test_a_fork_under_the_logs_own_key_is_found_by_the_anchor(
    original: Place, scratch: Path, sequence: int, more: int
) -> None:
    """The holder of the key rewrites history from ``sequence`` on, checkpoints and all; only anchors remember."""
    place = _copy(original, scratch)
    _truncate(place, sequence, entirely=True)
    fork = place.open(anchored=False)
    # The log may end at ``sequence`` without a checkpoint there; the forger makes one with the next entry.
    length = fork.append_many([event(100 + number) for number in range(max(1, ENTRIES - sequence + more))])[-1].size
    assert place.verify(anchored=False)["ok"], "the fork is consistent in itself"
    kept = max([size for size in SIZES if size <= sequence], default=0)
    report = _assert_bad(place)
    if length >= min(size for size in SIZES if size > sequence):
        # Anchors know one root a batch: the change is in the batch after the last root that agrees.
        assert kept <= report["first_bad"] <= sequence
    else:
        assert report["first_bad"] == length


def test_a_fork_of_single_appends_is_found_at_its_first_entry(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.fill([1] * 6)
    _truncate(place, 3, entirely=True)
    place.open(anchored=False).append_many([event(100), event(101), event(102)])
    assert place.verify(anchored=False)["ok"]
    _assert_bad(place, 3)


@pytest.mark.parametrize(("size", "changed"), [(10, 8), (16, 15), (6, 5)])
def test_a_change_before_the_cut_is_found_as_well(original: Place, scratch: Path, size: int, changed: int) -> None:
    place = _copy(original, scratch)
    for sequence in range(size, ENTRIES):
        _entry(place, sequence).unlink()
    signer = FileSigner.load(place.key, ORIGIN)
    _entry(place, changed).write_bytes(Draft(event(66)).encode(changed, TIME, signer, ORIGIN))
    _assert_bad(place, changed)


def _truncate(place: Place, size: int, *, entirely: bool) -> None:
    for file in _objects(place):
        number = number_of(file.relative_to(place.log_folder).as_posix())
        assert number is not None
        if ("entries" in file.parts and number >= size) or ("entries" not in file.parts and entirely and number > size):
            file.unlink()


@EXAMPLES
@given(size=st.integers(0, ENTRIES - 1), entirely=st.booleans())
def test_truncation_is_found_by_the_anchor(original: Place, scratch: Path, size: int, entirely: bool) -> None:
    place = _copy(original, scratch)
    _truncate(place, size, entirely=entirely)
    _assert_bad(place, size)
    report = place.verify(anchored=False)
    if entirely:
        assert report["ok"]
        assert "cannot be excluded" in report["notes"][-1]
    else:
        assert report["first_bad"] == size


@pytest.mark.parametrize("size", SIZES)
def test_a_deleted_checkpoint_is_found_by_the_anchor(original: Place, scratch: Path, size: int) -> None:
    place = _copy(original, scratch)
    (place.log_folder / checkpoint_key(size)).unlink()
    _assert_bad(place, size - 1)


@pytest.mark.parametrize("size", SIZES)
def test_an_altered_anchor_is_found(original: Place, scratch: Path, size: int) -> None:
    place = _copy(original, scratch)
    file = place.anchor_folder / checkpoint_key(size)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\n\n", 1))
    _assert_bad(place, size - 1)


def test_a_checkpoint_moved_to_another_size_is_found(original: Place, scratch: Path) -> None:
    place = _copy(original, scratch)
    shutil.copy(place.log_folder / checkpoint_key(5), place.log_folder / checkpoint_key(3))
    _assert_bad(place, 2)


def test_a_second_history_signed_for_the_same_size_is_found(original: Place, scratch: Path) -> None:
    """Two checkpoints of one size under the log's own key: whoever signed both has shown two logs to two people."""
    place = _copy(original, scratch)
    note = Checkpoint(ORIGIN, 6, leaf_hash(b"another")).signed(FileSigner.load(place.key, ORIGIN))
    (place.anchor_folder / checkpoint_key(6)).write_bytes(note)
    _assert_bad(place, 5)


@pytest.mark.parametrize(
    ("key", "index"),
    [
        ("entries/0000000/0000000003b", 4),
        ("entries/0000000/note.txt", ENTRIES),
        ("entries/0000001/0000000003", ENTRIES),
        ("checkpoints/0000000/x", 0),
        ("leaves/0000007/0000000001", 0),
    ],
)
def test_an_object_that_does_not_belong_is_found(original: Place, scratch: Path, key: str, index: int) -> None:
    place = _copy(original, scratch)
    file = place.log_folder / key
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(_entry(place, 3).read_bytes())
    _assert_bad(place, index)


def test_leaf_hashes_that_lie_are_found_where_no_checkpoint_exposes_them(original: Place, scratch: Path) -> None:
    """Leaves of a size without a checkpoint, as a crash leaves them, are compared with the entries themselves."""
    place = _copy(original, scratch)
    edge = CompactRange()
    edge.append(leaf_hash(_entry(place, 0).read_bytes()))
    honest = {"edge": [edge.edge[0].hex()], "leaves": [leaf_hash(_entry(place, 1).read_bytes()).hex()], "start": 1}
    for changed, bad in ((None, None), ("edge", 1), ("leaves", 1)):
        value = honest if changed is None else {**honest, changed: ["00" * 32]}
        file = place.log_folder / leaves_key(2)
        file.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
        assert place.verify()["first_bad"] == bad, changed


def test_a_changed_entry_is_narrowed_down_to_its_batch_when_the_leaf_hashes_are_gone(
    original: Place, scratch: Path
) -> None:
    place = _copy(original, scratch)
    shutil.rmtree(place.log_folder / "leaves")
    content = _entry(place, 9).read_bytes().replace(b"run-9", b"run-8")
    _entry(place, 9).write_bytes(content)
    report = _assert_bad(place, 7)
    assert "one of the entries 7 to 12" in report["problems"][0]["what"]


def test_a_log_signed_by_another_key_is_refused(original: Place, tmp_path: Path) -> None:
    stranger = FileSigner.create(tmp_path / "stranger.pem", ORIGIN)
    log = AuditLog(LocalStore(original.log_folder), stranger, original.anchors(), ORIGIN)
    assert log.verify().first_bad == 0


def test_a_log_that_is_being_written_to_is_intact_at_every_moment(quick_place: Place) -> None:
    log = quick_place.fill([1])
    done = threading.Event()

    def write() -> None:
        for number in range(60):
            log.append(event(number))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reports = []
    while not done.is_set():
        public = quick_place.key.with_suffix(".pub")
        reports.append(verify_log(log.store, log.keys, quick_place.anchors(), ORIGIN).as_json())
        keys = standalone.read_keys(str(public))
        reports.append(standalone.check(str(quick_place.log_folder), keys, [str(quick_place.anchor_folder)]))
    writer.join()
    assert [report["problems"] for report in reports if not report["ok"]] == []
    assert len({report["entries"] for report in reports}) > 1


def _run(place: Place, *more: str) -> subprocess.CompletedProcess[str]:
    """The program as an auditor runs it: a copy of the one file, isolated from this repository's environment."""
    program = place.root / "verify.py"
    shutil.copy(standalone.__file__, program)
    command = [sys.executable, "-I", "-S", str(program), str(place.log_folder), "--key", str(place.root / "key.pub")]
    return subprocess.run([*command, *more], capture_output=True, text=True, check=False, cwd=place.root)


def test_the_program_runs_alone_with_openssl_and_says_what_it_found(original: Place, scratch: Path) -> None:
    place = _copy(original, scratch)
    good = _run(place, "--anchor", str(place.anchor_folder))
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == f"INTACT: {ENTRIES} entries, {ENTRIES} signed for\n"
    _entry(place, 4).write_bytes(b"nothing")
    bad = _run(place, "--json")
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["first_bad"] == 4
    told = _run(place)
    assert told.returncode == 1
    assert "entry 4" in told.stdout
    assert "DAMAGED, first at entry 4" in told.stdout
    assert "note: No anchor was given" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing", "--key", "key.pub"], "missing does not exist"),
        (["log", "--key", "missing.pub"], "neither a public key nor a file"),
        (["log", "--key", "a+b+c"], "no public key of the form"),
        (["log", "--key", "acme+00000000+AAAA"], "no Ed25519 key"),
        (["log", "--key", "key.pub", "--anchor", "missing"], "missing does not exist"),
        (["key.pem", "--key", "key.pub"], "not a zip file"),
    ],
)
def test_the_program_says_what_it_cannot_check(
    original: Place,
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(original.root)
    assert standalone.main(arguments) == 2
    assert said in capsys.readouterr().err
