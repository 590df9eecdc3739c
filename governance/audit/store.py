"""Where a log is kept: create-only objects behind one conditional write."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from governance.audit.errors import StoreError
from governance.audit.events import RecordClass

Retention = Mapping[RecordClass, int]
"""Days that each class of record is kept."""


class Object(NamedTuple):
    """One object to write."""

    key: str
    data: bytes
    record_class: RecordClass = "documentation"


class Readable(Protocol):
    """Objects that can be read."""

    @property
    def place(self) -> str:
        """Where this is, for messages."""

    def read(self, key: str) -> bytes | None:
        """Read an object's bytes, None if there is none."""

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """List keys that start with ``prefix`` (a folder, with its slash) and sort after ``after``, in order."""


class Store(Readable, Protocol):
    """Objects that are created once and never changed. Nothing here deletes."""

    def create_if_absent(self, item: Object) -> bool:
        """Make the object durable unless its key is taken.

        Returns whether the key now holds exactly these bytes; an object that already did is as good as created,
        since a request that is repeated after a lost answer must not look like a lost race.

        Raises:
            StoreError: the store refused or did not answer; the object may or may not exist.
        """

    def create_in_order(self, items: Sequence[Object]) -> int:
        """Create ``items`` one after the other up to the first whose key is taken; returns how many hold."""


@runtime_checkable
class HoldsObjects(Protocol):
    """A store that can put objects under legal hold."""

    def set_legal_hold(self, key: str, *, on: bool) -> None:
        """Place or release the hold on one object."""


_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_DRAFTS = ".drafts"
_STALE_SECONDS = 24 * 3600
_SYNC_THREADS = 8
_OPEN_FILES = 128
"""Files that are open at once; some systems allow a process no more than 256."""


def check_key(key: str) -> str:
    """Return ``key`` itself if it is a plain relative path.

    Raises:
        StoreError: it could lead out of the store or mean something else elsewhere.
    """
    if not _KEY.fullmatch(key):
        raise StoreError(f"{key!r} is no key: use letters, digits, '-', '_', '.' and single slashes.")
    return key


class LocalStore:
    """A folder. Objects appear whole or not at all and survive a power cut once acknowledged.

    This is **not** write-once storage: whoever owns the folder can delete it. What it cannot do is hide that, see
    ``integrity.py`` and the anchors. Retention is not enforced here.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise StoreError(f"The folder {root} does not exist. It is made by: make apply")
        self._root = root
        self._drafts = root / _DRAFTS
        self._sweep()

    @property
    def place(self) -> str:
        """The folder."""
        return str(self._root)

    def create_if_absent(self, item: Object) -> bool:
        """See :meth:`Store.create_if_absent`."""
        return self.create_in_order([item]) == 1

    def create_in_order(self, items: Sequence[Object]) -> int:
        """See :meth:`Store.create_in_order`. The batch shares its waits for the disk.

        Every object's bytes are durable before its name appears, and names appear in order.
        """
        if not items:
            return 0
        # Strings, because a thousand Path objects a batch are felt.
        paths = [f"{self._root}/{check_key(item.key)}" for item in items]
        if os.path.exists(paths[0]):  # noqa: PTH110 - as above; a lost race should not cost a wait for the disk
            return self._held(paths[0], items[0])
        drafts: list[str] = []
        try:
            folders = dict.fromkeys(path.rpartition("/")[0] for path in paths)
            for folder in (self._drafts, *map(Path, folders)):
                self._folder(folder)
            for first in range(0, len(items), _OPEN_FILES):
                self._write_drafts(items[first : first + _OPEN_FILES], drafts)
            held = self._link(drafts, paths, items)
            for name in folders:
                _sync_folder(name)
        except OSError as error:
            raise StoreError(f"Writing below {self._root} failed: {error}") from error
        finally:
            for draft in drafts:
                os.unlink(draft)  # noqa: PTH108 - as above
        return held

    def read(self, key: str) -> bytes | None:
        """See :meth:`Readable.read`."""
        try:
            # A link or a device is an object with nothing in it, and a pipe would make its reader wait.
            descriptor = os.open(f"{self._root}/{key}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                return b""
            raise StoreError(f"Reading {key} below {self._root} failed: {error}") from error
        try:
            if not stat.S_ISREG(mode := os.fstat(descriptor).st_mode) and not stat.S_ISDIR(mode):
                return b""
            data = os.read(descriptor, 65536)
            while len(data) >= 65536 and (more := os.read(descriptor, 1 << 20)):
                data += more
        except OSError as error:
            raise StoreError(f"Reading {key} below {self._root} failed: {error}") from error
        finally:
            os.close(descriptor)
        return data

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """See :meth:`Readable.list`."""
        yield from _walk(str(self._root / prefix), prefix, after)

    def _write_drafts(self, items: Sequence[Object], drafts: MutableSequence[str]) -> None:
        """Make ``items`` durable under names of no meaning, which are added to ``drafts`` as they come to be."""
        batch = secrets.token_hex(8)
        descriptors = []
        try:
            for number, item in enumerate(items):
                draft = f"{self._drafts}/{batch}-{number}"
                descriptors.append(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444))
                drafts.append(draft)
                _write(descriptors[-1], item.data)
            _sync_all(descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _link(self, drafts: Sequence[str], paths: Sequence[str], items: Sequence[Object]) -> int:
        for position, (draft, path) in enumerate(zip(drafts, paths, strict=True)):
            try:
                os.link(draft, path)
            except FileExistsError:
                return position + self._held(path, items[position])
        return len(paths)

    def _held(self, path: str, item: Object) -> int:
        """Return 1 if ``path``, which is taken, holds the very bytes that were to be written."""
        same = Path(path).read_bytes() == item.data
        if same:  # whoever made it may have been stopped before its name was durable
            _sync_folder(path.rpartition("/")[0])
        return int(same)

    def _folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        for missing in reversed([f for f in (folder, *folder.parents) if f.is_relative_to(self._root)]):
            try:
                missing.mkdir()
            except FileExistsError:
                continue
            _sync_folder(missing.parent)

    def _sweep(self) -> None:
        """Remove drafts that processes killed long ago left behind."""
        if not self._drafts.is_dir():
            return
        for draft in self._drafts.iterdir():
            try:
                if time.time() - draft.stat().st_mtime > _STALE_SECONDS:
                    draft.unlink()
            except FileNotFoundError:
                continue


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_all(descriptors: Sequence[int]) -> None:
    """Wait until all are on disk. Several threads wait at once, so that the file system commits them together."""

    def sync(some: Sequence[int]) -> None:
        for descriptor in some:
            os.fsync(descriptor)

    waiting = min(_SYNC_THREADS, len(descriptors) // 4)
    if waiting < 2:
        sync(descriptors)
        return
    with ThreadPoolExecutor(waiting) as pool:
        list(pool.map(sync, [descriptors[first::waiting] for first in range(waiting)]))


def _sync_folder(folder: str | Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _walk(folder: str, prefix: str, after: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as found:
            # A folder sorts by its name with the slash, as its keys do.
            names = sorted(f"{e.name}/" if e.is_dir(follow_symlinks=False) else e.name for e in found)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        key = prefix + name
        if key == f"{_DRAFTS}/":
            continue
        if not name.endswith("/"):
            if key > after:
                yield key
        elif key > after or after.startswith(key):
            yield from _walk(f"{folder.rstrip('/')}/{name}", key, after)
