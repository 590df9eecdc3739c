"""How rows are divided into those a model is trained on and those it is judged by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.columns import category_text
from pipelines.config import ModelConfig, Split
from pipelines.errors import PipelineError
from pipelines.functions import load_function
from pipelines.labels import define_label

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class SplitError(PipelineError):
    """Rows cannot be divided as the config says; the message says why."""


@dataclass(frozen=True)
class Division:
    """Positions of the training rows and of those held out; ``boundary`` is the last training time, if time divides."""

    training: np.ndarray
    held_out: np.ndarray
    boundary: float | None = None


def divide_rows(config: ModelConfig, frame: pd.DataFrame, target: pd.Series, boundary: float | None = None) -> Division:
    """Divide rows. At random they are shuffled as well; otherwise each side keeps the order of the data.

    Args:
        config: Says how.
        frame: Every column that the division needs, as :func:`division_columns` makes them, beside the features.
        target: The raw target, a value a row.
        boundary: Of a division by time that was made before: rows after this are held out.

    Raises:
        SplitError: a side is empty, a class too small, a group on both sides, or a function returns something else.
        LabelError: the target cannot be labelled.
    """
    import numpy as np

    split, method = config.split, config.split_method
    match method:
        case "group":
            assert split.group is not None, "a group split names its column"
            groups = frame[split.group].map(category_text)
            sides = {group: is_held_out(split, group) for group in groups.unique()}
            held_out = groups.map(sides).to_numpy(dtype=bool)
        case "time":
            times = frame[split.column].to_numpy(dtype="float64")
            if boundary is None:
                boundary = float(np.quantile(times, 1 - split.validation_share, method="lower"))
            held_out = times > boundary
        case "column":
            values = [category_text(value) for value in split.held_out or ()]
            held_out = frame[split.column].map(category_text).isin(values).to_numpy(dtype=bool)
        case "function":
            held_out = _by_function(split, frame, target)
        case _:
            training, validation = _at_random(config, target)
            division = Division(training, validation)
            _no_group_on_both(config, frame, division)
            return division
    division = Division(np.flatnonzero(~held_out), np.flatnonzero(held_out), boundary)
    _both_sides(config, division)
    _no_group_on_both(config, frame, division)
    return division


def is_held_out(split: Split, group: str) -> bool:
    """Tell whether the rows of ``group`` are held out: by its own digest, so that rows to come change no side."""
    digest = hashlib.sha256(f"{split.seed}\n{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < split.validation_share * 2**64


def division_columns(split: Split, raw: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return what ``split`` divides by: a group as text, a time as a number (a date in seconds since 1970).

    Raises:
        SplitError: a value is missing, or a time has no order.
    """
    found = {}
    for name in division_names(split):
        missing = int(raw[name].isna().sum())
        if missing:
            raise SplitError(f"{where}: split: {name!r} is missing in {missing} of {len(raw)} rows")
        if name == split.column and split.method == "time":
            found[name] = _as_time(raw[name], where)
        else:
            found[name] = raw[name].map(category_text)
    return raw[[]].assign(**found)


def division_names(split: Split) -> tuple[str, ...]:
    """Return the columns that rows are divided by, each once."""
    return tuple(dict.fromkeys(name for name in (split.group, split.column) if name is not None))


def kept_division(split: Split) -> tuple[str, ...]:
    """Return the columns that stay beside the rows, so that what divides them can be checked again later."""
    return tuple(name for name in division_names(split) if name == split.group or split.method == "time")


def _as_time(column: pd.Series, where: str) -> pd.Series:
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_numeric_dtype(column.dtype) and not is_bool_dtype(column.dtype):
        return column.astype("float64")
    try:
        times = pd.to_datetime(column, utc=True, format="ISO8601") if column.dtype.kind != "M" else column
    except (ValueError, TypeError) as error:
        raise SplitError(
            f"{where}: split.column: {str(column.name)!r} has no order in time: give numbers, dates, or text such as "
            f"2026-01-31 ({error})"
        ) from error
    seconds: pd.Series = times.astype("datetime64[ns, UTC]" if times.dt.tz else "datetime64[ns]").astype("int64") / 1e9
    return seconds


def _at_random(config: ModelConfig, target: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np
    from sklearn.model_selection import train_test_split

    balance = None
    if config.split_method == "stratified":
        definition = define_label(config.task, config.target, target)
        balance = definition.label(target)
        counts = definition.count(balance)
        rarest = min(counts, key=lambda name: counts[name])
        if counts[rarest] < 2:
            what = "the rarer class of risk" if config.task == "binary" else f"class {rarest!r}"
            raise SplitError(
                f"{config.source}: {counts[rarest]} of {len(target)} rows are of {what}; "
                "at least 2 are needed to divide them"
            )
    try:
        training, validation = train_test_split(
            np.arange(len(target)),
            test_size=config.split.validation_share,
            random_state=config.split.seed,
            stratify=balance,
        )
    except ValueError as error:
        raise SplitError(f"{config.source}: {len(target)} rows cannot be divided: {error}") from error
    return training, validation


def _by_function(split: Split, frame: pd.DataFrame, target: pd.Series) -> np.ndarray:
    import numpy as np

    assert split.function is not None, "a function split names its function"
    given = frame.assign(**{str(target.name): target.to_numpy()})
    divide = load_function(split.function)
    try:
        found, again = (np.asarray(divide(given.copy())) for _ in range(2))
    except Exception as error:  # a team's function may fail in any way
        raise SplitError(f"split.function: {split.function} raised {type(error).__name__}: {error}") from error
    if found.shape != (len(frame),) or found.dtype != bool:
        raise SplitError(
            f"split.function: {split.function} returned {found.dtype} of shape {found.shape}; expected true where a "
            f"row is held out and false where not, of shape ({len(frame)},)"
        )
    if not np.array_equal(found, again):
        raise SplitError(f"split.function: {split.function} divides the same rows differently when called again")
    return found


def _both_sides(config: ModelConfig, division: Division) -> None:
    for side, rows in (("training", division.training), ("held-out", division.held_out)):
        if not len(rows):
            every = len(division.training) + len(division.held_out)
            raise SplitError(
                f"{config.source}: split: no {side} row among {every}; change split "
                f"(method {config.split_method}) or the data"
            )


def _no_group_on_both(config: ModelConfig, frame: pd.DataFrame, division: Division) -> None:
    group = config.split.group
    if group is None:
        return
    both = groups_on_both(frame.iloc[division.training], frame.iloc[division.held_out], group)
    if both:
        raise SplitError(
            f"{config.source}: split.group: {both} values of {group!r} have rows on both sides, so the model would be "
            "judged by what it has seen; divide by method group, or mend the column or function"
        )


def groups_on_both(training: pd.DataFrame, held_out: pd.DataFrame, group: str) -> int:
    """Count the values of column ``group`` that occur on both sides."""
    return len(set(training[group].astype(str)) & set(held_out[group].astype(str)))
