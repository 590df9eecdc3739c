"""Which parts of a folder one of several steps works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.sources.table import DataSourceError


@dataclass(frozen=True)
class Shard:
    """The shard ``number``, from 0, of ``of``: consecutive parts, so that rows keep their order over all shards."""

    number: int
    of: int

    def take(self, location: str, paths: Sequence[str]) -> list[str]:
        """Return this shard's share of ``paths``.

        Raises:
            DataSourceError: there are fewer parts than shards.
        """
        if len(paths) < self.of:
            raise DataSourceError(
                f"{location}: holds {len(paths)} Parquet parts, which {self.of} shards cannot share. Write more parts, "
                f"or score it with SHARDS={len(paths)}."
            )
        return list(paths[self.number * len(paths) // self.of : (self.number + 1) * len(paths) // self.of])
