"""Models in ONNX: for whatever can be exported, such as networks of PyTorch and TensorFlow, and is no estimator.

A file is read as ONNX's protocol buffers say before ONNX Runtime sees it. It may hold standard operators and functions
made of them, and all of its numbers: operators of other libraries and data in other files are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.errors import ModelTamperedError, ModelUntrustedError, PipelineError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ONNX_FILE: Final = "model.onnx"
CLASSES_FILE: Final = "classes.json"

_DOMAINS: Final = (b"", b"ai.onnx", b"ai.onnx.ml")
"""Of the operators that ONNX itself defines."""

# Which field of a message holds which message: the parts of onnx.proto3 that hold nodes and tensors.
_INSIDE: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_DTYPES: Final = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(int64)": "int64"}


class OnnxModelError(PipelineError):
    """An ONNX model does not take the config's columns or gives no predictions of its task; the message says why."""


class OnnxModel:
    """A model in ONNX, which predicts like a fitted estimator of scikit-learn.

    It takes one matrix of numbers, with the input columns in the config's order, or an input for each column, by the
    column's name. A classifier puts out probabilities, of shape ``(rows, classes)`` or, of the second of two classes,
    ``(rows,)`` or ``(rows, 1)``; a regressor puts out values.

    Args:
        model: The model: its bytes, a file's path, or an ``onnx.ModelProto``.
        classes: The labels, in the order of the probabilities; None for regression.

    Raises:
        ModelUntrustedError: it is not ONNX, or holds more than standard operators and its own numbers.
    """

    def __init__(self, model: bytes | Path | Any, classes: Sequence[int] | None = (0, 1)) -> None:
        if isinstance(model, Path):
            model = model.read_bytes()
        self.content: bytes = model if isinstance(model, bytes) else model.SerializeToString()
        check_onnx(self.content, "the ONNX model")
        if classes is not None:
            self.classes_ = list(classes)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the probability of each class, as float64 of shape ``(rows, classes)``.

        Raises:
            OnnxModelError: the model does not take these columns, or gives no probabilities of these classes.
        """
        import numpy as np

        found = self._run(frame).reshape(len(frame), -1)
        if found.shape[1] == 1 and len(self.classes_) == 2:
            found = np.hstack([1 - found, found])
        if found.shape[1] != len(self.classes_):
            raise OnnxModelError(
                f"the ONNX model gives {found.shape[1]} values a row, and has {len(self.classes_)} classes"
            )
        if not (np.all(found >= 0) and np.allclose(found.sum(axis=1), 1, atol=1e-3)):
            raise OnnxModelError("the ONNX model gives no probabilities: end it with a sigmoid or softmax")
        return found

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the predicted values, as float64 of shape ``(rows,)``, or the likeliest classes; errors as above."""
        import numpy as np

        if hasattr(self, "classes_"):
            likeliest: np.ndarray = np.asarray(self.classes_)[self.predict_proba(frame).argmax(axis=1)]
            return likeliest
        found = self._run(frame)
        if found.size != len(frame):
            raise OnnxModelError(f"the ONNX model gives {found.shape} values for {len(frame)} rows")
        return found.reshape(len(frame))

    @property
    def producer(self) -> str:
        """What exported it, as the file says."""
        return str(self._session.get_modelmeta().producer_name)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            return onnxruntime.InferenceSession(self.content, options, providers=["CPUExecutionProvider"])
        except onnxruntime.capi.onnxruntime_pybind11_state.OrtException as error:
            raise OnnxModelError(f"ONNX Runtime cannot read the model: {error}") from error

    def _run(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the model's last output of floating-point numbers for ``frame``, as float64."""
        import numpy as np

        outputs = self._session.get_outputs()
        numbers = [output.name for output in outputs if output.type in ("tensor(float)", "tensor(double)")]
        if not numbers:
            kinds = ", ".join(f"{output.name} {output.type}" for output in outputs)
            raise OnnxModelError(
                f"the ONNX model puts out no tensor of numbers but {kinds}; of skl2onnx, ask zipmap=False"
            )
        (values,) = self._session.run(numbers[-1:], self._inputs(frame))
        return np.asarray(values, dtype="float64")

    def _inputs(self, frame: pd.DataFrame) -> dict[str, np.ndarray]:
        taken = self._session.get_inputs()
        by_name = {column: frame[column] for column in frame.columns}
        if len(taken) == 1 and taken[0].name not in by_name:
            text = [column for column in frame.columns if frame[column].dtype.kind not in "biuf"]
            if text or taken[0].type not in _DTYPES:
                column = (text or list(frame.columns))[0]
                raise OnnxModelError(
                    f"the ONNX model takes one {taken[0].type}, and column {column!r} is no such number: export an "
                    "input for each column, by its name"
                )
            return {taken[0].name: frame.to_numpy(dtype=_DTYPES[taken[0].type])}
        unknown = [one.name for one in taken if one.name not in by_name]
        if unknown:
            raise OnnxModelError(
                f"the ONNX model takes {', '.join(map(repr, unknown))}; the columns are {', '.join(map(repr, by_name))}"
            )
        return {
            one.name: by_name[one.name].to_numpy(dtype=_DTYPES.get(one.type, object)).reshape((-1, 1)[: len(one.shape)])
            for one in taken
        }


def onnx_files(model: OnnxModel) -> dict[str, bytes]:
    """Return ``model`` as files, content by name."""
    return {ONNX_FILE: model.content, CLASSES_FILE: json.dumps(getattr(model, "classes_", None)).encode()}


def read_onnx(contents: Mapping[str, bytes]) -> OnnxModel:
    """Return the model that :func:`onnx_files` wrote.

    Raises:
        ModelTamperedError: a file is missing.
        ModelUntrustedError: it is not ONNX, or holds more than standard operators and its own numbers.
    """
    if CLASSES_FILE not in contents:
        raise ModelTamperedError(f"the folder of an ONNX model holds no {CLASSES_FILE}")
    return OnnxModel(contents[ONNX_FILE], json.loads(contents[CLASSES_FILE]))


def check_onnx(content: bytes, where: str) -> None:
    """Check that a file is ONNX, all of it in itself, and made of standard operators. Nothing of it is run.

    Raises:
        ModelUntrustedError: it is not; the message says what it holds.
    """
    try:
        messages = list(_messages("model", memoryview(content)))
    except (ValueError, IndexError) as error:
        raise ModelUntrustedError(f"{where} is not in ONNX's format: {error}") from error
    if not any(kind == "graph" for kind, _ in messages):
        raise ModelUntrustedError(f"{where} is not in ONNX's format: it holds no graph")
    functions = {(_text(fields, 10), _text(fields, 1)) for kind, fields in messages if kind == "function"}
    for kind, fields in messages:
        if kind == "training":
            raise ModelUntrustedError(f"{where} holds training information, which no model needs")
        if kind == "tensor" and (fields.get(13) or any(fields.get(14, []))):
            raise ModelUntrustedError(f"{where} keeps numbers in another file; export it with all of its data inside")
        domain, operator = _text(fields, 7), _text(fields, 4)
        if kind == "node" and domain not in _DOMAINS and (domain, operator) not in functions:
            name = f"{domain.decode(errors='replace')}.{operator.decode(errors='replace')}"
            raise ModelUntrustedError(f"{where} holds the operator {name}, which is none of ONNX's own")


def _messages(kind: str, content: memoryview, depth: int = 0) -> Iterator[tuple[str, dict[int, list[Any]]]]:
    """Yield the message and every one inside it that can hold nodes or tensors: its kind, and values by field."""
    if depth > 60:
        raise ValueError("it is nested too deeply")
    fields: dict[int, list[Any]] = {}
    for number, value in _fields(content):
        inside = _INSIDE.get(kind, {}).get(number)
        if inside is None:
            fields.setdefault(number, []).append(value)
        elif isinstance(value, memoryview):
            yield from _messages(inside, value, depth + 1)
        else:
            raise ValueError(f"field {number} of a {kind} is no message")
    yield kind, fields


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field of a message in the wire format of protocol buffers."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, place = _varint(content, place)
            yield number, value
            continue
        length, place = (8, place) if wire == 1 else (4, place) if wire == 5 else _varint(content, place)
        if wire not in (1, 2, 5) or not number or place + length > len(content):
            raise ValueError(f"no field of a message is at byte {place}")
        yield number, content[place : place + length]
        place += length


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError(f"no number is at byte {place}")


def _text(fields: Mapping[int, list[Any]], number: int) -> bytes:
    """Return the last value of a field that is text, as a reader of protocol buffers would."""
    return next((bytes(value) for value in reversed(fields.get(number, [])) if isinstance(value, memoryview)), b"")
