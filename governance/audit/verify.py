#!/usr/bin/env python3
"""Check a Groundwork audit log without Groundwork. Needs Python 3.10 or later and nothing else.

    python verify.py LOG --key KEY [--anchor ANCHOR]...

LOG     a log's folder, an export of one, or an extract with proofs (zip files)
KEY     the log's public key, or a file that holds it; obtain it from somebody other than who gave you LOG
ANCHOR  a folder or zip file of checkpoints kept where the log's writer cannot change them

How the log works. Entry n is one object, entries/<n div 1000>/<n>. Entries are the leaves of a Merkle tree as in
RFC 6962, so one hash, the root, stands for all of them in their order. At many sizes the writer signed the root with
Ed25519; such a checkpoint (C2SP tlog-checkpoint) is checkpoints/<size div 1000>/<size>. If the entries at hand give
a signed root, they are those that were signed for. leaves/.../<size> lists leaf hashes; it is used to name a changed
entry exactly, and believed only as far as it leads to a signed root itself. A log cannot show that nothing was cut
off its end. A checkpoint kept elsewhere, an anchor, can.

Ed25519 signatures are checked by the Python package "cryptography" if it is installed, else by the openssl program.
An evidence pack, which holds extracts of several logs, is checked by verify_pack.py.
Exit status: 0 everything is as signed, 1 it is not, 2 it could not be checked.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import itertools
import json
import os
import re
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any, Protocol

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None  # type: ignore[assignment, misc]

LARGEST = 1 << 28  # bytes of one object; no honest one comes near
HASHES = re.compile("[0-9a-f]{64}")
NUMBER = re.compile("0|[1-9][0-9]{0,9}")
ENTRY = re.compile(
    rb'\{"entry":(\{.*,"schema":[0-9]{1,9},"sequence":(0|[1-9][0-9]{0,9})\}),"signature":"([A-Za-z0-9+/]{86}==)"\}',
    re.DOTALL,
)
COMPANIONS = ("key.pub", "proofs.json", "snapshot.json", "verify.py")  # what is in an export besides the log
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)

Leaves = tuple[int, list[bytes], list[bytes]]  # tree size, edge of the tree at that size, leaf hashes from there on
PublicKey = tuple[str, bytes, bytes]  # name, key id, key


class CannotCheckError(Exception):
    """Nothing can be said about the log: a file, a key or a program is missing."""


class BadSignatureError(Exception):
    """A note is malformed or not signed by the log."""


# --- where objects are ------------------------------------------------------------------------------------------


class Place(Protocol):
    """Where a log, or what was handed out of one, is kept."""

    def keys(self, kind: str) -> list[str]:
        """Return the keys of one kind, in order."""

    def get(self, key: str) -> bytes:
        """Return the object's bytes; none if it does not exist."""


class Folder:
    """Objects below a folder."""

    def __init__(self, path: str) -> None:
        self.root = path.rstrip("/")

    def keys(self, kind: str) -> list[str]:
        """Return the keys of one kind, in order."""
        found = []
        for folder, folders, files in os.walk(f"{self.root}/{kind}"):
            links = [name for name in folders if Path(folder, name).is_symlink()]
            found += [f"{folder[len(self.root) + 1 :]}/{name}" for name in files + links]
        return sorted(found)

    def get(self, key: str) -> bytes:
        """Return the object's bytes; none if it does not exist, is a link or a device, or is too large.

        Raises:
            CannotCheckError: it is a folder.
        """
        path = f"{self.root}/{key}"
        try:
            found = os.lstat(path)
            if stat.S_ISDIR(found.st_mode):
                raise CannotCheckError(f"{path} is a folder")
            if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
                return b""
            with open(path, "rb") as file:  # noqa: PTH123 - as above
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return b""


