"""Handing out a log: all of it, or some entries with proofs that they are in it.

Both are zip files with the keys of the log, its public key and ``verify.py``. An export of all of it has
``snapshot.json``, which says how many entries that was, since the log goes on. An extract has ``proofs.json``: the size
of the checkpoint that it carries and, for each entry, its inclusion proof.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from governance.audit.anchors import CheckpointSource
from governance.audit.archive import Archive, write_archive
from governance.audit.canonical import canonical
from governance.audit.checkpoint import Checkpoint, open_checkpoint
from governance.audit.entry import sequence_in
from governance.audit.errors import AuditError, SignatureError
from governance.audit.integrity import Problem, Report, verify_log
from governance.audit.layout import CHECKPOINTS, ENTRIES, LEAVES, checkpoint_key, entry_key, number_of
from governance.audit.merkle import leaf_hash, verify_inclusion
from governance.audit.reader import LogReader
from governance.audit.signer import Verifier
from governance.audit.store import Readable

PROOFS = "proofs.json"
SNAPSHOT = "snapshot.json"
PUBLIC_KEY = "key.pub"
VERIFIER = "verify.py"


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
    proofs = {str(n): [one.hex() for one in tree.inclusion_proof(n)] for n in wanted}

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
    """Check an export or an extract."""
    if archive.read(PROOFS):
        return verify_extract(archive, keys, anchors, origin)
    try:
        size = int(json.loads(archive.read(SNAPSHOT) or b"")["size"])
    except (ValueError, KeyError, TypeError) as error:
        what = Problem(0, f"{SNAPSHOT} is missing or damaged: {error!r}")
        return Report(archive.place, 0, 0, None, (what,), ())
    return verify_log(archive, keys, anchors, origin, snapshot=size)


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
        raw = json.loads(store.read(PROOFS) or b"")
        size = int(raw["size"])
        proofs = {int(n): [bytes.fromhex(one) for one in proof] for n, proof in raw["proofs"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = Problem(0, f"the proofs are damaged: {error!r}")
        return Report(store.place, 0, 0, None, (what,), ())
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
