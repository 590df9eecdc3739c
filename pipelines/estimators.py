"""The estimators that a config can choose: found by name, checked against their own signature, built and seeded.

Everything a config says of a class is held against the class before a run starts: that it exists, fits the task, has
these parameters and takes these values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from pipelines.components import Component, Estimator, Search
from pipelines.config import ConfigError, ModelConfig, Task, suggest
from pipelines.errors import FitError, PipelineError
from pipelines.own_types import refuse_unlisted

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_SHORT: Final[dict[tuple[str, bool], tuple[str, dict[str, Any]]]] = {
    ("logistic_regression", True): ("sklearn.linear_model.LogisticRegression", {"max_iter": 1000}),
    ("random_forest", True): ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 200}),
    ("random_forest", False): ("sklearn.ensemble.RandomForestRegressor", {"n_estimators": 200}),
    ("gradient_boosting", True): ("sklearn.ensemble.HistGradientBoostingClassifier", {}),
    ("gradient_boosting", False): ("sklearn.ensemble.HistGradientBoostingRegressor", {}),
}
"""What short names stand for, for classification and regression, with the defaults that differ from the class's."""

_SCORING: Final = {"binary": "roc_auc", "multiclass": "neg_log_loss", "regression": "neg_root_mean_squared_error"}

_WEIGHTS: Final = frozenset({"class_weight", "priors", "scale_pos_weight", "weights"})
"""Parameters that hold weights, of which scikit-learn takes negative ones in silence."""

_CHECK_WHEN_FITTED: Final = ("xgboost.", "lightgbm.")
"""Libraries that look at parameters no sooner than that."""

_OF_THE_ROWS: Final = frozenset(
    {
        "base_score", "device", "early_stopping_rounds", "eval_metric", "interaction_constraints", "metric",
        "monotone_constraints", "num_class", "objective", "scale_pos_weight",
    }
)  # fmt: skip
"""Parameters of boosters whose right value depends on rows or machine."""


def check_estimator(config: ModelConfig) -> None:
    """Check that the config's estimator, search and preprocessing can be built and fit its task; nothing is fitted.

    Raises:
        ConfigError: a class or parameter does not exist, a value is not allowed, or the class does not fit the task.
    """
    from pipelines.features import build_features

    if config.estimator is not None:
        build_model(config, build_features(config.features, config.split.seed))


def build_model(config: ModelConfig, features: Any) -> Any:
    """Build what is fitted on the input columns: ``features``, then the config's estimator, with its search if any.

    Raises:
        ConfigError: as for :func:`check_estimator`.
    """
    from sklearn.pipeline import Pipeline

    assert config.estimator is not None, "a config without one names a training pipeline of its own"
    estimator = build_estimator(config.estimator, config.split.seed, config.task)
    model = Pipeline([("features", features), ("estimator", estimator)])
    search = config.estimator.search
    return model if search is None else _search(search, model, config)


def build_estimator(estimator: Estimator, seed: int, task: Task = "binary") -> Any:
    """Build the unfitted classifier or regressor that ``estimator`` describes, seeded wherever it draws numbers.

    Raises:
        ConfigError: a class or parameter does not exist, a value is not allowed, or the class does not fit ``task``.
    """
    from sklearn.base import is_classifier, is_regressor

    built = build(estimator, "estimator", classifies=task != "regression")
    if task == "regression" and not is_regressor(built):
        raise ConfigError(f"estimator.type: {estimator.type} is no regressor, and task is regression")
    if task != "regression" and not is_classifier(built):
        raise ConfigError(f"estimator.type: {estimator.type} is no classifier, and task is {task}")
    if task != "regression" and not _gives_probabilities(built):
        raise ConfigError(
            f"estimator.type: {estimator.type} gives no probabilities with these parameters; wrap it, e.g. in "
            "sklearn.calibration.CalibratedClassifierCV"
        )
    return seeded(built, seed)


def fit_or_explain(what: str, fit: Callable[[], Any]) -> Any:
    """Call ``fit`` and return what it returns.

    Raises:
        FitError: it raised; the message begins with ``what``, a key of the config, and gives the first line.
    """
    try:
        return fit()
    except PipelineError:
        raise
    except Exception as error:  # estimators refuse rows and values by whatever error their library has
        raise FitError(
            f"{what} cannot be fitted on the training rows: {type(error).__name__}: {_first_line(error)}"
        ) from error


def _gives_probabilities(classifier: BaseEstimator) -> bool:
    """Return whether it has ``predict_proba``; one made of others may only know once it is fitted."""
    if getattr(classifier, "voting", None) == "hard":
        return False
    inside = any("__" in name for name in classifier.get_params(deep=True))
    return hasattr(type(classifier) if inside else classifier, "predict_proba")


def seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Set every ``random_state`` that is not given, of ``estimator`` and of those inside it, to ``seed``."""
    states = {
        name: seed
        for name, value in estimator.get_params(deep=True).items()
        if value is None and name.rpartition("__")[2] == "random_state"
    }
    estimator.set_params(**states)
    return estimator


def build(component: Component, where: str, *, classifies: bool = True) -> Any:
    """Build what ``component`` describes, and the estimators among its parameters.

    Args:
        component: A class by name, and its parameters.
        where: Its place in the config, for messages.
        classifies: Whether a short name stands for the classifier or for the regressor.

    Raises:
        ConfigError: a class or parameter does not exist, or a value is not allowed.
        ModelUntrustedError: a class of a team's own is not one that was reviewed.
    """
    name = component.type
    defaults: dict[str, Any] = {}
    if "." not in name:
        if (name, classifies) not in _SHORT:
            raise ConfigError(f"{where}.type: {name} is a classifier, and task is regression")
        name, defaults = _SHORT[name, classifies]
    kind = _find_class(name, f"{where}.type")
    refuse_unlisted([name], f"{where}.type")
    inside = f"{where}.parameters"
    given = {
        parameter: _built(value, f"{inside}.{parameter}", classifies)
        for parameter, value in component.parameters.items()
    }
    known = _parameters_of(kind)
    for parameter in given:
        if parameter not in known:
            raise ConfigError(
                f"{inside}.{parameter}: {kind.__name__} has no such parameter.{suggest(parameter, known)}"
            )
    values = _allowed(kind, {**defaults, **given}, inside)
    for parameter in _WEIGHTS & set(values):
        if any(weight < 0 for weight in _numbers_in(values[parameter])):
            raise ConfigError(f"{inside}.{parameter}: a weight is not negative (found {values[parameter]!r})")
    try:
        built = kind(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{inside}: {kind.__name__} does not take them: {error}") from error
    if kind.__module__.startswith(_CHECK_WHEN_FITTED):
        _try_values(built, inside)
    return built


def _numbers_in(value: Any) -> list[float]:
    """Return the numbers of a weight: itself, a list of them, or by class."""
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else [value]
    return [item for item in items if isinstance(item, int | float)]


def _try_values(booster: Any, where: str) -> None:
    """Fit a small booster with the same values to made-up rows: its library looks at them no sooner.

    Raises:
        ConfigError: it does not take a value.
    """
    import numpy as np

    values = {
        name: value
        for name, value in booster.get_params(deep=False).items()
        if isinstance(value, int | float | str) and not isinstance(value, bool) and name not in _OF_THE_ROWS
    }
    rows = np.arange(4000.0).reshape(2000, 2)
    try:
        type(booster)(**{**values, "n_estimators": 1}).fit(rows, np.arange(2000) % 2)
    except Exception as error:  # each library has errors of its own
        raise ConfigError(f"{where}: {type(booster).__name__} does not take them: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _built(value: Any, where: str, classifies: bool) -> Any:
    """Return a parameter's value, with estimators in place of what describes them."""
    if isinstance(value, Mapping):
        if "type" in value and set(value) <= {"type", "parameters"}:
            return build(_component(value, where), where, classifies=classifies)
        return {key: _built(inner, f"{where}.{key}", classifies) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        items = [_built(inner, f"{where}.{place}", classifies) for place, inner in enumerate(value)]
        # A named estimator: scikit-learn's own word for it is a tuple.
        return tuple(items) if len(items) > 1 and isinstance(items[0], str) and hasattr(items[1], "fit") else items
    return value


def _component(value: Mapping[str, Any], where: str) -> Component:
    from pydantic import ValidationError

    try:
        return Component.model_validate(dict(value))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{where}: {first['ctx']['error'] if 'ctx' in first else first['msg']}") from error


def _find_class(name: str, where: str) -> type[BaseEstimator]:
    from sklearn.base import BaseEstimator

    module, _, last = name.rpartition(".")
    try:
        found = getattr(import_module(module), last, None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # a fault inside the module is its author's to see
        raise ConfigError(f"{where}: there is no module {error.name}.{_near(name)}") from error
    except OSError as error:  # LightGBM loads a library that Debian's smallest images lack
        raise ConfigError(
            f"{where}: {module} cannot be imported: {error}. LightGBM needs the system's OpenMP library: on Debian "
            "`apt-get install libgomp1`, on macOS `brew install libomp`; the platform's images hold it."
        ) from error
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        what = "holds no" if found is None else "holds, but it is no estimator class,"
        raise ConfigError(f"{where}: {module} {what} {last!r}.{_near(name)}")
    return found


def _near(name: str) -> str:
    """Suggest a class of scikit-learn, or of the module, that is called nearly so."""
    module, _, last = name.rpartition(".")
    try:
        beside = {f"{module}.{other}": other for other in dir(import_module(module)) if other[0].isupper()}
    except ModuleNotFoundError:
        beside = {}
    known = {**_public_names(), **beside}
    near = get_close_matches(last, known.values(), n=1)
    found = [full for full, short in known.items() if near and short == near[0]]
    return f" Did you mean {found[-1]!r}?" if found else ""


@cache
def _public_names() -> dict[str, str]:
    from sklearn.utils import all_estimators

    return {
        f"{'.'.join(part for part in kind.__module__.split('.') if not part.startswith('_'))}.{name}": name
        for name, kind in all_estimators()
    }


def _parameters_of(kind: type) -> frozenset[str]:
    """Return what the constructor takes; where it hands on the rest, what those of its bases take too."""
    names: set[str] = set()
    for base in kind.__mro__[:-1]:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - {"self"}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return frozenset(names)
    if kind.__module__.startswith("lightgbm."):
        from lightgbm.basic import _ConfigAliases

        for name, aliases in _ConfigAliases._get_all_param_aliases().items():
            names |= {name, *aliases}
    return frozenset(names)


def _allowed(kind: type, values: dict[str, Any], where: str) -> dict[str, Any]:
    """Return ``values``, with tuples where scikit-learn asks for one and YAML only has lists.

    Raises:
        ConfigError: scikit-learn does not allow a value.
    """
    constraints: Mapping[str, Any] = getattr(kind, "_parameter_constraints", {})
    return {name: _one_allowed(kind, constraints, name, value, where) for name, value in values.items()}


def _one_allowed(kind: type, constraints: Mapping[str, Any], name: str, value: Any, where: str) -> Any:
    from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

    refused: InvalidParameterError | None = None
    for form in (value, tuple(value)) if isinstance(value, list) else (value,):
        try:
            validate_parameter_constraints(
                {k: v for k, v in constraints.items() if k == name}, {name: form}, kind.__name__
            )
        except InvalidParameterError as error:
            refused = refused or error
        else:
            return form
    raise ConfigError(f"{where}.{name}: {refused}") from refused


def _search(search: Search, model: Any, config: ModelConfig) -> Any:
    from sklearn.metrics import get_scorer_names

    scoring = search.scoring or _SCORING[config.task]
    if scoring not in get_scorer_names():
        raise ConfigError(
            f"estimator.search.scoring: {scoring!r} is no scorer of scikit-learn.{suggest(scoring, get_scorer_names())}"
        )
    grid = {f"estimator__{name}": list(values) for name, values in _search_values(search, model, config).items()}
    options = {"scoring": scoring, "cv": _folds(search, config), "error_score": "raise"}
    if search.method == "grid":
        from sklearn.model_selection import GridSearchCV

        return GridSearchCV(model, grid, **options)
    if search.method == "random":
        from sklearn.model_selection import RandomizedSearchCV

        return RandomizedSearchCV(model, grid, n_iter=search.candidates, random_state=config.split.seed, **options)
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    return HalvingGridSearchCV(model, grid, random_state=config.split.seed, **options)


def _folds(search: Search, config: ModelConfig) -> Any:
    """Return how a search divides the training rows: as the config divides rows, so that no fold flatters."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

    if config.split.method == "time":
        if search.method == "halving":
            raise ConfigError("estimator.search.method: halving draws rows at random, and time divides them; use grid")
        return TimeSeriesSplit(search.folds)
    by_group, by_class = config.split.group is not None, config.task != "regression"
    kinds = {(True, True): StratifiedGroupKFold, (True, False): GroupKFold, (False, True): StratifiedKFold}
    return kinds.get((by_group, by_class), KFold)(search.folds, shuffle=True, random_state=config.split.seed)


def _search_values(search: Search, model: Any, config: ModelConfig) -> dict[str, list[Any]]:
    """Return the values to try, each checked by building the estimator that would have it."""
    estimator, where = model.named_steps["estimator"], "estimator.search.parameters"
    known = estimator.get_params(deep=True)
    tried: dict[str, list[Any]] = {}
    for name, values in search.parameters.items():
        if name not in known:
            raise ConfigError(
                f"{where}.{name}: {type(estimator).__name__} has no such parameter.{suggest(name, known)}"
            )
        outer, _, inner = name.rpartition("__")
        owner = type(known[outer] if outer else estimator)
        built = [_built(value, f"{where}.{name}", config.task != "regression") for value in values]
        constraints: Mapping[str, Any] = getattr(owner, "_parameter_constraints", {})
        tried[name] = [
            seeded(value, config.split.seed) if hasattr(value, "get_params") else value
            for value in (
                _one_allowed(owner, {inner: constraints[inner]} if inner in constraints else {}, inner, each, where)
                for each in built
            )
        ]
    return tried
