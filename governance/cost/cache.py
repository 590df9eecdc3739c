"""Keeping what providers answered: questions cost money (a cent each on AWS) and are rationed everywhere."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from environments.files import replace_file, sha256_hex
from environments.strict import StrictModel
from governance.core import clock
from governance.cost.month import BILLING_ZONE, Month
from governance.cost.spend import MonthOfSpend, SpendProvider

MAX_AGE = timedelta(hours=6)
"""Clouds update their figures a few times a day."""
SETTLES = timedelta(days=10)
"""After its end a month still changes: late usage, credits, tax. An answer from later than that is kept for ever."""


class _Kept(StrictModel):
    provider: str
    fetched: AwareDatetime
    answer: MonthOfSpend


class CachedProvider:
    """A provider that is asked only when its last answer is too old.

    Args:
        provider: who is asked.
        folder: where answers are kept, one file for each provider and month.
        max_age: how old the answer about a month may be that has not settled.
    """

    def __init__(
        self,
        provider: SpendProvider,
        folder: Path,
        *,
        max_age: timedelta = MAX_AGE,
    ) -> None:
        self._provider, self._folder, self._max_age = provider, folder, max_age

    @property
    def name(self) -> str:
        """The provider's name."""
        return self._provider.name

    def spend(self, month: Month) -> MonthOfSpend:
        """Return the kept answer, or a new one. Errors are the provider's; a failed question leaves what was kept."""
        file = self._folder / f"{month}-{sha256_hex(self.name)[:16]}.json"
        kept = self._load(file)
        if kept is not None and self._good(kept, month):
            return kept.answer
        answer = self._provider.spend(month)
        made = _Kept(provider=self.name, fetched=clock.now(), answer=answer)
        replace_file(file, made.model_dump_json())
        return answer

    def _load(self, file: Path) -> _Kept | None:
        try:
            kept = _Kept.model_validate_json(file.read_bytes())
        except (OSError, ValidationError):
            return None
        return kept if kept.provider == self.name else None

    def _good(self, kept: _Kept, month: Month) -> bool:
        settled = kept.fetched >= month.end(BILLING_ZONE) + SETTLES
        return settled or timedelta(0) <= clock.now() - kept.fetched < self._max_age
