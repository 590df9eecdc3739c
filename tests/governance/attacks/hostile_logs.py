"""Makes logs, exports, extracts and evidence packs as somebody who means harm would, each from its number alone."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from governance.audit.anchors import ReadOnlyAnchor
from governance.audit.archive import Archive
from governance.audit.canonical import canonical
from governance.audit.checkpoint import sign_note
from governance.audit.entry import Draft
from governance.audit.export import export_extract, export_log
from governance.audit.layout import checkpoint_key, entry_key, leaves_key
from governance.audit.merkle import Tree, leaf_hash
from governance.audit.signer import FileSigner
from governance.audit.store import LocalStore
from governance.evidence_pack.seal import sealed
from tests.governance.audit.conftest import ORIGIN, Place, event

Files = dict[str, bytes]
BATCHES = (1, 3, 2, 1)
ENTRIES = sum(BATCHES)
KINDS = ("log", "export", "extract", "pack")
TIME = "2026-11-24T22:00:00.000000Z"

NAMES = (
    *("entries/0000000/000000000٣", "entries/0000000/0000000003\nINTACT: 9 entries", "entries/0000000/\x1b[2J"),
    *(
        "entries/0000000/0000000003b",
        "entries/0000001/0000000003",
        "entries/0000000/00000000003",
        "entries/\u0660\u0660\u0660\u0660\u0660\u0660\u0660/x",
    ),
    *(
        "checkpoints/0000000/\u0660",
        "checkpoints/0000000/0000000000",
        "leaves/0000000/0000000000",
        "entries",
        "Entries/x",
    ),
    *("leaves/0000000/000000000\u0663", "leaves/9999999/9999999999", "checkpoints/9999999/9999999999", "README", "é"),
)
CLIMBING = (
    "../x",
    "/etc/x",
    "entries/../entries/0000000/0000000001",
    "entries//x",
    "C:\\x",
    "entries\\0000000",
    "a\0b",
)
NUMBERS = (
    *(
        b"1e400",
        b"Infinity",
        b"-Infinity",
        b"NaN",
        b"-1",
        b"-0",
        b"true",
        b"null",
        b"1.0",
        b"1e0",
        b"00",
        b"+1",
        b"1_0",
    ),
    *(
        "٣".encode(),
        b'"3"',
        b"[]",
        b"{}",
        b"9" * 5000,
        b"99999999999",
        b"9007199254740993",
        b"0",
        b"1",
        b"2",
        b"7",
        b"",
    ),
)
JUNK = (
    b"\xff",
    b"\x00",
    b"\n",
    b"\r\n",
    b"\n\n",
    b" ",
    "\u2028".encode(),
    "é".encode(),
    b'"',
    b"{",
    b"]",
    b"\xed\xa0\x80",
)
LINES = (
    "— é AAAA\n",
    "— x é\n",
    "— x AAAAB\n",
    "- x AAAA\n",
    "—  AAAA\n",
    "— x AAA=\n",
    "\n",
    "— x\u00a0AAAA\n",
    "— \n",
)
ODD = (None, True, -1, 1.5, "", "٣", [], {}, ["00"], ["0" * 64], ["A" * 64], ["٣" * 64], [1], [[]], "0" * 64, 10**12)


@dataclass(frozen=True)
class Originals:
    """Honest files of each kind, and the keys that signed them."""

    files: dict[str, Files]
    signer: FileSigner
    public: Path
    tree: Tree


def make_originals(folder: Path) -> Originals:
    """Write an honest log and what is handed out of it below ``folder``."""
    place = Place(folder)
    log = place.fill(BATCHES)
    export_log(log, folder / "export.zip")
    export_extract(log, [1, 2, ENTRIES - 2], folder / "extract.zip")
    files = {"log": read_files(LocalStore(place.log_folder)), "anchor": read_files(LocalStore(place.anchor_folder))}
    for kind in ("export", "extract"):
        files[kind] = read_files(Archive(folder / f"{kind}.zip"))
    signer = FileSigner.load(place.key, ORIGIN)
    tree = log.tree()
    older = {str(size): [node.hex() for node in tree.consistency_proof(size)] for size in (1, 4)}
    about = {"environments": ["dev"], "model": "m", "model_digest": "sha256:" + "0" * 64, "version": "1"}
    inner = {name: data for name, data in files["extract"].items() if name != "verify.py"}
    inner |= {f"anchors/{checkpoint_key(size)}": files["log"][checkpoint_key(size)] for size in (1, 4)}
    inner["consistency.json"] = canonical(older)
    files["pack"] = {f"logs/dev/{name}": data for name, data in inner.items()} | {"pack.json": canonical(about)}
    return Originals(files, signer, place.key.with_suffix(".pub"), tree)


def read_files(store: LocalStore | Archive) -> Files:
    """Every object of ``store``."""
    return {key: store.read(key) or b"" for key in store.list("")}


@dataclass(frozen=True)
class Case:
    """One hostile thing on disk."""

    kind: str
    path: Path
    anchor: Path | None


def write_case(originals: Originals, number: int, folder: Path, seed: str = "") -> Case:
    """Write hostile case ``number`` below ``folder``, which is emptied first."""
    random = Random(f"{seed}{number}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kind = KINDS[number % len(KINDS)]
    files = dict(originals.files[kind])
    for _ in range(random.choice((0, 1, 1, 1, 1, 2, 3))):
        random.choice(MUTATORS)(files, random, originals)
    anchor = folder / "anchor" if random.random() < 0.3 and kind != "pack" else None
    if anchor is not None:
        kept = dict(originals.files["anchor"])
        if random.random() < 0.5:
            random.choice(MUTATORS)(kept, random, originals)
        write_folder(kept, anchor)
    path = folder / kind
    if kind == "log":
        write_folder(files, path)
        return Case(kind, path, anchor)
    # A pack is sealed with the right key: what is inside must hold by itself.
    data = sealed(files, originals.signer) if kind == "pack" else zipped(files, random)
    if random.random() < 0.1:
        data = spoilt(data, random)
    path.write_bytes(data)
    return Case(kind, path, anchor)


def write_folder(files: Files, folder: Path) -> None:
    """Write those of ``files`` that a folder can hold, and nothing outside it."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        if ".." in name or name.startswith("/") or "\0" in name:
            continue
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue


