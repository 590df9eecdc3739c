"""The one way to a model that somebody wants to load: signed, unaltered, approved and in the log, or not at all.

Batch inference, validation and champion/challenger come through here before their run begins. The step that then loads
the model checks the same digest once more, on the very bytes it reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.core.digests import digest
from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.records.history import History, read_history, versions_staged
from governance.records.journal import Journal
from governance.registry.libraries import require_libraries
from governance.registry.releases import Release, ensure_release, find_release, verify_release
from governance.registry.sign_trained import is_signed
from governance.registry.versions import STAGES, staged_version

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse


class NoModelInUseError(RefusedError):
    """The environment has no version of the model to work with."""


def release_in_use(target: Target, journal: Journal) -> Release:
    """Return the release that ``target``'s environment works with now.

    Raises:
        NoModelInUseError: there is none, or its stage was set past ``make promote``.
        SettingsNotAppliedError: the settings at hand are not those that were applied there.
        ReleaseError: its files were altered.
        SigningError: it is unsigned, or not what was signed.
        LibrariesDifferError: it was trained with other libraries than those that are here.
    """
    journal.require_origin()
    version = staged_version(target)
    if version is None:
        _require_no_stage(target, journal)
        raise NoModelInUseError(
            f"No version of {target.where} is in use. Train it in dev, then promote it: "
            f"`make train ENV=dev MODEL={target.model}`, `make promote MODEL={target.model} TO=staging`."
        )
    history = None
    if target.environment.environment in STAGES:
        if find_release(version, target) is None:
            raise NoModelInUseError(
                f"Version {version.number} of {target.model} has the stage {version.stage!r} but no release "
                f"in {target.environment.environment}: the stage was set past `make promote`. Promote it, or set it "
                "back."
            )
        history = read_history(target, journal.log)
        if history.versions[-1:] != [str(version.number)]:
            raise NoModelInUseError(
                f"Version {version.number} of {target.model} has the stage {version.stage!r}, and the log says that "
                f"{f'version {history.versions[-1]}' if history.versions else 'none'} is in use in "
                f"{target.environment.environment}: the stage was set past `make promote`, or under other settings, or "
                "a promotion was interrupted. Run `make reconcile`, then promote or roll back."
            )
    release = trusted_release(version, target, journal, history)
    require_libraries(version, release, target)
    return release


def _require_no_stage(target: Target, journal: Journal) -> None:
    """Refuse, by what it is, a stage that is empty past promotion."""
    if target.environment.environment not in STAGES:
        return
    (expected, *others) = versions_staged(target, read_history(target, journal.log))
    if expected is not None and not others:
        raise NoModelInUseError(
            f"ZenML has no version of {target.model} in the stage of {target.environment.environment}, and the log "
            f"says that version {expected} is in use there: the stage was set past `make promote`. Run "
            "`make reconcile`; the next promotion or rollback sets it as the log says."
        )


def trusted_release(
    version: ModelVersionResponse, target: Target, journal: Journal, history: History | None = None
) -> Release:
    """Return the release of ``version`` in ``target``'s environment, if it may be loaded there.

    Args:
        version: the model version.
        target: the model and environment.
        journal: the environment's log.
        history: what that log says, where it was read already.

    Raises:
        NoModelInUseError: no completed promotion of that very digest into the environment is in the log.
        ReleaseError: there is no release, or its files were altered.
        SigningError: it is unsigned, or not what was signed.
    """
    if target.environment.environment not in STAGES:
        release = ensure_release(version, target)
        if not is_signed(target, version, journal):
            raise NoModelInUseError(
                f"Version {version.number} of {target.where} is not in the log as signed. Run `make sign "
                f"MODEL={target.model} VERSION={version.number}`, or train again."
            )
        return release
    release = verify_release(version, target)
    history = history or read_history(target, journal.log)
    if (str(version.number), digest(release.digest)) not in history.promoted:
        raise NoModelInUseError(
            f"Version {version.number} of {target.model} with digest {release.digest[:16]} was never promoted into "
            f"{target.environment.environment}, as far as its log knows. It is not loaded."
        )
    return release