class Archive:
    """Objects in a zip file."""

    def __init__(self, path: str) -> None:
        try:
            self.file = zipfile.ZipFile(path)
        except ZIP_ERRORS as error:
            raise CannotCheckError(f"{path} is no zip file: {error}") from None
        self.members = [member for member in self.file.infolist() if not member.filename.endswith("/")]
        self.names = {member.filename: member for member in self.members}

    def keys(self, kind: str) -> list[str]:
        """Return the keys of one kind, in order."""
        return sorted(name for name in self.names if name.startswith(kind + "/"))

    def get(self, key: str) -> bytes:
        """Return the object's bytes; none if it does not exist, is too large or the archive is damaged there."""
        member = self.names.get(key)
        if member is None or member.file_size > LARGEST or member.compress_type not in (0, zipfile.ZIP_DEFLATED):
            return b""
        try:
            return self.file.read(member)
        except ZIP_ERRORS:
            return b""

    def unknown_names(self) -> list[str]:
        """Return names that no export of a log has, or has once."""
        names = sorted(member.filename for member in self.members)
        odd = {name for name, following in itertools.pairwise(names) if name == following}
        kinds = ("entries", "checkpoints", "leaves")
        odd |= {name for name in names if all(number_in(kind, name) is None for kind in kinds)} - set(COMPANIONS)
        return sorted(odd)


def open_place(path: str) -> Place:
    """Open the objects at ``path``."""
    if Path(path).is_dir():
        return Folder(path)
    if Path(path).is_file():
        return Archive(path)
    raise CannotCheckError(f"{path} does not exist")


def key_of(kind: str, number: int) -> str:
    """Return the key of entry, checkpoint or leaves ``number``."""
    return f"{kind}/{number // 1000:07d}/{number:010d}"


def number_in(kind: str, key: str) -> int | None:
    """Return the number that ``key`` stands for, or None if it is no key of the log."""
    digits = key.rpartition("/")[2]
    return int(digits) if re.fullmatch("[0-9]{10}", digits) and key == key_of(kind, int(digits)) else None


# --- hashes -----------------------------------------------------------------------------------------------------


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of ``data``."""
    return hashlib.sha256(data).digest()


class Edge:
    """Roots of the complete subtrees along a growing tree's right edge, largest first."""

    def __init__(self, size: int = 0, nodes: list[bytes] | None = None) -> None:
        self.size, self.nodes = size, list(nodes or [])

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        self.size += 1
        for _ in range((self.size & -self.size).bit_length() - 1):  # equal subtrees merge as in binary addition
            leaf = sha256(b"\x01" + self.nodes.pop() + leaf)
        self.nodes.append(leaf)

    def root(self) -> bytes:
        """Return the root of the tree."""
        if not self.nodes:
            return sha256(b"")
        node = self.nodes[-1]
        for left in self.nodes[-2::-1]:
            node = sha256(b"\x01" + left + node)
        return node