def zipped(files: Files, random: Random) -> bytes:
    """A zip file of ``files``, at times with a name twice."""
    members = list(files.items())
    if random.random() < 0.1:
        name, data = random.choice(members)
        members.append((name, random.choice((data, spoilt(data, random)))))
    with io.BytesIO() as out, warnings.catch_warnings(action="ignore"):
        with zipfile.ZipFile(out, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            for name, data in members:
                archive.writestr(zipfile.ZipInfo(name), data, archive.compression, 1)
        return out.getvalue()


def spoilt(data: bytes, random: Random) -> bytes:
    """``data`` with a few bytes changed, cut out or put in."""
    start = random.randrange(len(data) + 1)
    end = min(len(data), start + random.choice((0, 1, 1, 1, 4, 40)))
    changed = bytes(byte ^ 1 << random.randrange(8) for byte in data[start:end])
    return data[:start] + random.choice((changed, changed, b"", *JUNK)) + data[end:]


def _spoil(files: Files, random: Random, _: Originals) -> None:
    name = random.choice(list(files))
    files[name] = spoilt(files[name], random)


def _delete(files: Files, random: Random, _: Originals) -> None:
    if len(files) > 1:
        del files[random.choice(list(files))]


def _rename(files: Files, random: Random, _: Originals) -> None:
    name = random.choice(list(files))
    prefix = "logs/dev/" if name.startswith("logs/") else ""
    other = prefix + random.choice((*NAMES, *NAMES, *CLIMBING))
    files[other] = files.pop(name) if random.random() < 0.3 else files[name]


def _swap(files: Files, random: Random, _: Originals) -> None:
    one, other = random.choice(list(files)), random.choice(list(files))
    files[one], files[other] = files[other], files[one]


def _respell_a_number(files: Files, random: Random, _: Originals) -> None:
    name = random.choice(list(files))
    found = list(re.finditer(rb"[0-9]+", files[name]))
    if found:
        start, end = random.choice(found).span()
        files[name] = files[name][:start] + random.choice(NUMBERS) + files[name][end:]


def _respell_all(files: Files, random: Random, _: Originals) -> None:
    name = random.choice(list(files))
    text = files[name].decode(errors="replace")
    files[name] = random.choice(
        (
            lambda: text.encode("utf-16"),
            lambda: b"\xef\xbb\xbf" + files[name],
            lambda: text.upper().encode(),
            lambda: text.replace(":", ": ").encode(),
            lambda: text.replace("\n", "\r\n").encode(),
            lambda: files[name] + b"\n",
            lambda: re.sub(
                "[0-9]", lambda digit: chr(0x660 + int(digit[0])), text, count=random.randrange(1, 9)
            ).encode(),
            lambda: b"[" * 100_000,
            lambda: b'{"size":' * 3000 + b"1" + b"}" * 3000,
            lambda: b"",
        )
    )()


def _change_json(files: Files, random: Random, _: Originals) -> None:
    """Put something odd into JSON that is canonical still: no spelling gives it away."""
    name = random.choice([name for name in files if name.endswith(".json") or "leaves/" in name] or list(files))
    try:
        value = json.loads(files[name])
        keys = [*value, "more", "٣", "02"]
        inner = value.get("proofs", {}) if random.random() < 0.5 else value
        inner[random.choice([*inner, *keys])] = random.choice(ODD)
        if random.random() < 0.2:
            del inner[random.choice(list(inner))]
        files[name] = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    except (ValueError, AttributeError, TypeError, RecursionError):
        files[name] = b"{}"


def _sign_a_checkpoint(files: Files, random: Random, originals: Originals) -> None:
    """Whoever holds the log's key signs what no log signs."""
    size = random.randrange(ENTRIES + 2)
    root = base64.b64encode(originals.tree.root(min(size, ENTRIES))).decode()
    spelt = random.choice(
        (str(size), str(size), str(size), f"+{size}", f"0{size}", chr(0x660 + size), "1_0", "9" * 5000)
    )
    body = random.choice(
        ("{o}\n{n}\n{r}\n",) * 3 + ("{o}\n{n}\n{r}\nmore\n", "{o}\n{n}\n", "\n\n{o}\n{n}\n{r}\n", "{o}\n{n}\né\n")
    )
    note = sign_note(body.format(o=ORIGIN, n=spelt, r=root), originals.signer)
    prefix = "logs/dev/" if "pack.json" in files else ""
    files[prefix + checkpoint_key(random.choice((size, size, ENTRIES)))] = note


def _add_a_signature(files: Files, random: Random, _: Originals) -> None:
    names = [name for name in files if "checkpoints/" in name]
    if names:
        name = random.choice(names)
        line = random.choice(LINES).encode()
        head, mark, tail = files[name].rpartition(b"\n\n")
        files[name] = random.choice((files[name] + line, head + mark + line + tail, tail, line + files[name]))


def _sign_an_entry(files: Files, random: Random, originals: Originals) -> None:
    sequence = random.randrange(ENTRIES + 2)
    data = Draft(event(66)).encode(random.choice((sequence, sequence, 0, 10**11)), TIME, originals.signer, ORIGIN)
    if random.random() < 0.3:
        data = re.sub(rb'"schema":1', b'"schema":' + random.choice((b"1" * 300, b"01", b"", "٣".encode(), b"-1")), data)
    prefix = "logs/dev/" if "pack.json" in files else ""
    files[prefix + entry_key(sequence)] = data


def _cut_off(files: Files, random: Random, _: Originals) -> None:
    """Leave a log as a crash, or somebody with a plan, does: its end without checkpoints, or no end."""
    size = random.randrange(ENTRIES + 1)
    for n in range(size, ENTRIES + 1):
        for key in random.choice(((checkpoint_key(n), leaves_key(n)), (entry_key(n),), (leaves_key(n),))):
            files.pop(key, None)
    if not files:
        files["entries/x"] = b""


def _lie_about_leaves(files: Files, random: Random, originals: Originals) -> None:
    size, start = random.randrange(ENTRIES + 2), random.randrange(-1, ENTRIES)
    hashes = [leaf_hash(files.get(entry_key(n), b"")).hex() for n in range(max(start, 0), size)]
    edge = [originals.tree.root(1).hex()] * (start.bit_count() if random.random() < 0.8 else 0)
    if hashes and random.random() < 0.3:
        hashes[-1] = random.choice(("00", "AA" * 32, "0" * 64, "٣" * 64, " " + hashes[-1], hashes[-1] + "\n"))
    value = {"edge": edge, "leaves": hashes, "start": start}
    files[leaves_key(size)] = json.dumps(value, separators=(",", ":")).encode()


MUTATORS: tuple[Callable[[Files, Random, Originals], None], ...] = (
    _spoil,
    _delete,
    _rename,
    _swap,
    _respell_a_number,
    _respell_all,
    _change_json,
    _sign_a_checkpoint,
    _add_a_signature,
    _sign_an_entry,
    _cut_off,
    _lie_about_leaves,
)


def anchors_of(case: Case) -> list[ReadOnlyAnchor]:
    """The anchors of a case, as the platform reads them."""
    return [ReadOnlyAnchor(LocalStore(case.anchor))] if case.anchor else []
