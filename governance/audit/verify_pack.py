#!/usr/bin/env python3
"""Check an evidence pack without Groundwork. Needs Python 3.10 or later, verify.py next to it, and nothing else.

    python verify_pack.py PACK [--key KEY] [--anchor ANCHOR]...

PACK    an evidence pack (zip file): what was recorded of one version of a model
KEY     the public key of the environment's log, a file that holds it, or its fingerprint, sha256:<64 hexadecimal
        digits>; obtain it from somebody other than who gave you PACK
ANCHOR  a folder or zip file of checkpoints kept where the logs' writer cannot change them

How a pack works. MANIFEST lists each file's SHA-256; the key of the environment's log signed its own. The zip file
must be, byte by byte, the only one that holds these files in this form. Log extracts lie in logs/<environment>; each
entry is proven under a signed checkpoint, and that one under older ones by proofs of consistency; verify.py tells how
a log works. Statements are what people signed with their SSH keys; the log names each by its SHA-256.

Exit status: 0 everything is as signed, 1 it is not, 2 it could not be checked.
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from governance.audit import verify
else:  # as a program: verify.py is next to it, where "python -I" does not look
    sys.path.append(str(Path(__file__).parent))
    import verify

MANIFEST = "MANIFEST"
SEAL = "MANIFEST.sig"  # a signed note
PACK_FORM = "groundwork evidence pack v1"
NAMESPACE = "promotion@groundwork"  # of people's SSH signatures
NAME = re.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")  # leads nowhere when unpacked
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, verify.BadSignatureError, verify.CannotCheckError)


# --- the zip file -----------------------------------------------------------------------------------------------


def zip_bytes(files: list[tuple[str, bytes]]) -> bytes:
    """Return the one zip file for ``files`` in this order: nothing compressed, all of 1 January 1980, no comments.

    Raises:
        ValueError: they are too many or too large for a zip file without its 64-bit extensions.
    """
    body, directory = bytearray(), bytearray()
    for name, data in files:
        encoded, offset = name.encode(), len(body)
        common = (20, 0x800, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(encoded), 0)
        if max(offset, len(data)) >= 0xFFFFFFFF or len(files) >= 0xFFFF:
            raise ValueError("too much for one zip file")
        body += struct.pack("<4s5H3I2H", b"PK\3\4", *common) + encoded + data
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 0x314, *common, 0, 0, 0, 0o100644 << 16, offset) + encoded
    count = len(files)
    return bytes(
        body + directory + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    )


def is_pack(path: str) -> bool:
    """Return whether the file is, or was, an evidence pack: a zip file with a manifest, or no zip file any more."""
    if not Path(path).is_file():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return not {"proofs.json", "snapshot.json"} & set(archive.namelist())
    except verify.ZIP_ERRORS:
        return PACK_FORM.encode() in Path(path).read_bytes()


# --- logs in a pack ---------------------------------------------------------------------------------------------


class Inside:
    """Objects below a folder of another place."""

    def __init__(self, place: verify.Archive, prefix: str) -> None:
        self.place, self.prefix = place, prefix

    def keys(self, kind: str) -> list[str]:
        """Return the keys of one kind, in order."""
        return [name[len(self.prefix) :] for name in self.place.keys(self.prefix + kind)]

    def get(self, key: str) -> bytes:
        """Return the object's bytes; none if it does not exist."""
        return self.place.get(self.prefix + key)


class Own:
    """The checkpoints of one log in a place that may hold those of others as well."""

    def __init__(self, place: verify.Place, origin: str) -> None:
        self.place, self.first_line = place, origin.encode() + b"\n"

    def keys(self, kind: str) -> list[str]:
        """Return the keys of one kind, in order."""
        return [key for key in self.place.keys(kind) if self.get(key)]

    def get(self, key: str) -> bytes:
        """Return the object's bytes; none if it is of another log."""
        data = self.place.get(key)
        return data if data.startswith(self.first_line) else b""


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """Return whether the tree of ``new`` leaves begins with that of ``old`` leaves (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    if not path:
        return False
    older = newer = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            older, newer = verify.sha256(b"\x01" + sibling + older), verify.sha256(b"\x01" + sibling + newer)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            newer = verify.sha256(b"\x01" + newer + sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root


class PackedLog(verify.Check):
    """Everything found about the extract of one log."""

    def compare_extract(self, anchor: verify.Place, size: int, root: bytes) -> None:
        """Hold the extract against ``anchor``'s checkpoints of its size and of each for which it has a proof."""
        super().compare_extract(anchor, size, root)
        proofs = verify.read_proofs(verify.read_json(self.log.get("consistency.json") or b"{}"))
        notes = {n: anchor.get(verify.key_of("checkpoints", n)) for n in proofs}
        older = self.valid_checkpoints({n: note for n, note in notes.items() if note}, "an anchor")
        for n, old_root in older.items():
            if is_consistent(n, size, old_root, root, proofs[n]):
                self.anchored = max(self.anchored or 0, n)
            else:
                self.problem(n - 1, f"the log is not the one whose checkpoint of size {n} an anchor has")


