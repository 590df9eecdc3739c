"""What a model is made of: ``pipelines/configs/<model>.yaml``, read by one strict model.

Nothing heavy is imported here, so that a config can be checked without loading ZenML or scikit-learn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from pipelines.artifacts import ALL_PREDICTIONS, LABEL
from pipelines.components import Estimator, PreprocessingStep
from pipelines.errors import PipelineError
from pipelines.resources import Resources
from pipelines.sources.description import Source
from pipelines.strict import StrictModel
from pipelines.tasks.metrics import METRICS, RECALL_OF, find_metric, metric_of

CONFIGS: Final = Path(__file__).resolve().parent / "configs"

PREDICTION_COLUMNS: Final = (
    "row", "risk_probability", "risk_flag", "predicted_class", "probability", "predicted_value",
    "model", "model_version", "run_id", "predicted_at",
)  # fmt: skip
"""Columns that batch inference writes beside the id; an id column cannot have one of these names."""

_ONE_HALF: Final = 0.5

ColumnName = Annotated[str, Field(min_length=1)]

Task = Literal["binary", "multiclass", "regression"]
"""What a model predicts: a risk or none, one of several classes, or a number."""


class ConfigError(PipelineError):
    """A model's config is wrong; the message says which file, which key and what is allowed."""


class Strict(StrictModel, allow_inf_nan=False):
    """A part of a config, in which every number is finite."""


