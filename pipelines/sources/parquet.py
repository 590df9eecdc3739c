"""Reading Parquet: one file, or a folder of parts, also partitioned by the names of its folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq

from pipelines.sources import table
from pipelines.sources.description import FileSource, Filter
from pipelines.sources.files import file_errors, file_system
from pipelines.sources.shard import Shard
from pipelines.sources.table import DataSourceError, Table, refuse_repeated

_READ_BUFFER: Final = 1 << 20


def open_parquet(source: FileSource, shard: Shard | None = None) -> Table:
    """Open a Parquet file or a folder of parts, as Spark, Hive and Arrow write them.

    In a folder, files and folders whose names begin with ``_`` or ``.`` are left out, and a folder named
    ``column=value`` gives that column to what lies in it. Rows come in the order of the parts' paths; with ``shard``
    only those of its parts, while the schema is held against all.

    Raises:
        DataSourceError: nothing is there, a part is no Parquet or of another schema than the first, a filter does not
            fit its column, or there are fewer parts than shards.
    """
    with file_errors(source.path):
        system, root = file_system(source.path)
        paths = _list_parts(source.path, system, root)
        parts = [_Part(path, system, _read_footer(source.path, system, root, path)) for path in paths]
        fragments = _discover(system, root, paths)
    fields = _fields(parts[0].metadata)
    for part in parts[1:]:
        _compare(source.path, fields, part)
    # The first part may hold no value in a column; its type is what the others say.
    fields = {
        name: next((f for f in (_fields(p.metadata)[name] for p in parts) if not pa.types.is_null(f)), kind)
        for name, kind in fields.items()
    }
    stored = parts[0].metadata.schema.to_arrow_schema().names
    folders = [(field.name, field.type) for field in fragments.schema if field.name not in stored]
    schema = pa.schema([*fields.items(), *folders])
    refuse_repeated(source.path, [*_names(parts[0].metadata), *dict(folders)])
    chosen = _as_expression(source, schema)
    opened = {part.path: part for part in parts}
    mine = frozenset(paths if shard is None else shard.take(source.path, paths))

    def read(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with file_errors(source.path):
            for fragment in fragments.get_fragments(chosen):
                if fragment.path in mine:
                    yield from _read_part(source, opened[fragment.path], fragment, schema, names, chosen)

    return Table(source.path, schema, read, source.selection)


@dataclass(frozen=True)
class _Part:
    path: str
    system: Any
    metadata: pq.FileMetaData


def _list_parts(location: str, system: Any, root: str) -> list[str]:
    if not system.isdir(root):
        if not location.endswith(".parquet") or not system.exists(root):
            raise FileNotFoundError(root)
        return [root]
    below = {path: path[len(root) :].strip("/") for path in system.find(root)}
    seen = [path for path, name in below.items() if not any(part[0] in "_." for part in name.split("/"))]
    other = next((below[path] for path in sorted(seen) if not path.endswith(".parquet")), None)
    if other is not None:
        raise DataSourceError(f"{location}: holds {other}, which is no part of a Parquet data set")
    if not seen:
        raise DataSourceError(f"{location}: holds no Parquet file")
    return sorted(seen)


def _read_footer(location: str, system: Any, root: str, path: str) -> pq.FileMetaData:
    shown = location if path == root else path
    try:
        with system.open(path, "rb") as file:
            return pq.read_metadata(file)
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise DataSourceError(f"{shown}: not a Parquet file: {error}") from error


def _discover(system: Any, root: str, paths: list[str]) -> ds.Dataset:
    """Return the parts with what their folders' names say of them."""
    options = ds.FileSystemFactoryOptions(
        partition_base_dir=root, partitioning=ds.HivePartitioning.discover(infer_dictionary=False)
    )
    files = pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(system))
    return ds.FileSystemDatasetFactory(files, paths, ds.ParquetFileFormat(), options).finish()


def _names(metadata: pq.FileMetaData) -> list[str]:
    """List a file's columns, without an index that pandas stored as a column, which is no column of the data."""
    schema = metadata.schema.to_arrow_schema()
    index = {name for name in (schema.pandas_metadata or {}).get("index_columns", []) if isinstance(name, str)}
    return [name for name in schema.names if not (name in index and name.startswith("__index_level_"))]


