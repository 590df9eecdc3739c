"""What a model is made of: ``pipelines/configs/<model>.yaml``, read by one strict model.

Nothing heavy is imported here, so that a config can be checked without loading ZenML or scikit-learn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from pipelines.artifacts import LABEL
from pipelines.components import Estimator, PreprocessingStep
from pipelines.errors import PipelineError
from pipelines.sources.description import Source
from pipelines.strict import StrictModel

CONFIGS: Final = Path(__file__).resolve().parent / "configs"

PREDICTION_COLUMNS: Final = ("row", "risk_probability", "risk_flag", "model", "model_version", "run_id", "predicted_at")
"""Columns that batch inference writes beside the id; an id column cannot have one of these names."""

ColumnName = Annotated[str, Field(min_length=1)]

Task = Literal["binary", "multiclass", "regression"]
"""What a model predicts: a risk or none, one of several classes, or a number."""


class ConfigError(PipelineError):
    """A model's config is wrong; the message says which file, which key and what is allowed."""


class Strict(StrictModel, allow_inf_nan=False):
    """A part of a config, in which every number is finite."""


class Target(Strict):
    """The column to predict, and which of its values are a risk. Exactly one rule is given."""

    column: ColumnName
    meaning: Annotated[str, Field(min_length=1)] = Field(description="In words: what a risk of 1 says of a row.")
    risk_values: Annotated[tuple[bool | int | str, ...], Field(min_length=1)] | None = Field(
        default=None, description="These values are a risk; every other is none."
    )
    above: float | None = Field(default=None, description="Values above this number are a risk.")
    above_quantile: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="Values above this quantile are a risk. It is computed on the training rows, so that the held-out "
        "rows cannot inform it, and the resulting number is stored with the model.",
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Target:
        rules = {"risk_values": self.risk_values, "above": self.above, "above_quantile": self.above_quantile}
        given = [name for name, value in rules.items() if value is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(rules)} (found {', '.join(given) or 'none'})")
        return self


class Features(Strict):
    """The model's input columns, and what happens to values that are missing or new."""

    numeric: tuple[ColumnName, ...] = ()
    dates: tuple[ColumnName, ...] = Field(
        default=(),
        description="Dates and times. Each becomes a number: days since date_epoch, with a time as a fraction.",
    )
    date_epoch: date = Field(default=date(1970, 1, 1), description="The day that counts as 0, in UTC.")
    categorical: tuple[ColumnName, ...] = ()
    category_limit: Annotated[int, Field(ge=2)] = Field(
        default=1000,
        description="Different values that a categorical column may have; each usually becomes an input of its own.",
    )
    missing: Literal["impute", "refuse"] = Field(
        default="impute",
        description="impute: a missing number becomes the training median, a missing category the most frequent one. "
        "refuse: no value may be missing, in training or inference.",
    )
    unseen_categories: Literal["refuse", "ignore"] = Field(
        default="refuse",
        description="What inference does with a category that training did not see. ignore: score the row as having "
        "none of the known categories, and count it.",
    )
    preprocessing: tuple[PreprocessingStep, ...] | None = Field(
        default=None,
        description="What happens to the columns, one step after the other, instead of the usual imputation, scaling "
        "and one-hot coding. An empty list hands them to the estimator as they are.",
    )

    @model_validator(mode="after")
    def _distinct_columns(self) -> Features:
        if not self.columns:
            raise ValueError("name at least one numeric, date or categorical column")
        repeated = [name for name, count in Counter(self.columns).items() if count > 1]
        if repeated:
            raise ValueError(f"{', '.join(repeated)}: listed more than once")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """All input columns, numeric ones first."""
        return self.numbers + self.categorical

    @property
    def numbers(self) -> tuple[str, ...]:
        """The input columns that a model sees as numbers: numeric ones, and dates as days."""
        return self.numeric + self.dates


class SensitiveAttribute(Strict):
    """A column by whose groups fairness is judged."""

    column: ColumnName
    bands: tuple[float, ...] = Field(
        default=(),
        description="Of a number: edges between groups, in order; a value equal to an edge belongs to the group above. "
        "None given: two groups, divided at the median of the training rows.",
    )

    @field_validator("bands")
    @classmethod
    def _in_order(cls, bands: tuple[float, ...]) -> tuple[float, ...]:
        if list(bands) != sorted(set(bands)):
            raise ValueError("edges must rise, each given once")
        return bands


Range = Annotated[tuple[float, float], Field(description="Least and greatest value that can be right.")]


class Split(Strict):
    """How rows are divided. The same seed, share and data give the same rows, and the same model."""

    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=42, description="Seeds the estimator too.")


PipelinePath = Annotated[
    str,
    Field(
        pattern=r"^pipelines(?:\.[a-z_][a-z0-9_]*)+:[a-z_][a-z0-9_]*$",
        description="A pipeline of this package, as 'pipelines.module:name'.",
    ),
]


class Pipelines(Strict):
    """The pipelines that a model runs through where they are not the shared ones."""

    training: PipelinePath | None = None
    batch_inference: PipelinePath | None = None


class Card(Strict):
    """What only people can say of a model, for its model card. What is left out, the card says is not stated."""

    intended_use: str = Field(default="", description="What its predictions are for, and who acts on them.")
    out_of_scope: str = Field(default="", description="What it must not be used for.")
    limitations: tuple[str, ...] = Field(default=(), description="Where it is known to be weak.")
    ethical_considerations: tuple[str, ...] = Field(default=(), description="Risks to people, and what limits them.")