class Target(Strict):
    """The column to predict. What else is given depends on the task.

    binary: exactly one rule that says which values are a risk. multiclass: the classes. regression: the unit.
    """

    column: ColumnName
    meaning: Annotated[str, Field(min_length=1)] = Field(
        description="In words: what a risk of 1 says of a row, what the classes are, or what the number is."
    )
    risk_values: Annotated[tuple[bool | int | str, ...], Field(min_length=1)] | None = Field(
        default=None, description="binary: these values are a risk; the other one is none."
    )
    above: float | None = Field(default=None, description="binary: values above this number are a risk.")
    above_quantile: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="binary: values above this quantile are a risk. It is computed on the training rows, so that the "
        "held-out rows cannot inform it, and the resulting number is stored with the model.",
    )
    classes: Annotated[tuple[bool | int | str, ...], Field(min_length=2)] | None = Field(
        default=None, description="multiclass: the values to tell apart, in the order of reports."
    )
    other_values: Literal["allow"] | Annotated[tuple[bool | int | str, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Values besides those that are named. A list (binary): those that are no risk. allow: every other "
        "value is no risk or, of classes, the class 'other'. None: data with a value that nobody named is refused; "
        "beside risk_values one other value needs no name.",
    )
    unit: str = Field(default="", max_length=40, description="regression: what the number counts, such as kg or EUR.")

    @model_validator(mode="after")
    def _values_named_once(self) -> Target:
        others = self.other_values if isinstance(self.other_values, tuple) else ()
        named = [_as_text(value) for value in (*(self.risk_values or ()), *(self.classes or ()), *others)]
        repeated = [value for value, count in Counter(named).items() if count > 1]
        if repeated:
            raise ValueError(f"{', '.join(repeated)}: named more than once")
        if self.other_values == "allow" and "other" in named:
            raise ValueError(
                "'other' is the class of values that nobody named; other_values: allow cannot stand beside"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes of a multiclass target are called."""
        return (*map(_as_text, self.classes or ()), *(("other",) if self.other_values == "allow" else ()))

    def fit_task(self, task: Task) -> None:
        """Check that what is given is what ``task`` needs.

        Raises:
            ValueError: a rule is missing, given twice, or is another task's.
        """
        rules = {name: getattr(self, name) for name in ("risk_values", "above", "above_quantile")}
        given = [name for name, value in rules.items() if value is not None]
        if task == "binary" and len(given) != 1:
            raise ValueError(f"target: give exactly one of {', '.join(rules)} (found {', '.join(given) or 'none'})")
        if task == "multiclass" and self.classes is None:
            raise ValueError("target: classes is required of a multiclass model: name the values to tell apart")
        foreign = {
            "binary": ("classes", "unit"),
            "multiclass": (*rules, "unit"),
            "regression": (*rules, "classes", "other_values"),
        }[task]
        wrong = [name for name in foreign if getattr(self, name) not in (None, "")]
        if wrong:
            raise ValueError(f"target: {', '.join(wrong)} has no meaning for task {task!r}")
        if self.other_values is not None and task == "binary" and self.risk_values is None:
            raise ValueError("target: other_values stands beside risk_values; a number above a limit needs no names")
        if isinstance(self.other_values, tuple) and task == "multiclass":
            raise ValueError("target: other_values of a multiclass model is allow or nothing; name further classes")


def _as_text(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


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
        "A number with more than ten values needs them; with fewer, each value is a group.",
    )

    @field_validator("bands")
    @classmethod
    def _in_order(cls, bands: tuple[float, ...]) -> tuple[float, ...]:
        if list(bands) != sorted(set(bands)):
            raise ValueError("edges must rise, each given once")
        return bands


Range = Annotated[tuple[float, float], Field(description="Least and greatest value that can be right.")]


FunctionPath = Annotated[
    str,
    Field(
        pattern=r"^pipelines(?:\.[a-z_][a-z0-9_]*)+:[a-z_][a-z0-9_]*$",
        description="A function of this package, as 'pipelines.module:name'.",
    ),
]


class Split(Strict):
    """How rows are divided. The same settings and data give the same rows, and the same model."""

    method: Literal["stratified", "random", "group", "time", "column", "function"] | None = Field(
        default=None,
        description="stratified: both sides hold the classes in the same shares. random: any row on either side. "
        "group: all rows of a group on one side, whichever rows come later. time: train before, validate after. "
        "column: a column says which rows are held out. function: the team's own does. None: stratified for classes, "
        "random for a number.",
    )
    validation_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.3, description="Of rows, or of groups. Without meaning for column and function."
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=42, description="Seeds the estimator too.")
    group: ColumnName | None = Field(
        default=None,
        description="Whose rows belong together, such as a patient. Of group; with any other method it is checked that "
        "no group is on both sides. Never a feature.",
    )
    column: ColumnName | None = Field(default=None, description="Of time and column. Never a feature.")
    held_out: Annotated[tuple[bool | int | str, ...], Field(min_length=1)] | None = Field(
        default=None, description="column: its values that are held out."
    )
    function: FunctionPath | None = Field(
        default=None,
        description="function: takes a frame of the features, sensitive attributes and target, and returns for each "
        "row whether it is held out.",
    )

    @model_validator(mode="after")
    def _method_has_what_it_needs(self) -> Split:
        needs = {"group": ("group",), "time": ("column",), "column": ("column", "held_out"), "function": ("function",)}
        asked = needs.get(self.method or "", ())
        missing = [name for name in asked if getattr(self, name) is None]
        if missing:
            raise ValueError(f"method {self.method!r} needs {' and '.join(missing)}")
        idle = [n for n in ("column", "held_out", "function") if n not in asked and getattr(self, n) is not None]
        if idle:
            raise ValueError(f"{', '.join(idle)} has no meaning for method {self.method or 'None'!r}")
        return self


OWN_METRIC_NAME: Final = r"[a-z][a-z0-9_]*"
"""Gates name what they measure beside metrics in words with spaces, so none of a team's own passes for one of those."""


class MetricRules(Strict):
    """A metric of the team's own, or limits of a built-in one that stand beside the environment's floor."""

    function: FunctionPath | None = Field(
        default=None,
        description="Takes truth and predictions, one value a row, and returns a number; if it has a parameter "
        "sample_weight, also how often each row counts. Must return the same for the same rows. None: built in.",
    )
    of: Literal["decision", "output"] | None = Field(
        default=None,
        description="What an own metric is given as predictions. decision: 0 or 1, the class's name, or the number. "
        "output: the probability of risk, one probability a class, or the number.",
    )
    better: Literal["higher", "lower"] | None = Field(default=None, description="Of an own metric: which way is.")
    unit: str = Field(default="", max_length=40, description="Of an own metric, such as EUR.")
    at_least: float | None = None
    at_most: float | None = None
    margin: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="How much worse than the version in production a challenger may be."
    )

    @model_validator(mode="after")
    def _own_ones_say_which_way(self) -> MetricRules:
        if self.function is not None and self.better is None:
            raise ValueError("better is required of an own metric: higher or lower")
        if self.function is None and (self.better or self.unit or self.of):
            raise ValueError("better, unit and of are an own metric's; name its function")
        if self.at_least is not None and self.at_most is not None:
            raise ValueError("give at_least or at_most, not both")
        if self.function is None and self.at_least is None and self.at_most is None and self.margin is None:
            raise ValueError("give at_least, at_most or margin; without them a built-in metric is measured anyway")
        return self

    @property
    def limit(self) -> float | None:
        """The threshold, whichever way it is."""
        return self.at_least if self.at_least is not None else self.at_most


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


class Inference(Strict):
    """How batches are scored."""

    shards: Annotated[int, Field(ge=1, le=200)] = Field(
        default=1, description="Steps that share a folder of Parquet parts, at once where the orchestrator can."
    )


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
    metrics: dict[Annotated[str, Field(min_length=1, max_length=64)], MetricRules] = Field(
        default={},
        description="Own metrics, and limits in the target's own units. They stand beside the environment's floor and "
        "cannot weaken it.",
    )
    split: Split = Split()
    estimator: Estimator | None = Field(
        default=None, description="Needed unless `pipelines.training` names a pipeline that fits an estimator itself."
    )
    decision_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=_ONE_HALF, description="binary: a risk probability of at least this is flagged."
    )
    inference: Inference = Inference()
    pipelines: Pipelines = Pipelines()
    resources: Resources = Field(
        default={},
        description="What steps ask of whatever runs them, by pipeline and step, within what the environment allows.",
    )
    card: Card = Card()

    @model_validator(mode="after")
    def _columns_play_one_part(self) -> ModelConfig:
        features, target, identity = set(self.features.columns), self.target.column, self.id_column
        sensitive = self.sensitive_columns
        if target in features:
            raise ValueError(f"features: {target!r} is the target; a model must not see what it predicts")
        if identity is not None and identity in features | {target} | set(sensitive):
            raise ValueError(f"id_column: {identity!r} is already a feature, sensitive or the target")
        if identity in PREDICTION_COLUMNS or (self.task == "multiclass" and str(identity).startswith("probability_")):
            raise ValueError(f"id_column: {identity!r} is a column of the predictions; rename it in the data")
        if target in sensitive:
            raise ValueError(f"sensitive: {target!r} is the target")
        for name, what in ((LABEL, "the label"), (ALL_PREDICTIONS, "what a model says of all rows")):
            if name in features | {*sensitive, self.split.group, self.split.column}:
                raise ValueError(f"{name!r} is the name of {what}; rename that column in the data")
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

    @model_validator(mode="after")
    def _parts_fit_the_task(self) -> ModelConfig:
        self.target.fit_task(self.task)
        if self.task != "binary" and self.decision_threshold != _ONE_HALF:
            raise ValueError(f"decision_threshold has no meaning for task {self.task!r}")
        if self.task == "regression" and self.split.method == "stratified":
            raise ValueError("split.method: stratified divides by classes, and a number has none; use random")
        for key, column in (("group", self.split.group), ("column", self.split.column)):
            if column in self.features.columns or column == self.target.column:
                raise ValueError(f"split.{key}: {column!r} is a feature or the target; what divides rows is neither")
        for name, rules in self.metrics.items():
            self._check_metric(name, rules)
        return self

    def _check_metric(self, name: str, rules: MetricRules) -> None:
        known = metric_of(self.task, name)
        if rules.function is None and known is None:
            allowed = ", ".join(metric.name for metric in METRICS[self.task])
            classes = f", and '{RECALL_OF}<class>'" if self.task == "multiclass" else ""
            raise ValueError(f"metrics: {name!r} is no metric of task {self.task!r}; there are {allowed}{classes}")
        found = name.removeprefix(RECALL_OF)
        if self.task == "multiclass" and found not in (name, *self.target.names):
            raise ValueError(f"metrics: {name!r}: target.classes has no {found!r}.{suggest(found, self.target.names)}")
        if rules.function is not None and (known is not None or find_metric(name) is not None):
            raise ValueError(f"metrics: {name!r} is a built-in metric; name your own differently")
        if rules.function is not None and not re.fullmatch(OWN_METRIC_NAME, name):
            raise ValueError(
                f"metrics: {name!r}: name your own in small letters, digits and _, beginning with a letter"
            )
        better = rules.better or (known.better if known is not None else "higher")
        if (rules.at_least if better == "lower" else rules.at_most) is not None:
            right = "at_most" if better == "lower" else "at_least"
            raise ValueError(f"metrics: {name}: {better} is better, so its limit is {right}")

    @property
    def split_method(self) -> str:
        """How rows are divided, also where the config leaves it open."""
        return self.split.method or ("random" if self.task == "regression" else "stratified")

    @property
    def attributes(self) -> tuple[SensitiveAttribute, ...]:
        """The sensitive attributes, also those that were given by name only."""
        return tuple(SensitiveAttribute(column=given) if isinstance(given, str) else given for given in self.sensitive)

    @property
    def sensitive_columns(self) -> tuple[str, ...]:
        """The columns of the sensitive attributes."""
        return tuple(attribute.column for attribute in self.attributes)


class _UniqueKeyLoader(yaml.CSafeLoader):
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
        parts = problem["loc"]
        # The kind of a source stands in the key's place without being one.
        parts = parts[:1] + parts[2:] if parts[:1] == ("source",) else parts
        where = ".".join(str(part) for part in parts) or "(whole file)"
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
