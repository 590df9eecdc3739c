"""Second places for checkpoints, which the log's own writer cannot change.

A log proves that nothing in it was altered, but not that nothing was cut off its end: that takes a checkpoint kept
elsewhere. Any store will do (another bucket, another account, a folder), or signed tags of a git repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from environments.git import GitError, run_git
from governance.audit.errors import StoreError
from governance.audit.layout import CHECKPOINTS, checkpoint_key, number_of
from governance.audit.store import Object, Readable, Store


class CheckpointSource(Protocol):
    """A place whose checkpoints can be read."""

    @property
    def place(self) -> str:
        """Where this is, for messages."""

    def sizes(self, after: int = -1) -> Iterator[int]:
        """Return the sizes larger than ``after`` for which there is a checkpoint, in order."""

    def read(self, size: int) -> bytes | None:
        """Read the checkpoint for ``size``."""


class Anchor(CheckpointSource, Protocol):
    """A place that keeps checkpoints."""

    def publish(self, size: int, note: bytes) -> bool:
        """Keep ``note``; whether the place now holds exactly it for this size.

        Raises:
            StoreError: the place refused or did not answer.
        """


class ReadOnlyAnchor:
    """Checkpoints under the same keys as in the log, for whoever only verifies."""

    def __init__(self, store: Readable) -> None:
        self._readable = store

    @property
    def place(self) -> str:
        """The store's place."""
        return self._readable.place

    def sizes(self, after: int = -1) -> Iterator[int]:
        """See :meth:`CheckpointSource.sizes`."""
        for key in self._readable.list(CHECKPOINTS, after=checkpoint_key(after) if after >= 0 else ""):
            size = number_of(key)
            if size is not None:
                yield size

    def read(self, size: int) -> bytes | None:
        """See :meth:`CheckpointSource.read`."""
        return self._readable.read(checkpoint_key(size))


class StoreAnchor(ReadOnlyAnchor):
    """Checkpoints in a store of their own."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._store = store

    def publish(self, size: int, note: bytes) -> bool:
        """See :meth:`Anchor.publish`."""
        return self._store.create_if_absent(Object(checkpoint_key(size), note))


_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")


class GitTagAnchor:
    """Annotated tags ``<prefix>/<size>`` whose message is the checkpoint, signed by git as well if asked.

    Git refuses to move a tag, and everybody who fetches keeps a copy. Pushing is left to whoever runs this, since
    only they know the remote that the log's writer cannot rewrite.
    """

    def __init__(self, repository: Path, prefix: str, *, sign: bool = False) -> None:
        if not _PLAIN.fullmatch(prefix):
            raise StoreError(f"{prefix!r} cannot lead the name of a tag.")
        self._repository = repository
        self._prefix = prefix
        self._sign = sign

    @property
    def place(self) -> str:
        """The repository and the tags' prefix."""
        return f"tags {self._prefix}/* of {self._repository}"

    def publish(self, size: int, note: bytes) -> bool:
        """See :meth:`Anchor.publish`."""
        kept = self.read(size)
        if kept is not None:
            return kept == note
        kind = "--sign" if self._sign else "--annotate"
        # The empty tree is an object that every repository can have, so that the tag depends on no branch.
        tree = self._git("hash-object", "-t", "tree", "-w", "--stdin").strip().decode()
        self._git("tag", kind, "--cleanup=verbatim", "--file=-", f"{self._prefix}/{size}", tree, given=note)
        return True

    def sizes(self, after: int = -1) -> Iterator[int]:
        """See :meth:`CheckpointSource.sizes`."""
        names = self._git("for-each-ref", "--format=%(refname:lstrip=2)", f"refs/tags/{self._prefix}/").decode()
        tails = [name.removeprefix(f"{self._prefix}/") for name in names.splitlines()]
        yield from sorted(int(tail) for tail in tails if tail.isdecimal() and int(tail) > after)

    def read(self, size: int) -> bytes | None:
        """See :meth:`CheckpointSource.read`."""
        name = f"refs/tags/{self._prefix}/{size}"
        if not self._git("for-each-ref", "--format=%(refname)", name).strip():
            return None
        message = self._git("cat-file", "tag", name).partition(b"\n\n")[2]
        return re.split(rb"^-----BEGIN ", message, maxsplit=1, flags=re.MULTILINE)[0]

    def _git(self, *arguments: str, given: bytes = b"") -> bytes:
        try:
            said = run_git(self._repository, *arguments, stdin=given.decode(errors="surrogateescape"))
        except GitError as error:
            raise StoreError(str(error)) from error
        return said.encode(errors="surrogateescape")