class ModelConfig(Strict):
    """One model: its data, what it predicts and how it is trained."""

    model: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$", max_length=64)] = Field(
        description="{purpose}_{type} in snake case; the file is named after it."
    )
    description: Annotated[str, Field(min_length=1)]
    source: Source = Field(
        description="Where the data is: a path or URL, or a section that also says its form or which rows to read."
    )
    task: Task = "binary"
    target: Target
    id_column: ColumnName | None = Field(
        default=None, description="Identifies a row. Never a feature; inference needs it and copies it to its output."
    )
    features: Features
    sensitive: tuple[ColumnName | SensitiveAttribute, ...] = Field(
        default=(), description="Attributes by which fairness is judged. They need not be features."
    )
    ranges: dict[ColumnName, Range] = Field(
        default={}, description="For numeric features. Data outside is refused in training and counted in inference."
    )
    split: Split = Split()
    estimator: Estimator | None = Field(
        default=None, description="Needed unless `pipelines.training` names a pipeline that fits an estimator itself."
    )
    decision_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.5, description="A risk probability of at least this is flagged."
    )
    pipelines: Pipelines = Pipelines()
    card: Card = Card()

    @model_validator(mode="after")
    def _columns_play_one_part(self) -> ModelConfig:
        features, target, identity = set(self.features.columns), self.target.column, self.id_column
        sensitive = self.sensitive_columns
        if target in features:
            raise ValueError(f"features: {target!r} is the target; a model must not see what it predicts")
        if identity is not None and identity in features | {target} | set(sensitive):
            raise ValueError(f"id_column: {identity!r} is already a feature, sensitive or the target")
        if identity in PREDICTION_COLUMNS:
            raise ValueError(f"id_column: {identity!r} is a column of the predictions; rename it in the data")
        if target in sensitive:
            raise ValueError(f"sensitive: {target!r} is the target")
        if LABEL in features | set(sensitive):
            raise ValueError(f"{LABEL!r} is the name of the label; rename that column in the data")
        if len(set(sensitive)) < len(sensitive):
            raise ValueError("sensitive: a column is listed more than once")
        return self

    @model_validator(mode="after")
    def _somebody_says_what_is_fitted(self) -> ModelConfig:
        if self.estimator is None and self.pipelines.training is None:
            raise ValueError("estimator: is required, unless pipelines.training names a pipeline of your own")
        return self

    @model_validator(mode="after")
    def _bands_and_ranges_are_of_numbers(self) -> ModelConfig:
        for attribute in self.attributes:
            if attribute.bands and attribute.column in self.features.categorical:
                raise ValueError(f"sensitive: {attribute.column!r} is categorical, so it has no bands")
        for column, (least, greatest) in self.ranges.items():
            if column not in self.features.numeric:
                raise ValueError(f"ranges: {column!r} is not a numeric feature")
            if least >= greatest:
                raise ValueError(f"ranges: {column}: {least:g} is not less than {greatest:g}")
        return self

    @property
    def attributes(self) -> tuple[SensitiveAttribute, ...]:
        """The sensitive attributes, also those that were given by name only."""
        return tuple(SensitiveAttribute(column=given) if isinstance(given, str) else given for given in self.sensitive)

    @property
    def sensitive_columns(self) -> tuple[str, ...]:
        """The columns of the sensitive attributes."""
        return tuple(attribute.column for attribute in self.attributes)


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that is given twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(str(key.value) for key, _ in node.value)
        repeated = [key for key, count in keys.items() if count > 1]
        if repeated:
            raise yaml.constructor.ConstructorError(None, None, f"{repeated[0]!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def list_models(directory: Path = CONFIGS) -> list[str]:
    """List the names of the models that have a config."""
    return sorted(file.stem for file in directory.glob("*.yaml"))


def read_config(model: str, directory: Path = CONFIGS) -> ModelConfig:
    """Read the config of ``model``.

    Raises:
        ConfigError: there is no such file, it is not YAML, or it breaks :class:`ModelConfig`.
    """
    file = directory / f"{model}.yaml"
    if not file.is_file():
        raise ConfigError(f"{file} does not exist.{suggest(model, list_models(directory))}")
    try:
        raw = _UniqueKeyLoader(file.read_text(encoding="utf-8")).get_single_data()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid YAML: {error}") from error
    try:
        config = ModelConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join([f"{file}:", *(f"  {line}" for line in _explain(error))])) from error
    if config.model != model:
        raise ConfigError(f"{file}: model: is {config.model!r}; rename the file or correct the key.")
    return config


def _explain(error: ValidationError) -> Iterable[str]:
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        match problem["type"]:
            case "extra_forbidden":
                yield f"{where}: unknown key.{suggest(str(problem['loc'][-1]), _fields_beside(problem['loc']))}"
            case "missing":
                yield f"{where}: is required"
            case "value_error":
                yield f"{where}: {problem['ctx']['error']}"
            case _ if isinstance(problem["input"], dict):
                yield f"{where}: {problem['msg']}"
            case _:
                yield f"{where}: {problem['msg']} (found {problem['input']!r})"


def _fields_beside(location: tuple[int | str, ...]) -> list[str]:
    """List the fields beside the key at ``location``; a part of it may be the tag of a union's member."""
    fields: dict[str, Any] = {"": ModelConfig}
    for part in ("", *location[:-1]):
        annotation = fields.get(str(part))
        models = [m for m in get_args(annotation) or [annotation] if isinstance(m, type) and issubclass(m, StrictModel)]
        if len(models) == 1:
            fields = {name: field.annotation for name, field in models[0].model_fields.items()}
        else:
            fields = {get_args(m.model_fields["type"].annotation)[0]: m for m in models}
    return sorted(fields)


def suggest(given: str, known: Iterable[str]) -> str:
    """Return a sentence, after a space, that names the nearest of ``known``, or all of them."""
    names = sorted(known)
    near = get_close_matches(given, names, n=1)
    return f" Did you mean {near[0]!r}?" if near else f" Allowed: {', '.join(names) or 'none'}."
