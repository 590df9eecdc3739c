"""A model's files in an artifact store, with the signature that is kept beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.stack import StackComponent

from governance.core.errors import RefusedError
from governance.core.store_files import create_once, path_in
from governance.signing.models import ModelUnsignedError, verify_model
from pipelines.digests import folder_digest
from pipelines.local_paths import UnsafeNameError, local_paths

if TYPE_CHECKING:
    from zenml.artifact_stores import BaseArtifactStore
    from zenml.models import ArtifactVersionResponse


class ReleaseError(RefusedError):
    """A release cannot be made or is not what was promoted."""


@dataclass(frozen=True)
class ModelFiles:
    """Where a model's folder is, and what it must be."""

    store: BaseArtifactStore
    uri: str
    model: str
    digest: str
    """SHA-256 over the folder's files, as training recorded it."""
    what: str
    """The model, for messages."""

    @contextmanager
    def checked_copy(self) -> Iterator[Path]:
        """Yield a local copy whose digest is the recorded one. Nothing in it has been interpreted.

        Raises:
            ReleaseError: files are missing or were altered.
        """
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"  # the name is part of what is signed
            try:
                _download(self.store, self.uri, folder)
                found = folder_digest(folder)
            except (FileNotFoundError, ValueError, UnsafeNameError) as error:
                raise ReleaseError(f"{self.what} at {self.uri} is gone or damaged: {error}.") from error
            if found != self.digest:
                raise ReleaseError(
                    f"{self.what} at {self.uri} was altered after training: its files have digest {found}, training "
                    f"recorded {self.digest}. It is not used; find out who wrote there, then train again."
                )
            yield folder

    @contextmanager
    def verified_copy(self, trusted: Sequence[str]) -> Iterator[Path]:
        """Yield a copy as :meth:`checked_copy` does, once a trusted key's signature over exactly these files holds too.

        Raises:
            ReleaseError: files are missing or were altered.
            ModelUnsignedError: there is no signature.
            ModelForgedError: the signature is by no trusted key, or over other files.
        """
        with self.checked_copy() as folder:
            signature = self.signature()
            if signature is None:
                raise ModelUnsignedError(
                    f"{self.what} is unsigned. A model is signed when its governed training has ended well; where the "
                    f"orchestrator does not wait for that, run `make sign MODEL={self.model}` afterwards."
                )
            verify_model(folder, signature, trusted, self.what)
            yield folder

    def signature(self) -> bytes | None:
        """Return the signature that is kept in the same store, if there is one."""
        path = self._signature_path
        if not self.store.exists(path):
            return None
        with self.store.open(path, "rb") as file:
            return bytes(file.read())

    def keep_signature(self, signature: bytes) -> bool:
        """Keep ``signature`` unless there is one already; whether this call did."""
        return create_once(self.store, self._signature_path, signature)

    def copy_to(self, store: BaseArtifactStore, uri: str, trusted: Sequence[str]) -> ModelFiles:
        """Write the files and their signature to ``uri`` in ``store``, once both are verified; errors as those."""
        copy = ModelFiles(store, uri, self.model, self.digest, self.what)
        with self.verified_copy(trusted) as folder:
            signature = self.signature()
            assert signature is not None, "it was verified"
            if store.exists(uri):
                store.rmtree(uri)
            _upload(folder, store, uri)
            copy.keep_signature(signature)
        return copy

    @property
    def _signature_path(self) -> str:
        # By digest, so that it finds any copy of the same files; and outside their folder, which the digest covers.
        return path_in(self.store, "signatures", self.model, f"{self.digest}.sigstore.json")


def store_of(artifact: ArtifactVersionResponse) -> BaseArtifactStore:
    """Return the artifact store that holds ``artifact``."""
    component = Client().get_stack_component(StackComponentType.ARTIFACT_STORE, artifact.artifact_store_id)
    return cast("BaseArtifactStore", StackComponent.from_model(component))


def _download(store: BaseArtifactStore, uri: str, folder: Path) -> None:
    """Copy what is at ``uri`` into ``folder``. Whoever writes to the store chooses the names.

    Raises:
        UnsafeNameError: one leads out of ``folder``, or is a link.
    """
    for directory, folders, files in store.walk(uri):
        inside = str(directory).removeprefix(uri).strip("/")
        copies = local_paths(folder / inside, map(str, (*folders, *files)))
        if "://" not in uri:
            local_paths(Path(uri, inside), copies)  # of a local store the links are refused as well
        (folder / inside).mkdir(parents=True, exist_ok=True)
        for name in map(str, files):
            with store.open(f"{str(directory).rstrip('/')}/{name}", "rb") as source:
                copies[name].write_bytes(source.read())


def _upload(folder: Path, store: BaseArtifactStore, uri: str) -> None:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        destination = f"{uri}/{file.relative_to(folder).as_posix()}"
        store.makedirs(destination.rsplit("/", 1)[0])
        with store.open(destination, "wb") as out:
            out.write(file.read_bytes())