def root_from_proof(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to, as RFC 6962 builds it; None if the proof has a wrong length."""
    steps = []  # on which side of each node on the way down from the root the leaf lies
    start, end = 0, size
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        steps.append(index < middle)
        start, end = (start, middle) if index < middle else (middle, end)
    if len(steps) != len(proof):
        return None
    for is_left, sibling in zip(reversed(steps), proof, strict=True):
        leaf = sha256(b"\x01" + leaf + sibling) if is_left else sha256(b"\x01" + sibling + leaf)
    return leaf


def read_json(data: bytes, *names: str) -> Any:
    """Parse the JSON in ``data``, which must be spelt in the one canonical way; with ``names``, that object's members.

    Raises:
        ValueError: it is something else, nested too deeply, or has other members.
    """
    try:
        value = json.loads(data.decode())
        again = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if again.encode() != data:
        raise ValueError("it is no canonical JSON")
    if not names:
        return value
    if type(value) is not dict or tuple(value) != names:
        raise ValueError(f"it does not hold {' and '.join(names)} and nothing else")
    return [value[name] for name in names]


def read_number(value: Any) -> int:
    """Return a number of entries in JSON, not by another name such as True or 1.0."""
    if type(value) is not int or not NUMBER.fullmatch(str(value)):
        raise ValueError("a number of entries is none")
    return value


def read_hashes(value: Any) -> list[bytes]:
    """Return hashes in JSON, in hexadecimal."""
    if type(value) is not list or not all(type(item) is str and HASHES.fullmatch(item) for item in value):
        raise ValueError("a hash is none")
    return [bytes.fromhex(item) for item in value]


def read_proofs(value: Any) -> dict[int, list[bytes]]:
    """Return proofs in JSON, by number."""
    if type(value) is not dict or not all(map(NUMBER.fullmatch, value)):
        raise ValueError("the proofs have no numbers")
    return {int(n): read_hashes(proof) for n, proof in value.items()}


def read_leaves(data: bytes, size: int) -> Leaves | None:
    """Return the leaves object in ``data`` if it leads to ``size``; None if it was altered."""
    try:
        edge, leaves, start = read_json(data, "edge", "leaves", "start")
        found = read_number(start), read_hashes(edge), read_hashes(leaves)
    except ValueError:
        return None
    return found if found[0] + len(found[2]) == size and len(found[1]) == bin(found[0]).count("1") else None


def root_of_leaves(found: Leaves) -> bytes:
    """Return the root that a leaves object leads to."""
    start, nodes, hashes = found
    edge = Edge(start, nodes)
    for leaf in hashes:
        edge.add(leaf)
    return edge.root()


# --- signatures -------------------------------------------------------------------------------------------------


def read_keys(text: str) -> list[PublicKey]:
    """Read signed-note keys, given directly or in a file, one a line."""
    if "+" not in text or Path(text).is_file():
        if not Path(text).is_file():
            raise CannotCheckError(f"{text} is neither a public key nor a file")
        try:
            text = Path(text).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise CannotCheckError(f"{text} is no text") from None
    return parse_keys(text)


def parse_keys(text: str) -> list[PublicKey]:
    """Parse the signed-note keys in ``text``, one a line."""
    keys = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        try:
            name, key_id, encoded = line.split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            wanted = sha256(name.encode() + b"\n" + raw)[:4]
        except ValueError:
            raise CannotCheckError(f"{line!r} is no public key of the form name+id+base64") from None
        if not name or len(raw) != 33 or raw[0] != 1 or wanted.hex() != key_id:
            raise CannotCheckError(f"{line!r} is no Ed25519 key, or it was altered")
        keys.append((name, wanted, raw[1:]))
    if not keys:
        raise CannotCheckError("there is no public key")
    return keys


def signature_holds(key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether ``signature`` over ``message`` is by the Ed25519 public key ``key``."""
    if Ed25519PublicKey is not None:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except InvalidSignature:
            return False
        return True
    with tempfile.TemporaryDirectory() as folder:
        parts = {"key": bytes.fromhex("302a300506032b6570032100") + key, "sig": signature, "msg": message}
        for name, data in parts.items():
            Path(folder, name).write_bytes(data)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key", "-keyform", "DER"]
        command += ["-rawin", "-in", "msg", "-sigfile", "sig"]
        try:
            return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
        except OSError:
            raise CannotCheckError("install the Python package 'cryptography' or the program 'openssl'") from None


def decode_base64(text: str) -> bytes:
    """Decode base64, refusing a second spelling of the same bytes."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError
    return data


def open_note(note: bytes, keys: list[PublicKey]) -> str:
    """Return the text of a signed note once one of ``keys`` is seen to have signed it."""
    try:
        body, mark, signatures = note.decode().rpartition("\n\n")
        body += "\n"
        signed = False
        if not mark or not signatures.endswith("\n"):
            raise ValueError
        for line in signatures[:-1].split("\n"):
            dash, name, encoded = line.split(" ")
            blob = decode_base64(encoded)
            if dash != "\u2014" or not name or not blob:
                raise ValueError
            for known, key_id, key in keys:
                if known == name and key_id == blob[:4]:
                    if not signature_holds(key, blob[4:], body.encode()):
                        raise BadSignatureError("its signature does not hold")
                    signed = True
    except ValueError:
        raise BadSignatureError("it is no signed note") from None
    if not signed:
        raise BadSignatureError("it is not signed by the log")
    return body


def open_checkpoint(note: bytes, keys: list[PublicKey], origin: str) -> tuple[int, bytes]:
    """Return size and root in a signed checkpoint."""
    try:
        found, size, root, rest = open_note(note, keys).split("\n")
        if found != origin or rest or not NUMBER.fullmatch(size) or len(decode_base64(root)) != 32:
            raise ValueError
    except ValueError:
        raise BadSignatureError(f"it is no checkpoint of {origin}") from None
    return int(size), decode_base64(root)


def entry_is_signed(data: bytes, keys: list[PublicKey], origin: str) -> bool:
    """Return whether the log itself signed this entry; every entry carries a signature of its own."""
    match = ENTRY.fullmatch(data)
    if not match:
        return False
    try:
        signature = decode_base64(match[3].decode())
    except ValueError:
        return False
    message = f"groundwork audit entry v1\n{origin}\n{sha256(match[1]).hex()}\n".encode()
    return any(signature_holds(key, signature, message) for _, _, key in keys)


# --- the checks -------------------------------------------------------------------------------------------------


class Check:
    """Everything found about one log."""

    def __init__(self, log: Place, keys: list[PublicKey], anchors: list[Place], origin: str) -> None:
        self.log, self.keys, self.anchors, self.origin = log, keys, anchors, origin
        self.problems: list[tuple[int, str]] = []
        self.notes: list[str] = []
        self.leaves: list[bytes] = []
        self.entries = self.checkpoint = 0
        self.anchored: int | None = None
        self.snapshot: int | None = None

    def problem(self, index: int, what: str) -> None:
        """Note that something is not as it was signed, from entry ``index`` on."""
        self.problems.append((max(index, 0), what))

    def numbered(self, kind: str, place: Place) -> dict[int, str]:
        """Return {number: key} of the objects of one kind."""
        found = {}
        for key in place.keys(kind):
            number = number_in(kind, key)
            if number is None:
                if place is self.log:
                    self.problem(0, f"{key} is no object of the log")
            else:
                found[number] = key
        return found

    def valid_checkpoints(self, notes: dict[int, bytes], where: str) -> dict[int, bytes]:
        """Return {size: root} of the notes that are signed checkpoints of their size."""
        valid = {}
        for size, note in notes.items():
            try:
                signed_size, root = open_checkpoint(note, self.keys, self.origin)
            except BadSignatureError as error:
                self.problem(size - 1, f"checkpoint {size} in {where}: {error}")
                continue
            if signed_size == size:
                valid[size] = root
            else:
                self.problem(size - 1, f"checkpoint {size} in {where} is that of {signed_size}")
        return valid

    def anchor_notes(self, anchor: Place) -> dict[int, bytes]:
        """Return the checkpoints in ``anchor``; of an export, those that it can have."""
        notes = {size: anchor.get(key) for size, key in self.numbered("checkpoints", anchor).items()}
        if self.snapshot is not None and max(notes, default=0) > self.snapshot:
            self.notes.append(f"This is an export of {self.snapshot} entries; an anchor knows of {max(notes)}.")
            return {size: note for size, note in notes.items() if size <= self.snapshot}
        return notes

    def whole_log(self) -> None:
        """Check a log from its first entry to its last."""
        # Anchors first and entries last, the reverse of writing, so that a writer at work is not taken for a forger.
        vouched = [self.anchor_notes(anchor) for anchor in self.anchors]
        own_notes = {size: self.log.get(key) for size, key in self.numbered("checkpoints", self.log).items()}
        own = self.valid_checkpoints(own_notes, "the log")
        self.checkpoint = max(own, default=0)
        signed = {size: [root] for size, root in own.items()}
        for notes in vouched:
            for size in notes.keys() - own_notes.keys() if self.snapshot is None else ():
                self.problem(size - 1, f"checkpoint {size} is gone from the log, an anchor has it")
            valid = {size: root for size, root in own.items() if notes.get(size) == own_notes[size]}
            valid.update(self.valid_checkpoints({s: n for s, n in notes.items() if own_notes.get(s) != n}, "an anchor"))
            for size, root in valid.items():
                signed.setdefault(size, []).append(root)
            self.anchored = max(self.anchored or 0, max(valid, default=0))
        kept = {}
        for size, key in self.numbered("leaves", self.log).items():
            kept[size] = read_leaves(self.log.get(key), size)
            if kept[size] is None:
                self.problem(size - 1, f"{key} was altered")
        self.check_ends(signed, kept, *self.walk(signed, kept))

    def walk(self, signed: dict[int, list[bytes]], kept: dict[int, Leaves | None]) -> tuple[int, bool]:
        """Hash each entry and compare with each signed root; up to which size all agree, and whether one differs."""
        edge, agreed, differs = Edge(), 0, False
        starting: dict[int, list[tuple[int, list[bytes]]]] = {}
        for size, found in kept.items():
            if found:
                starting.setdefault(found[0], []).append((size, found[1]))
        for key in self.log.keys("entries"):
            n = edge.size
            number = number_in("entries", key)
            if number is None or number < n:
                self.problem(n, f"{key} is no object of the log")
                continue
            if number > n:
                self.problem(n, f"entry {n} is missing")
                break
            data = self.log.get(key)
            match = ENTRY.fullmatch(data)
            if not match or int(match[2]) != n:
                self.problem(n, f"the object for entry {n} is not entry {n}")
            for size, nodes in starting.get(n, []):
                if nodes != edge.nodes and not differs:
                    self.problem(size - 1, f"{key_of('leaves', size)} was altered")
            self.leaves.append(sha256(b"\x00" + data))
            edge.add(self.leaves[-1])
            if edge.size in signed and not differs:
                wrong = [root for root in signed[edge.size] if root != edge.root()]
                if wrong:
                    differs = True
                    self.locate(agreed, edge.size, wrong[0], kept.get(edge.size))
                else:
                    agreed = edge.size
        self.entries = edge.size
        return agreed, differs

    def locate(self, agreed: int, size: int, root: bytes, found: Leaves | None) -> None:
        """Name the first entry from ``agreed`` on that is not the one signed for at ``size``."""
        index = self.first_changed(agreed, root, found)
        if index is None:
            self.problem(agreed, f"one of the entries {agreed} to {size - 1} is not the one that was signed for")
        else:
            self.problem(index, f"entry {index} was changed")

    def first_changed(self, agreed: int, root: bytes, found: Leaves | None) -> int | None:
        """Return the first entry that differs from leaf hashes which lead to the signed ``root``."""
        if found and found[0] <= agreed and root_of_leaves(found) == root:
            for index, (kept, ours) in enumerate(zip(found[2], self.leaves[found[0] :], strict=False), found[0]):
                if kept != ours:
                    return index
        return None

    def check_ends(
        self, signed: dict[int, list[bytes]], kept: dict[int, Leaves | None], agreed: int, differs: bool
    ) -> None:
        """Check what the entries alone do not show: cut-off ends, unsigned additions, altered leaf hashes."""
        sound = agreed if differs else self.entries
        for size, found in kept.items():
            if found and size > self.entries:
                self.problem(self.entries, f"{key_of('leaves', size)} lists entries that are gone")
            elif found and size <= sound and found[2] != self.leaves[found[0] : size]:
                self.problem(size - 1, f"{key_of('leaves', size)} was altered")
        beyond = sorted(size for size in signed if size > self.entries)
        if beyond:
            self.problem(self.entries, f"cut off: {beyond[-1]} entries were signed for, {self.entries} are left")
            index = self.first_changed(agreed, signed[beyond[0]][0], kept.get(beyond[0]))
            if index is not None:
                self.problem(index, f"entry {index} was changed")
        if self.snapshot not in (None, self.entries):
            self.problem(self.entries, f"this is an export of {self.snapshot} entries")
        sealed = max(signed, default=0) if differs else agreed
        for n in range(sealed, self.entries):
            if not entry_is_signed(self.log.get(key_of("entries", n)), self.keys, self.origin):
                self.problem(n, f"entry {n} was not signed by the log")
        if self.entries > sealed:
            last = self.entries - 1
            self.notes.append(f"Entries {sealed} to {last} stand by their own signatures, under no checkpoint yet.")
        if not self.entries:
            self.notes.append("There are no entries.")
        if self.anchored is None:
            self.notes.append("No anchor was given: that entries were cut off the end cannot be excluded.")
        elif self.anchored < self.entries:
            self.notes.append(f"Anchors cover {self.anchored} entries: what followed may have been replaced.")

    def extract(self) -> None:
        """Check some entries of a log, each by its proof of inclusion under one checkpoint."""
        try:
            proven, number = read_json(self.log.get("proofs.json"), "proofs", "size")
            size, proofs = read_number(number), read_proofs(proven)
        except ValueError as error:
            self.problem(0, f"proofs.json is damaged: {error}")
            return
        root = self.valid_checkpoints({size: self.log.get(key_of("checkpoints", size))}, "the extract").get(size)
        self.checkpoint = size if root else 0
        found = self.numbered("entries", self.log)
        self.entries = len(found)
        for n in proofs.keys() - found.keys():
            self.problem(n, f"entry {n} is missing")
        for n, key in found.items():
            data = self.log.get(key)
            match = ENTRY.fullmatch(data)
            reached = root_from_proof(sha256(b"\x00" + data), n, size, proofs.get(n, [])) if n < size else None
            if not root or reached != root or not match or int(match[2]) != n:
                self.problem(n, f"entry {n} is not the one that was signed for")
        if root:
            for anchor in self.anchors:
                self.compare_extract(anchor, size, root)
        if self.anchored is None:
            self.notes.append(f"No anchor has the checkpoint of size {size}: a replaced log cannot be excluded.")

    def compare_extract(self, anchor: Place, size: int, root: bytes) -> None:
        """Hold the extract's checkpoint against the one of the same size in ``anchor``, if there is one."""
        note = anchor.get(key_of("checkpoints", size))
        anchored = self.valid_checkpoints({size: note}, "an anchor").get(size) if note else None
        if anchored == root:
            self.anchored = size
        elif anchored:
            self.problem(0, f"an anchor has another checkpoint of size {size}")


# --- running it -------------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """Return ``text`` in printable ASCII: whoever made the log chose the names, and none of them may forge a line."""
    return re.sub("[^ -~]", lambda found: ascii(found[0])[1:-1], text)


def check(path: str, keys: list[PublicKey], anchors: list[str], origin: str | None = None) -> dict[str, Any]:
    """Check the log or extract at ``path``; what ``--json`` prints, as a dict."""
    log = open_place(path)
    check = Check(log, keys, [open_place(anchor) for anchor in anchors], origin or keys[0][0])
    try:
        if isinstance(log, Archive):
            if log.get("pack.json") and not log.get("snapshot.json"):
                raise CannotCheckError(f"{path} is an evidence pack: verify_pack.py checks it")
            for name in log.unknown_names():
                check.problem(0, f"{name} is no object of the log")
        if isinstance(log, Archive) and log.get("proofs.json"):
            check.extract()
        else:
            if isinstance(log, Archive):  # believed of a copy only: it would hide that a log was cut off
                check.snapshot = read_number(read_json(log.get("snapshot.json"), "size")[0])
            check.whole_log()
    except ValueError as error:
        check.problem(0, f"snapshot.json is missing or damaged: {error}")
    problems = [{"index": index, "what": escaped(what)} for index, what in sorted(set(check.problems))]
    return {
        "ok": not problems,
        "first_bad": problems[0]["index"] if problems else None,
        "entries": check.entries,
        "checkpoint": check.checkpoint,
        "anchored": check.anchored,
        "problems": problems,
        "notes": [escaped(note) for note in check.notes],
    }


def main(arguments: list[str] | None = None) -> int:
    """Run as a program; the exit status."""
    parser = argparse.ArgumentParser(description="Check a Groundwork audit log.")
    parser.add_argument("log", help="folder of the log, or an export or extract of it (zip)")
    parser.add_argument("--key", required=True, help="public key, or a file that holds it")
    parser.add_argument("--anchor", action="append", default=[], help="folder or zip of checkpoints kept elsewhere")
    parser.add_argument("--origin", help="name of the log, if it differs from the key's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        result = check(options.log, read_keys(options.key), options.anchor, options.origin)
    except (CannotCheckError, OSError) as error:
        sys.stderr.write(f"verify.py: {escaped(str(error))}\n")
        return 2
    if options.json:
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
    else:
        for problem in result["problems"]:
            sys.stdout.write(f"entry {problem['index']}: {problem['what']}\n")
        for note in result["notes"]:
            sys.stdout.write(f"note: {note}\n")
        intact = "INTACT" if result["entries"] else "NOTHING TO VERIFY"
        verdict = intact if result["ok"] else f"DAMAGED, first at entry {result['first_bad']}"
        sys.stdout.write(f"{verdict}: {result['entries']} entries, {result['checkpoint']} signed for\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