# --- the checks -------------------------------------------------------------------------------------------------


def fingerprint(key: bytes) -> str:
    """Return the SHA-256 of a public key."""
    return f"sha256:{verify.sha256(key).hex()}"


def embedded_keys(place: verify.Place) -> list[verify.PublicKey]:
    """Return the keys in key.pub."""
    try:
        return verify.parse_keys(place.get("key.pub").decode())
    except UnicodeDecodeError:
        raise verify.CannotCheckError("key.pub is no text") from None


def event_in(entry: bytes) -> dict[str, Any]:
    """Return the event in an entry of a log."""
    try:
        event = json.loads(entry)["entry"]["event"]
    except RecursionError:
        raise ValueError("an entry is nested too deeply") from None
    if not isinstance(event, dict):
        raise TypeError("an entry holds no event")
    return event


class Pack:
    """Everything found about one evidence pack."""

    def __init__(
        self, path: str, trusted: list[verify.PublicKey], wanted: str | None, anchors: list[verify.Place]
    ) -> None:
        self.path, self.trusted, self.wanted, self.anchors = path, trusted, wanted, anchors
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.logs: dict[str, dict[str, Any]] = {}
        self.about: dict[str, Any] = {}
        self.signer = ""
        self.established = False

    def check(self) -> dict[str, Any]:
        """Run all checks and return what ``--json`` prints."""
        files = self.read()
        if not self.problems:
            try:
                self.manifest(files)
                if not self.problems:
                    self.contents(verify.Archive(self.path), files)
            except DAMAGED as error:
                self.problems.append(f"what the pack says of itself is damaged: {error!r}")
        about = {name: self.about.get(name) for name in ("model", "version", "environment", "model_digest")}
        result = {"ok": not self.problems, "established": self.established, "signer": self.signer, **about}
        problems, notes = ([verify.escaped(text) for text in texts] for texts in (self.problems, self.notes))
        return {**result, "logs": self.logs, "problems": problems, "notes": notes}

    def read(self) -> dict[str, bytes]:
        """Return the files, if the zip file is the one that they make."""
        raw = Path(self.path).read_bytes()
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = archive.infolist()
                if any(member.compress_type or member.file_size > len(raw) for member in members):
                    raise ValueError("a pack compresses nothing")
                found = [(member.filename, archive.read(member)) for member in members]
            names = [name for name, _ in found]
            if zip_bytes(found) != raw or names != sorted(set(names)):
                self.problems.append("the zip file was altered: it is not what its files make")
            spelt = {name.lower(): name for name in names}
            odd = [name for name in names if not NAME.fullmatch(name) or name != spelt[name.lower()]]
            self.problems += [f"{name!r} is no name of a file in a pack, or is another's" for name in odd]
        except verify.ZIP_ERRORS as error:
            self.problems.append(f"the zip file was altered: {error}")
            return {}
        return dict(found)

    def manifest(self, files: dict[str, bytes]) -> None:
        """Check that the manifest is signed and lists each file as it is."""
        own = verify.parse_keys(files["key.pub"].decode())
        if self.wanted:
            self.trusted = [key for key in own if fingerprint(key[2]) == self.wanted]
        self.established = bool(self.trusted or self.wanted)
        keys = self.trusted if self.established else own
        signer = next((key for key in keys if self.sealed_by(files, key)), None)
        if signer is None:
            given = "key you gave" if self.established else "key in the pack"
            self.problems.append(f"the manifest is not signed by the {given}")
            self.established = False
            return
        listed = "".join(
            f"{verify.sha256(data).hex()} {len(data)} {name}\n"
            for name, data in files.items()
            if name not in (MANIFEST, SEAL)
        )
        if files[MANIFEST] != listed.encode():
            self.problems.append("the manifest lists other files")
        self.signer = f"{signer[0]}, {fingerprint(signer[2])}"
        if not self.established:
            self.notes.append(f"No key was given. The pack is signed by {self.signer}; whose key that is you must ask.")

    @staticmethod
    def sealed_by(files: dict[str, bytes], key: verify.PublicKey) -> bool:
        """Return whether ``key`` signed the manifest."""
        try:
            return (
                verify.open_note(files[SEAL], [key]) == f"{PACK_FORM}\nsha256:{verify.sha256(files[MANIFEST]).hex()}\n"
            )
        except verify.BadSignatureError:
            return False

    def contents(self, archive: verify.Archive, files: dict[str, bytes]) -> None:
        """Check the logs' extracts, what people signed, and that all is about one model."""
        about = verify.read_json(files["pack.json"])
        if not isinstance(about, dict):
            raise TypeError("pack.json holds no object")
        self.about = about
        events = []
        for environment in self.about["environments"]:
            log = Inside(archive, f"logs/{environment}/")
            keys = embedded_keys(log)
            keys = [key for key in self.trusted if key[0] == keys[0][0]] or keys
            origin = keys[0][0]
            kept: list[verify.Place] = [
                Inside(archive, f"logs/{environment}/anchors/"),
                *(Own(place, origin) for place in self.anchors),
            ]
            part = PackedLog(log, keys, kept, origin)
            part.extract()
            self.problems += [f"log of {environment}: {what}" for _, what in sorted(set(part.problems))]
            self.notes += [f"log of {environment}: {note}" for note in part.notes]
            self.logs[environment] = {"entries": part.entries, "checkpoint": part.checkpoint, "anchored": part.anchored}
            events += [event_in(log.get(key)) for key in log.keys("entries")]
        self.one_model(events)
        self.statements(files, events)

    def one_model(self, events: list[dict[str, Any]]) -> None:
        """Check that every event of this version is about the same files."""
        model, version, digest = (self.about[name] for name in ("model", "version", "model_digest"))
        for event in events:
            same = (event.get("model"), event.get("model_version")) == (model, version)
            if same and event.get("model_digest", digest) != digest:
                self.problems.append(f"event {event['id']} is about other files of {model} version {version}")

    def statements(self, files: dict[str, bytes], events: list[dict[str, Any]]) -> None:
        """Check that each statement is one that the log names, is all there, and that its signature holds."""
        named = {event["statement_digest"] for event in events if "statement_digest" in event}
        named |= {digest for event in events for digest in event.get("approvals", [])}
        named |= {event["evidence"]["request"] for event in events if "request" in event.get("evidence", {})}
        there = {
            name[len("statements/") : -len(".json")]
            for name in files
            if re.fullmatch("statements/[0-9a-f]{64}[.]json", name)
        }
        for digest in sorted({name[len("sha256:") :] for name in named} ^ there):
            self.problems.append(f"statement {digest} is {'of no entry' if digest in there else 'missing'}")
        for digest in sorted(there):
            statement, signature = files[f"statements/{digest}.json"], files.get(f"statements/{digest}.sig", b"")
            if verify.sha256(statement).hex() != digest:
                self.problems.append(f"statement {digest} is not what its name says")
            elif not self.ssh_signature_holds(statement, signature):
                self.problems.append(f"statement {digest}: its SSH signature does not hold")

    def ssh_signature_holds(self, statement: bytes, signature: bytes) -> bool:
        """Return whether a signature is by the key that it names; whose that is the allowed signers say."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "sig").write_bytes(signature)
            command = ["ssh-keygen", "-Y", "check-novalidate", "-n", NAMESPACE, "-s", "sig"]
            try:
                done = subprocess.run(command, cwd=folder, input=statement, capture_output=True, check=False)
            except OSError:
                if not any("ssh-keygen" in note for note in self.notes):
                    self.notes.append("Install ssh-keygen (OpenSSH) to check the signatures of people.")
                return True
            return done.returncode == 0


def check_pack(path: str, key: str | None, anchors: list[str]) -> dict[str, Any]:
    """Check the evidence pack at ``path``; ``key`` is a public key, a file that holds it, or a fingerprint."""
    wanted = key if key and re.fullmatch("sha256:[0-9a-f]{64}", key) else None
    trusted = verify.read_keys(key) if key and not wanted else []
    return Pack(path, trusted, wanted, [verify.open_place(anchor) for anchor in anchors]).check()


# --- running it -------------------------------------------------------------------------------------------------


def show(line: str) -> None:
    """Print one line, whatever was made part of it."""
    sys.stdout.write(f"{verify.escaped(line)}\n")


def show_pack(result: dict[str, Any]) -> None:
    """Print what was found about a pack."""
    for problem in result["problems"]:
        show(problem)
    for environment, log in result["logs"].items():
        show(f"log of {environment}: {log['entries']} entries under a checkpoint of {log['checkpoint']}")
    for note in result["notes"]:
        show(f"note: {note}")
    if not result["ok"]:
        show("DAMAGED: this is not the evidence that was signed")
        return
    show(f"INTACT: {result['model']} version {result['version']}, {result['model_digest']}")
    known = "signed by the key you gave" if result["established"] else "AUTHENTICITY NOT ESTABLISHED, give --key"
    show(f"{known}: {result['signer']}")


def main(arguments: list[str] | None = None) -> int:
    """Run as a program; the exit status."""
    parser = argparse.ArgumentParser(description="Check an evidence pack.")
    parser.add_argument("pack", help="the evidence pack (zip)")
    parser.add_argument("--key", help="public key, a file that holds it, or its fingerprint")
    parser.add_argument("--anchor", action="append", default=[], help="folder or zip of checkpoints kept elsewhere")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        if not is_pack(options.pack):
            raise verify.CannotCheckError(f"{options.pack} is no evidence pack; verify.py checks logs")
        result = check_pack(options.pack, options.key, options.anchor)
    except (verify.CannotCheckError, OSError) as error:
        sys.stderr.write(f"verify_pack.py: {verify.escaped(str(error))}\n")
        return 2
    if options.json:
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
    else:
        show_pack(result)
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
