"""How ZenML stores models and features: as the folders of ``model.py``, on any artifact store.

When it is saved, an artifact's folder digest is given to ZenML as its content hash and, for models, as metadata
``digest``. Both are in ZenML's database and not in the folder, so what a later step loads is checked against a value
that whoever can write to the artifact store cannot change along with it.
"""

from abc import abstractmethod
from pathlib import Path
from shutil import copyfileobj
from typing import Any, ClassVar, Final

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from pipelines.local_paths import local_paths
from pipelines.model import ModelTamperedError, TrainedModel, read_model, read_transformer, save_model, save_transformer
from pipelines.onnx_models import OnnxModel
from pipelines.plain_models import from_this_run, returned_estimator

ESTIMATORS: Final = (ClassifierMixin, RegressorMixin, BaseEstimator)
"""What a step that takes or returns a model in plain Python names as its type."""


class FolderMaterializer(BaseMaterializer):
    """Stores something as a flat folder with a digest."""

    SKIP_REGISTRATION: ClassVar[bool] = True

    _digest: str | None = None

    @abstractmethod
    def write_folder(self, data: Any, folder: Path) -> str:
        """Write ``data`` into a local folder and return its digest."""

    @abstractmethod
    def read_folder(self, folder: Path, digest: str) -> Any:
        """Read from a local folder that must have the digest."""

    def save(self, data: Any) -> None:
        """Write to a local folder and copy its files to the artifact store."""
        with self.get_temporary_directory(delete_at_exit=True) as temporary:
            self._digest = self.write_folder(data, Path(temporary))
            for file in sorted(Path(temporary).iterdir()):
                with file.open("rb") as source, self.artifact_store.open(f"{self.uri}/{file.name}", "wb") as target:
                    copyfileobj(source, target)

    def load(self, data_type: type[Any]) -> Any:  # noqa: ARG002
        """Copy the artifact's files to a local folder, check their digest and read them.

        Raises:
            ModelTamperedError: the digest is not the one in ZenML's database, or there is none.
            UnsafeNameError: a file's name could lead out of the folder.
        """
        if self.expected_content_hash is None:
            raise ModelTamperedError(f"{self.uri}: ZenML has no digest of it, so it cannot be checked")
        with self.get_temporary_directory(delete_at_exit=True) as temporary:
            for name, copy in local_paths(Path(temporary), map(str, self.artifact_store.listdir(self.uri))).items():
                with self.artifact_store.open(f"{self.uri}/{name}", "rb") as source, copy.open("wb") as target:
                    copyfileobj(source, target)
            return self.read_folder(Path(temporary), self.expected_content_hash)

    def compute_content_hash(self, data: Any) -> str | None:  # noqa: ARG002
        """Return the digest of the folder that was saved."""
        return self._digest


class TrainedModelMaterializer(FolderMaterializer):
    """Stores a :class:`TrainedModel`; a fitted estimator or a model in ONNX is made into one first.

    It is read back as a :class:`TrainedModel`, or as the estimator where a step asks for one of :data:`ESTIMATORS`.
    """

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (TrainedModel, OnnxModel, *ESTIMATORS)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.MODEL

    _stored: TrainedModel | None = None

    def write_folder(self, data: Any, folder: Path) -> str:
        """Write the model.

        Raises:
            PlainModelError: an estimator cannot be the model of the run's config.
        """
        self._stored = data if isinstance(data, TrainedModel) else from_this_run(data)
        return save_model(self._stored, folder)

    def read_folder(self, folder: Path, digest: str) -> TrainedModel:
        """Read the model."""
        return read_model(folder, digest)

    def load(self, data_type: type[Any]) -> Any:
        """Read the model, as what the step asks for; raises as :meth:`FolderMaterializer.load` does."""
        model = super().load(data_type)
        return returned_estimator(model) if data_type in ESTIMATORS else model

    def extract_metadata(self, data: Any) -> dict[str, MetadataType]:  # noqa: ARG002
        """Return the digest, and what the model means."""
        assert self._digest is not None
        assert self._stored is not None
        signature = self._stored.signature
        threshold = signature.decision_threshold
        return {
            **({} if threshold is None else {"decision_threshold": threshold}),
            "digest": self._digest,
            "training_data_digest": signature.training_data_digest,
            "training_rows": signature.training_rows,
            "task": signature.task,
            "meaning": signature.label.meaning,
        }


class FeaturesMaterializer(FolderMaterializer):
    """Stores a fitted feature transformer, without pickle."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (BaseEstimator,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.MODEL

    def write_folder(self, data: BaseEstimator, folder: Path) -> str:
        """Write the transformer."""
        return save_transformer(data, folder)

    def read_folder(self, folder: Path, digest: str) -> BaseEstimator:
        """Read the transformer."""
        return read_transformer(folder, digest)
