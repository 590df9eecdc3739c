"""Handing out a log: all of it, or some entries with proofs that they are in it.

Both are zip files with the keys of the log, its public key and ``verify.py``. An export of all of it has
``snapshot.json``, which says how many entries that was, since the log goes on. An extract has ``proofs.json``: the size
of the checkpoint that it carries and, for each entry, its inclusion proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from governance.audit.anchors import CheckpointSource
from governance.audit.archive import Archive, write_archive
from governance.audit.canonical import canonical, parse_canonical
from governance.audit.checkpoint import Checkpoint, open_checkpoint
from governance.audit.entry import sequence_in
from governance.audit.errors import AuditError, SignatureError, StoreError
from governance.audit.integrity import Problem, Report, verify_log
from governance.audit.layout import CHECKPOINTS, ENTRIES, LEAVES, checkpoint_key, entry_key, number_of
from governance.audit.leaves import as_hashes, as_number
from governance.audit.merkle import leaf_hash, verify_inclusion
from governance.audit.reader import LogReader
from governance.audit.signer import Verifier
from governance.audit.store import Readable

PROOFS = "proofs.json"
SNAPSHOT = "snapshot.json"
PUBLIC_KEY = "key.pub"
VERIFIER = "verify.py"
_NUMBER = re.compile("0|[1-9][0-9]{0,9}")


def export_log(log: LogReader, file: Path) -> int:
    """Write the whole log to the zip ``file`` and return how many entries it has.

    People's sealed details are left out. Errors as for :func:`governance.audit.archive.write_archive`.
    """
    size = log.refresh()

    def objects() -> Iterator[tuple[str, bytes]]:
        for kind in (ENTRIES, CHECKPOINTS, LEAVES):
            for key in log.store.list(kind):
                number = number_of(key)
                # What other writers add meanwhile stays out, or the export would look cut off.
                if number is None or number < size + (kind != ENTRIES):
                    yield key, log.store.read(key) or b""
        yield SNAPSHOT, canonical({"size": size})
        yield from _companions(log)

    write_archive(file, objects())
    return size


def export_extract(log: LogReader, sequences: Iterable[int], file: Path) -> Checkpoint:
    """Write the entries ``sequences`` with their proofs to the zip ``file``; the checkpoint they are proven against.

    Raises:
        AuditError: there is no checkpoint that covers them, or nothing to write.
    """
    wanted = sorted(set(sequences))
    newest = log.checkpoint()
    if not wanted:
        raise AuditError("No entry matches: there is nothing to export.")
    if newest is None or wanted[-1] >= newest[0].size:
        raise AuditError(f"No checkpoint covers entry {wanted[-1]} yet; append to the log, which makes one.")
    checkpoint, note = newest
    tree = log.tree(checkpoint.size)
    proofs = {str(n): [node.hex() for node in tree.inclusion_proof(n)] for n in wanted}

    def objects() -> Iterator[tuple[str, bytes]]:
        for number in wanted:
            yield entry_key(number), log.raw(number)
        yield checkpoint_key(checkpoint.size), note
        yield PROOFS, canonical({"proofs": proofs, "size": checkpoint.size})
        yield from _companions(log)

    write_archive(file, objects())
    return checkpoint


def verify_archive(
    archive: Archive, keys: Sequence[Verifier], anchors: Sequence[CheckpointSource], origin: str
) -> Report:
    """Check an export or an extract.

    Raises:
        StoreError: it is neither, but an evidence pack.
    """
    if archive.read("pack.json") and not archive.read(SNAPSHOT):
        raise StoreError(f"{archive.place} is an evidence pack: make evidence-verify checks it.")
    known = {PUBLIC_KEY, VERIFIER, PROOFS, SNAPSHOT}
    odd = [name for name in archive.members if number_of(name) is None and name not in known]
    odd += [name for name, next_name in pairwise(archive.members) if name == next_name]
    unknown = [Problem(0, f"{name} is no object of the log") for name in odd]
    if archive.read(PROOFS):
        report = verify_extract(archive, keys, anchors, origin)
    else:
        try:
            size = as_number(_members(archive, SNAPSHOT, {"size"})["size"])
        except ValueError as error:
            return _unreadable(archive, error, *unknown)
        report = verify_log(archive, keys, anchors, origin, snapshot=size)
    return replace(report, problems=tuple(dict.fromkeys((*unknown, *report.problems))))


def verify_extract(
    store: Readable, keys: Sequence[Verifier], anchors: Sequence[CheckpointSource], origin: str
) -> Report:
    """Check an extract: each entry by its proof under the one checkpoint, that by its signature and the anchors."""
    problems: list[Problem] = []
    notes: list[str] = []
    anchored: int | None = None
    entries = {number: key for key in store.list(ENTRIES) if (number := number_of(key)) is not None}
    problems += [Problem(0, f"{key} is no object of the log") for key in store.list(ENTRIES) if number_of(key) is None]
    try:
        raw = _members(store, PROOFS, {"proofs", "size"})
        size, proofs = as_number(raw["size"]), _proofs(raw["proofs"])
    except ValueError as error:
        return _unreadable(store, error, *problems)
    checkpoint = _checkpoint(store.read(checkpoint_key(size)), size, keys, origin, "the extract", problems)
    problems += [Problem(max(n, 0), f"entry {n} is missing") for n in sorted(proofs.keys() - entries.keys())]
    for number, key in entries.items():
        data = store.read(key) or b""
        proven = checkpoint is not None and verify_inclusion(
            leaf_hash(data), number, size, proofs.get(number, []), checkpoint.root
        )
        if not proven or sequence_in(data) != number:
            problems.append(Problem(number, f"entry {number} is not the one that was signed for"))
    for anchor in anchors:
        note = anchor.read(size)
        if note is not None and checkpoint is not None:
            kept = _checkpoint(note, size, keys, origin, anchor.place, problems)
            if kept == checkpoint:
                anchored = size
            elif kept is not None:
                problems.append(Problem(0, f"{anchor.place} has another checkpoint of size {size}"))
    if anchored is None:
        notes.append(f"No anchor has the checkpoint of size {size}: a replaced log cannot be excluded.")
    found = tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.index))
    return Report(store.place, len(entries), size if checkpoint else 0, anchored, found, tuple(notes))


def _members(store: Readable, key: str, names: set[str]) -> dict[str, Any]:
    """Return the members of the JSON object at ``key``, which are ``names`` and no others."""
    value = parse_canonical(store.read(key) or b"")
    if type(value) is not dict or value.keys() != names:
        raise ValueError(f"{key} holds something else than {' and '.join(sorted(names))}")
    return value


def _proofs(value: object) -> dict[int, tuple[bytes, ...]]:
    if type(value) is not dict or not all(map(_NUMBER.fullmatch, value)):
        raise ValueError(f"{PROOFS} lists something else than proofs by number")
    return {int(number): as_hashes(proof) for number, proof in value.items()}


def _unreadable(store: Readable, error: ValueError, *more: Problem) -> Report:
    damaged = Problem(0, f"what the export says of itself is missing or damaged: {error}")
    return Report(store.place, 0, 0, None, (damaged, *more), ())


def _checkpoint(
    note: bytes | None, size: int, keys: Sequence[Verifier], origin: str, place: str, problems: list[Problem]
) -> Checkpoint | None:
    try:
        checkpoint = open_checkpoint(note or b"", keys, origin)
    except SignatureError as error:
        problems.append(Problem(max(size - 1, 0), f"checkpoint {size} in {place}: {error}"))
        return None
    if checkpoint.size != size:
        problems.append(Problem(max(size - 1, 0), f"checkpoint {size} in {place} is that of {checkpoint.size}"))
        return None
    return checkpoint


def _companions(log: LogReader) -> Iterator[tuple[str, bytes]]:
    yield PUBLIC_KEY, "".join(f"{key}\n" for key in log.keys).encode()
    yield VERIFIER, (Path(__file__).parent / VERIFIER).read_bytes()