def _fields(metadata: pq.FileMetaData) -> dict[str, pa.DataType]:
    schema = metadata.schema.to_arrow_schema()
    return {name: schema.types[schema.names.index(name)] for name in _names(metadata)}


def _compare(location: str, fields: dict[str, pa.DataType], part: _Part) -> None:
    """Refuse a part whose columns are not those of the first; their order does not matter."""
    found = _fields(part.metadata)
    shown = part.path.rpartition(location.rstrip("/").rpartition("/")[2] + "/")[2]
    for name in {**fields, **found}:
        expected, actual = fields.get(name), found.get(name)
        # pandas writes a column without any value as null.
        empty = expected is not None and actual is not None and pa.null() in (expected, actual)
        if expected != actual and not empty:
            raise DataSourceError(
                f"{location}: part {shown}, column {name!r}: is {actual or 'not there'}, and {expected or 'not there'} "
                "in the first part"
            )


def _as_expression(source: FileSource, schema: pa.Schema) -> pc.Expression | None:
    chosen = None
    for rule in source.where:
        try:
            each = _filter(rule, schema)
            schema.empty_table().filter(each)
        except KeyError as error:
            raise DataSourceError(f"{source.path}: where: has no column {rule.column!r}") from error
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            kind = schema.field(rule.column).type
            raise DataSourceError(
                f"{source.path}: where: {rule} does not fit a column of type {kind}: {error}"
            ) from error
        chosen = each if chosen is None else chosen & each
    return chosen


def _filter(rule: Filter, schema: pa.Schema) -> pc.Expression:
    field, kind = ds.field(rule.column), schema.field(rule.column).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind

    def typed(value: Any) -> Any:
        return pa.scalar(value).cast(kind)

    rules: dict[str, Callable[[Any], pc.Expression]] = {
        "one_of": lambda values: field.isin(pa.array([typed(value).as_py() for value in values], kind)),
        "none_of": lambda values: ~field.isin(pa.array([typed(value).as_py() for value in values], kind)),
        "above": lambda value: field > typed(value),
        "at_least": lambda value: field >= typed(value),
        "below": lambda value: field < typed(value),
        "at_most": lambda value: field <= typed(value),
    }
    # Left out where missing, also by none_of, which Arrow would keep.
    chosen = field.is_valid()
    for name, value in rule.rules.items():
        chosen = chosen & rules[name](value)
    return chosen


def _read_part(
    source: FileSource,
    part: _Part,
    fragment: ds.ParquetFileFragment,
    schema: pa.Schema,
    names: Sequence[str],
    chosen: pc.Expression | None,
) -> Iterator[pa.RecordBatch]:
    wanted = list(dict.fromkeys((*names, *sorted(source.filtered_columns))))
    of_folder = ds.get_partition_keys(fragment.partition_expression)
    stored = [name for name in wanted if name not in of_folder and name in _names(part.metadata)]
    groups = None if chosen is None else [g.id for g in fragment.subset(chosen, schema=schema).row_groups]
    if groups == []:
        return
    rows_at_once = max(1, table.BATCH_CELLS // max(1, len(_names(part.metadata))))
    with part.system.open(part.path, "rb") as file:
        # Buffered and not prefetched: otherwise a row group, which may be the whole file, is held at once.
        parquet = pq.ParquetFile(file, metadata=part.metadata, pre_buffer=False, buffer_size=_READ_BUFFER)
        try:
            for batch in parquet.iter_batches(rows_at_once, row_groups=groups, columns=stored, use_threads=False):
                columns = {
                    name: pa.repeat(pa.scalar(of_folder[name], schema.field(name).type), batch.num_rows)
                    if name in of_folder
                    else batch[name].cast(schema.field(name).type)
                    for name in wanted
                }
                whole = pa.RecordBatch.from_pydict(columns)
                yield (whole if chosen is None else whole.filter(chosen)).select(list(names))
        except (pa.ArrowInvalid, OSError) as error:
            raise DataSourceError(f"{part.path}: cannot be read to its end: {error}") from error
