"""The settings that the guard goes by: those that were last applied to each environment, as its log says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

from environments import (
    DIRECTORY,
    PLATFORM,
    Environment,
    Platform,
    SettingsError,
    load_platform,
    pick_cloud,
    stack_name,
)
from environments.model import Cloud
from governance.access.roles import UNOWNED, Account, Grant, Scope, grants_of
from governance.audit import AuditError, StoreError, open_reader
from governance.records import applied
from governance.records.settings import settings_of
from governance.signing.errors import SigningError

_log = logging.getLogger(__name__)

SETTINGS, ADMINISTRATORS = "GROUNDWORK_ACCESS_SETTINGS", "GROUNDWORK_ACCESS_ADMINISTRATORS"
"""Variables of a guarded server's process, see :func:`from_variables`."""
REFRESH_SECONDS = 30
"""How often the logs are asked whether something else was applied from another machine; on this one it is seen."""


@dataclass(frozen=True)
class InUse:
    """What was applied, and what follows from it for whoever asks.

    Attributes:
        platform: the environments whose applied settings are known, and what they say.
        closed: why no settings count, by environment that has none.
        administrators: accounts that look after the server, beside those that the settings name.
    """

    platform: Platform
    closed: Mapping[str, str]
    administrators: Collection[Account] = ()
    _teams: Mapping[str, str] = field(init=False, repr=False)
    _stacks: Mapping[str, Scope] = field(init=False, repr=False)
    _grants: dict[Account, tuple[Grant, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        teams = {model: team.team for team in self.platform.teams.values() for model in team.models}
        stacks = {
            stack_name(team, environment, cloud): Scope(team, environment)
            for team in (PLATFORM, *self.platform.teams)
            for environment in self.platform.environments
            for cloud in get_args(Cloud)
        }
        object.__setattr__(self, "_teams", teams)
        object.__setattr__(self, "_stacks", stacks)

    def grants(self, account: Account) -> tuple[Grant, ...]:
        """Return every role that ``account`` holds."""
        if account not in self._grants:
            self._grants[account] = grants_of(self.platform, account, self.administrators)
        return self._grants[account]

    def owner_of_model(self, model: str | None, stage: str | None = None) -> Scope:
        """Return whose the model of this name is, in the environment that ``stage`` names."""
        team = self._teams.get(model or "")
        return Scope(team, stage) if team else UNOWNED

    def owner_of(self, name: str | None) -> Scope:
        """Return whose a stack, component, connector or secret of this name is: it begins with its stack's name."""
        known = str(name or "")
        while known:
            if known in self._stacks:
                return self._stacks[known]
            known = known.rpartition("-")[0]
        return UNOWNED


class SettingsInUse:
    """The applied settings, looked up again when something was applied.

    Args:
        directory: of the settings, which say where the environments' logs are.
        administrators: see :class:`InUse`.
    """

    def __init__(self, directory: Path, administrators: Collection[Account] = ()) -> None:
        self.directory, self._administrators = directory, administrators
        self._lock = threading.Lock()
        self._declared: Platform | None = None
        self._last: dict[str, applied.LastApply] = {}
        self._contents: Mapping[str, Mapping[str, object]] = {}
        self._kept: dict[str, Path] = {}
        self._marks: tuple[int, ...] = ()
        self._in_use: InUse | None = None

    @property
    def declared(self) -> Platform:
        """The settings as the files had them when they were last read: where the environments are, and no more.

        Raises:
            SettingsError: they were never readable.
        """
        if self._declared is None:
            self.refresh()
        assert self._declared is not None
        return self._declared

    @property
    def is_current(self) -> bool:
        """Whether nothing was applied on this machine since the logs were last asked."""
        return self._in_use is not None and self._marks == self._marks_now()

    def current(self) -> InUse:
        """Return what counts now.

        Raises:
            SettingsError: the files could not be read since the start, so that no log can be found.
        """
        in_use = self._in_use
        return in_use if in_use is not None and self.is_current else self.refresh()

    def refresh(self) -> InUse:
        """Read the files, ask every environment's log what was last applied, and return what counts now.

        Raises:
            SettingsError: as for :meth:`current`.
        """
        with self._lock:
            return self._looked_up(self._read_declared())

    def ask_logs(self) -> None:
        """Ask every environment's log whether something else was applied; files are read only where it was."""
        with self._lock:
            if self._in_use is None or any(self._is_news(name) for name in self._kept):
                self._looked_up(self._read_declared())

    def _looked_up(self, here: Platform | None) -> InUse:
        declared = self._declared
        assert declared is not None
        marks = self._marks_now()
        closed: dict[str, str] = {}
        found: dict[str, Mapping[str, object]] = {}
        for name, environment in declared.environments.items():
            contents = self._contents_of(environment, here)
            if isinstance(contents, str):
                closed[name] = contents
            else:
                found[name] = contents
        if self._in_use is None or (closed, found) != (self._in_use.closed, self._contents):
            self._in_use = InUse(applied.merged(declared, found), closed, self._administrators)
        self._contents, self._marks = found, marks
        return self._in_use

    def _is_news(self, name: str) -> bool:
        """Return whether the log of ``name`` has another apply, or does not say what it has."""
        before = self._last[name].known
        try:
            return self._last[name].event() != before
        except AuditError:
            return True

    def _read_declared(self) -> Platform | None:
        """Return the files as they are now; None where they cannot be read, and an earlier reading goes on."""
        try:
            here = load_platform(self.directory)
        except SettingsError:
            if self._declared is None:
                raise
            return None
        self._declared = here
        for name, environment in here.environments.items():
            self._last.setdefault(name, applied.LastApply(partial(open_reader, here, name)))
            self._kept[name] = applied.kept_in(environment, pick_cloud(environment, None))
        return here

    def _contents_of(self, environment: Environment, here: Platform | None) -> Mapping[str, object] | str:
        """Return what was applied to ``environment``, or why that is not known."""
        name = environment.environment
        again = f"make apply ENV={name}"
        try:
            event = self._last[name].event()
        except StoreError as error:
            # What was verified holds while a store is away for a while; nothing holds that never was.
            return self._contents.get(name) or f"its log does not answer ({error})"
        except AuditError as error:
            return f"its log cannot be believed ({error})"
        if event is None or event.action == "destroy":
            return f"it was {'destroyed' if event else 'never applied'}: {again}"
        mine = _contents_in(here, environment) if here else {}
        contents = applied.find(event, self._kept[name], mine)
        return contents if contents is not None else f"what was last applied there is not at hand: {again}"

    def _marks_now(self) -> tuple[int, ...]:
        folders = dict.fromkeys(folder.parent for folder in self._kept.values())  # where a new environment's appears
        return tuple(_changed(folder) for folder in (*folders, *self._kept.values()))


def account_named(text: str) -> Account:
    """Return the account that ``text`` names: an address, or ``service:<name>``."""
    name = text.strip()
    return Account(name.removeprefix("service:"), name.startswith("service:"))


def from_variables(variables: Mapping[str, str]) -> SettingsInUse:
    """Return the settings of a guarded server's process.

    ``GROUNDWORK_ACCESS_SETTINGS`` is the folder of the settings (default: this checkout's), which say where the
    environments' logs are, and so what was last applied there. ``GROUNDWORK_ACCESS_ADMINISTRATORS`` are accounts that
    look after the server beside those of the settings, separated by commas, service accounts as ``service:<name>``.
    """
    named = [text for text in variables.get(ADMINISTRATORS, "").split(",") if text.strip()]
    return SettingsInUse(Path(variables.get(SETTINGS) or DIRECTORY), frozenset(map(account_named, named)))


def _contents_in(platform: Platform, environment: Environment) -> Mapping[str, object]:
    try:
        return settings_of(platform, environment, pick_cloud(environment, None)).contents
    except SigningError:  # people of this machine's own cannot be read
        return {}


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


class Refresher:
    """Asks the logs now and then, in a thread of its own.

    Args:
        settings: what is looked up again where they have something else.
    """

    def __init__(self, settings: SettingsInUse) -> None:
        self._settings, self._ending = settings, threading.Event()
        self._thread = threading.Thread(target=self._run, name="applied-settings", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(REFRESH_SECONDS):
            try:
                self._settings.ask_logs()
            except SettingsError as error:
                _log.warning("The settings cannot be read: %s", error)
