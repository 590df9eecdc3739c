"""Which settings count for an environment: those that were last applied there, as its log says.

An apply that succeeds writes the digest of what the environment then requires. Whatever is decided there afterwards is
decided under those settings and says so, or is refused; what an entry says was decided under others counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from environments import CLOUDS, ORDER, Cloud, Environment, Platform
from environments.load import PLATFORM_FILE
from environments.people import PEOPLE_FILE
from governance.audit import LogReader
from governance.audit.canonical import canonical
from governance.audit.entry import Entry
from governance.audit.events import InfrastructureChange
from governance.core.digests import content_digest
from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.signing.keys import PUBLIC_KEYS, committed_key
from governance.signing.people import known_people


class SettingsNotAppliedError(RefusedError):
    """The settings at hand are not those that were last applied to the environment; the message names both."""


@dataclass(frozen=True)
class Settings:
    """What an environment requires, by digest: of content, so that order, comments and spelling of YAML do not count.

    Attributes:
        parts: the digest of what counts of each file, by the file's name.
        protected: whether the environment is protected.
        contents: what counts of each file, of which ``parts`` are the digests.
    """

    parts: Mapping[str, str]
    protected: bool
    contents: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """One digest of all parts."""
        return content_digest(canonical(dict(self.parts)))

    def in_log(self) -> dict[str, object]:
        """Return the fields of the event of an apply."""
        return {"settings_digest": self.digest, "settings": dict(self.parts), "protected": self.protected}


def settings_of(platform: Platform, environment: Environment, cloud: Cloud) -> Settings:
    """Return what counts of ``platform``'s settings for ``environment`` on ``cloud``.

    That is the environment's own file without other clouds' sections, of every team there its models, owners and
    section, who may sign, who looks after the shared server and whether teams have projects of their own there, and the
    committed keys of models. A model's configuration is code and has a commit.
    """
    name = environment.environment
    others = {"cloud", *CLOUDS} - {cloud}
    contents: dict[str, object] = {f"{name}.yaml": environment.model_dump(mode="json", exclude=others)}
    for team in platform.teams.values():
        if name in team.environments:
            kept = team.model_dump(mode="json", exclude={"environments"})
            contents[f"teams/{team.team}.yaml"] = {**kept, "here": team.environments[name].model_dump(mode="json")}
    if shared := _of_everybody(platform):  # an environment without any keeps its earlier digest
        contents[PLATFORM_FILE] = shared
    contents[PEOPLE_FILE] = known_people(platform, environment, cloud).content
    keys = committed_key(platform.directory, ORDER[0], cloud)
    if keys.exists():
        contents[f"{PUBLIC_KEYS}/{keys.name}"] = keys.read_text(encoding="utf-8").split()
    return Settings(digests_of(contents), environment.protected, contents)


def _of_everybody(platform: Platform) -> dict[str, object]:
    """Return what says who looks after the shared server, and who sees what there."""
    held: dict[str, object] = {}
    if administrators := platform.settings.administrators:
        held["administrators"] = sorted(administrators)
    if platform.settings.projects != "one":
        held["projects"] = platform.settings.projects
    return held


def digests_of(contents: Mapping[str, object]) -> Mapping[str, str]:
    """Return the digest of what counts of each file, by the file's name."""
    return {file: content_digest(canonical(held)) for file, held in contents.items()}


def settings_at(target: Target) -> Settings:
    """Return what counts of ``target``'s own settings for its environment."""
    return settings_of(target.platform, target.environment, target.cloud)


def last_applied(log: LogReader) -> InfrastructureChange | None:
    """Return the newest apply or destroy that succeeded.

    Raises:
        AuditError: the log cannot be read.
    """
    events = (entry.event for entry in log.newest_first())
    return next((it for it in events if isinstance(it, InfrastructureChange) and it.outcome == "succeeded"), None)


def other_settings(target: Target, log: LogReader, settings: Settings | None = None) -> str:
    """Say how ``target``'s settings are not those last applied to its environment; nothing where that does not matter.

    It matters where models are promoted to, and in environments that are protected or were when last applied.

    Raises:
        AuditError: the log cannot be read.
    """
    mine, applied = settings or settings_at(target), last_applied(log)
    if not (target.guarded or (applied and applied.protected)):
        return ""
    name = target.environment.environment
    again = f"`make apply ENV={name} CLOUD={target.cloud}`"
    if applied is None or applied.action == "destroy":
        was = "was destroyed" if applied else "has no record of being applied"
        return f"{name} {was}, so no settings count there: {again} first, which records them."
    if applied.settings_digest is None:
        return (
            f"The log of {name} does not say with which settings it was last applied, as an earlier release wrote it: "
            f"{again} records that, also where nothing changes."
        )
    if applied.settings_digest == mine.digest:
        return ""
    files = sorted(file for file, _ in set(mine.parts.items()) ^ set(applied.settings.items()))
    return (
        f"{name} was last applied with settings {applied.settings_digest}; these, in {target.platform.directory}, are "
        f"{mine.digest}, and differ in {', '.join(dict.fromkeys(files))}: {again} first, or use the settings that "
        "were applied."
    )


def require_applied(target: Target, log: LogReader, settings: Settings | None = None) -> None:
    """Go on only under the settings that were last applied to ``target``'s environment, where that matters.

    Raises:
        SettingsNotAppliedError: they are others, or none are on record.
        AuditError: the log cannot be read.
    """
    wrong = other_settings(target, log, settings)
    if wrong:
        raise SettingsNotAppliedError(wrong)


def with_settings(log: LogReader) -> Iterator[tuple[Entry, bool]]:
    """Yield every entry, oldest first, and whether it was decided under the settings that counted when it was written.

    Before the first apply that says its settings, as in a log of an earlier release, every entry was.

    Raises:
        AuditError: the log cannot be read.
    """
    counting: str | None = None
    for entry in log.entries():
        event = entry.event
        if isinstance(event, InfrastructureChange) and event.outcome == "succeeded":
            if event.action == "apply" and event.settings_digest is not None:
                counting = event.settings_digest
            elif counting is not None:
                counting = ""  # destroyed, or applied by an older release: nothing counts until the next apply
        yield entry, counting is None or event.settings_digest == counting
