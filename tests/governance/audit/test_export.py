"""What is handed out verifies without the log, and no altered copy of it does."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.audit import verify as standalone
from governance.audit.anchors import ReadOnlyAnchor
from governance.audit.archive import Archive, write_archive
from governance.audit.checkpoint import Checkpoint
from governance.audit.errors import AuditError, StoreError
from governance.audit.export import PROOFS, PUBLIC_KEY, SNAPSHOT, VERIFIER, export_extract, export_log, verify_archive
from governance.audit.layout import checkpoint_key, entry_key, leaves_key
from governance.audit.signer import FileSigner
from governance.audit.store import LocalStore, Object
from tests.governance.audit.conftest import ORIGIN, Place, agree, event


def _verify(place: Place, file: Path, anchors: list[Path] | None = None) -> dict[str, Any]:
    given = [place.anchor_folder] if anchors is None else anchors
    keys = place.open(anchored=False).keys
    ours = verify_archive(
        Archive(file), keys, [ReadOnlyAnchor(LocalStore(folder)) for folder in given], ORIGIN
    ).as_json()
    theirs = standalone.check(str(file), standalone.read_keys(str(keys[0])), [str(folder) for folder in given])
    agree(ours, theirs)
    return ours


def _altered(file: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    write_archive(file, iter(content.items()))
    return file


def test_an_export_of_the_whole_log_verifies_on_its_own(place: Place, tmp_path: Path) -> None:
    log = place.fill([2, 3, 1])
    log.store.create_if_absent(Object("subjects/someone/detail", b"sealed"))  # type: ignore[attr-defined]
    file = tmp_path / "log.zip"
    assert export_log(log, file) == 6
    report = _verify(place, file)
    assert (report["ok"], report["entries"], report["anchored"], report["notes"]) == (True, 6, 6, [])
    names = set(zipfile.ZipFile(file).namelist())
    assert {PUBLIC_KEY, VERIFIER, entry_key(5), checkpoint_key(6)} <= names
    assert not any(name.startswith("subjects/") for name in names), "people's details stay"
    assert standalone.read_keys(zipfile.ZipFile(file).read(PUBLIC_KEY).decode())[0][2] == log.keys[0].key


def test_an_export_made_between_an_entry_and_its_checkpoint_is_good(place: Place, tmp_path: Path) -> None:
    log = place.fill([2, 1])
    (place.log_folder / checkpoint_key(3)).rename(tmp_path / "late")
    export_log(log, tmp_path / "log.zip")
    report = _verify(place, tmp_path / "log.zip")
    assert (report["ok"], report["entries"], report["anchored"]) == (True, 3, 3)


def test_an_empty_log_can_be_exported(place: Place, tmp_path: Path) -> None:
    log = place.open()
    assert export_log(log, tmp_path / "log.zip") == 0
    log.append(event(0))
    assert _verify(place, tmp_path / "log.zip")["ok"]


def test_equal_logs_give_equal_exports(place: Place, tmp_path: Path) -> None:
    log = place.fill([2])
    for name in ("one.zip", "two.zip"):
        export_log(log, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_an_export_stays_good_while_the_log_goes_on_and_says_that_it_has(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "log.zip"
    log = place.fill([2, 3])
    export_log(log, file)
    log.append(event(5))
    report = _verify(place, file)
    assert (report["ok"], report["entries"], report["anchored"]) == (True, 5, 5)
    assert report["notes"][0].startswith("This is an export of 5 entries; ")


@pytest.mark.parametrize(
    ("marker", "index"), [(b'{"size":4}', 5), (b'{"size":6}', 5), (b"{}", 0), (b"", 0), (b"[]", 0), (None, 0)]
)
def test_an_export_of_another_size_than_it_says_is_found(
    place: Place, tmp_path: Path, marker: bytes | None, index: int
) -> None:
    file = tmp_path / "log.zip"
    export_log(place.fill([2, 3]), file)
    change = {SNAPSHOT: marker} if marker is not None else {}
    _altered(file, lambda content: (content.pop(SNAPSHOT), content.update(change)))
    assert _verify(place, file)["first_bad"] == index


def test_a_log_cannot_claim_to_be_an_export_to_hide_that_it_was_cut_off(place: Place) -> None:
    place.fill([1, 1])
    for kind in (entry_key(1), checkpoint_key(2), leaves_key(2)):
        (place.log_folder / kind).unlink()
    (place.log_folder / SNAPSHOT).write_text('{"size":1}', encoding="utf-8")
    assert place.verify()["first_bad"] == 1


def test_an_altered_export_is_found(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "log.zip"
    export_log(place.fill([2, 3]), file)
    _altered(file, lambda content: content.update({entry_key(3): content[entry_key(3)].replace(b"run-3", b"run-4")}))
    assert _verify(place, file)["first_bad"] == 3


@pytest.mark.parametrize("chosen", [[0], [5], [1, 2, 4], list(range(6))])
def test_an_extract_proves_that_its_entries_are_in_the_log(place: Place, tmp_path: Path, chosen: list[int]) -> None:
    log = place.fill([2, 3, 1])
    file = tmp_path / "extract.zip"
    assert export_extract(log, chosen, file).size == 6
    report = _verify(place, file)
    assert (report["ok"], report["entries"], report["anchored"]) == (True, len(chosen), 6)
    unanchored = _verify(place, file, [])
    assert unanchored["ok"]
    assert "a replaced log cannot be excluded" in unanchored["notes"][0]


CHANGES: dict[str, tuple[Callable[[dict[str, bytes]], object], int]] = {
    "an entry": (lambda c: c.update({entry_key(2): c[entry_key(2)].replace(b"run-2", b"run-3")}), 2),
    "an entry under another number": (lambda c: c.update({entry_key(3): c[entry_key(2)]}), 3),
    "an entry taken out": (lambda c: c.pop(entry_key(2)), 2),
    "a stranger": (lambda c: c.update({"entries/note": b""}), 0),
    "an entry beyond the checkpoint": (lambda c: c.update({entry_key(9): c[entry_key(2)]}), 9),
    "a proof": (lambda c: c.update({PROOFS: c[PROOFS].replace(b'"2":["', b'"2":["' + b"00" * 32 + b'","')}), 2),
    "no proof": (lambda c: c.update({PROOFS: c[PROOFS].replace(b'"2":', b'"1":')}), 1),
    "damaged proofs": (lambda c: c.update({PROOFS: b"{"}), 0),
    "proofs of another shape": (lambda c: c.update({PROOFS: b'{"size":6,"proofs":[]}'}), 0),
    "the checkpoint": (lambda c: c.update({checkpoint_key(6): c[checkpoint_key(6)].replace(b"\n6\n", b"\n7\n")}), 2),
    "no checkpoint": (lambda c: c.pop(checkpoint_key(6)), 2),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_altered_extract_is_found(place: Place, tmp_path: Path, what: str) -> None:
    file = tmp_path / "extract.zip"
    export_extract(place.fill([2, 3, 1]), [2, 4], file)
    change, index = CHANGES[what]
    report = _verify(place, _altered(file, change))
    assert (report["ok"], report["first_bad"]) == (False, index), report


def test_an_extract_of_another_history_is_found_by_the_anchor(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "extract.zip"
    log = place.fill([2])
    export_extract(log, [1], file)
    note = Checkpoint(ORIGIN, 2, bytes(32)).signed(FileSigner.load(place.key, ORIGIN))
    (place.anchor_folder / checkpoint_key(2)).unlink()
    (place.anchor_folder / checkpoint_key(2)).write_bytes(note)
    assert _verify(place, file)["problems"][0]["index"] == 0
    other = Checkpoint(ORIGIN, 1, bytes(32)).signed(FileSigner.load(place.key, ORIGIN))
    (place.anchor_folder / checkpoint_key(2)).write_bytes(other)
    assert not _verify(place, file)["ok"]


def test_an_extract_whose_checkpoint_is_of_another_size_is_found(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "extract.zip"
    export_extract(place.fill([2, 1]), [1], file)
    other = (place.log_folder / checkpoint_key(2)).read_bytes()
    assert not _verify(place, _altered(file, lambda c: c.update({checkpoint_key(3): other})))["ok"]


def test_there_is_no_extract_of_nothing_or_of_what_no_checkpoint_covers(place: Place, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="No entry matches"):
        export_extract(place.open(), [], tmp_path / "x.zip")
    with pytest.raises(AuditError, match="No checkpoint covers entry 0"):
        export_extract(place.open(), [0], tmp_path / "x.zip")
    with pytest.raises(AuditError, match="No checkpoint covers entry 7"):
        export_extract(place.fill([1]), [7], tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_every_damaged_byte_of_an_extract_is_noticed_or_harmless(place: Place, tmp_path: Path) -> None:
    """Damage to the archive never verifies as something else; damage that changes no content may pass."""
    file = tmp_path / "extract.zip"
    log = place.fill([1, 1])
    export_extract(log, [1], file)
    whole = file.read_bytes()
    original = {name: Archive(file).read(name) for name in Archive(file).list("")}
    public = str(log.keys[0])
    for position in range(0, len(whole), 41):
        file.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:
            archive = Archive(file)
        except StoreError:
            assert standalone.main([str(file), "--key", public]) == 2
            continue
        theirs = standalone.check(str(file), standalone.read_keys(public), [])
        read = {name: archive.read(name) for name in archive.list("")}
        relevant = [name for name in original if name not in (VERIFIER, PUBLIC_KEY)]
        if any(read.get(name) != original[name] for name in relevant):
            assert not theirs["ok"], position


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("hello", encoding="utf-8")
    with pytest.raises(StoreError, match="is no export"):
        Archive(tmp_path / "x.zip")
    with pytest.raises(StoreError, match="cannot be written"):
        write_archive(tmp_path / "missing" / "x.zip", iter([("a", b"")]))


def test_proofs_are_json_that_anybody_can_read(place: Place, tmp_path: Path) -> None:
    log = place.fill([4])
    export_extract(log, [2], tmp_path / "x.zip")
    proofs = json.loads(Archive(tmp_path / "x.zip").read(PROOFS) or b"")
    tree = log.tree()
    assert proofs == {"size": 4, "proofs": {"2": [tree.leaf(3).hex(), tree.root(2).hex()]}}
