"""Freezing a model's pipelines: anew in staging, and in production as what was tried in staging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenml.client import Client

from environments import CHECKOUT, ORDER
from governance.audit import open_reader
from governance.audit.events import SnapshotFrozen
from governance.core.digests import digest
from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.records.journal import NotRecordedError
from governance.registry.versions import STAGES, staged_version
from governance.runs.code_archive import use_code_of
from governance.runs.govern import govern
from governance.runs.pipelines import batch_inference_of, training_of, training_parameters
from governance.runs.run import packages_known
from governance.runs.session import RunSession
from governance.runs.steps import executor_of
from governance.snapshots.content import Content, altered_parts, differences, lies_in
from governance.snapshots.errors import SnapshotError
from governance.snapshots.frozen import SnapshotHistory, digest_of, read_snapshots

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.models import PipelineSnapshotResponse
    from zenml.pipelines.pipeline_definition import Pipeline

_SHOWN = 3
"""Differences that a refusal names."""


@dataclass(frozen=True)
class Frozen:
    """What became of one pipeline."""

    pipeline: str
    digest: str
    snapshot: str
    """Identifier in ZenML; empty when nothing was kept."""
    name: str
    version: str | None
    changed: bool
    """Whether it was frozen now, or was already, the same."""
    tested_as: str | None
    """Digest of the snapshot of the environment before that it was tried as."""


@dataclass(frozen=True)
class _Candidate:
    """A pipeline that is to be frozen, with what it is called with."""

    pipeline: Pipeline
    parameters: dict[str, Any]
    version: str | None = None
    model_digest: str | None = None


def freeze(target: Target, *, dry_run: bool = False) -> list[Frozen]:
    """Compile the pipelines of ``target``'s model, and keep each, on record, as what runs may be started from.

    Training is frozen always, batch inference once a release is in use. In the last environment only what was tried
    in the one before is frozen: the same but for the stack, the environment's name and its limits.

    Args:
        target: the model and environment.
        dry_run: check everything, and keep nothing.

    Raises:
        SnapshotError: nothing is frozen in this environment, the code is in no commit, an image has no digest, or
            what would be frozen is not what was tried.
        UncommittedError, SettingsNotAppliedError: the code or the settings at hand do not count there.
        UngovernedPipelineError: a pipeline lacks what a gate judges.
        StackMissingError: the target's stack is not registered.
        NotRecordedError: the log cannot be written; nothing was kept.
    """
    environment = target.environment.environment
    if environment not in STAGES:
        raise SnapshotError(f"Nothing is frozen in {environment}, where code still changes: ENV={' or '.join(STAGES)}.")
    use_code_of()
    session = RunSession(target, overridden=False)
    if session.journal.provenance.git_dirty is not False:
        raise SnapshotError(f"Nothing is frozen for {target.where}: no commit describes the code in {CHECKOUT}.")
    with active_stack(target.stack, target.project), packages_known():
        return [_freeze(candidate, session, dry_run=dry_run) for candidate in _candidates(session)]


def _candidates(session: RunSession) -> Iterator[_Candidate]:
    training = training_of(session.config)
    yield _Candidate(training, training_parameters(training, session.config))
    if staged_version(session.target) is not None:
        release = session.release
        scoring = {**session.scoring_parameters, "data": None}
        yield _Candidate(batch_inference_of(session.config), scoring, release.version, digest(release.digest))


def _freeze(candidate: _Candidate, session: RunSession, *, dry_run: bool) -> Frozen:
    target, pipeline = session.target, candidate.pipeline.name
    governed = govern(candidate.pipeline, session, version=candidate.version)
    governed.prepare(**candidate.parameters)
    compiled, _, _ = governed._compile()  # what create_snapshot keeps; only that it is not kept yet
    content = Content.of(compiled, target.environment.environment, target.stack)
    journal = session.journal
    history = read_snapshots(target, journal.log)
    fields: dict[str, Any] = {
        "pipeline": pipeline,
        "stack": target.stack,
        "definition": content.definition,
        "parts": content.digests,
        "model_version": candidate.version,
        "model_digest": candidate.model_digest,
        "image_digest": _image_of(content, target),
        "policy_version": session.policy,
        "tested_as": _tested_as(content, candidate, session),
    }
    before = history.in_use(pipeline)
    if before is not None and _is_same(
        before, journal.event(SnapshotFrozen, **_made_up(fields, before)), target.project
    ):
        return Frozen(
            pipeline,
            before.snapshot_digest,
            before.snapshot,
            before.name,
            candidate.version,
            changed=False,
            tested_as=before.tested_as,
        )
    name = f"{target.model}-{target.environment.environment}-{pipeline}-{_count(history, pipeline) + 1}"
    if dry_run:
        return Frozen(pipeline, "", "", name, candidate.version, changed=True, tested_as=fields["tested_as"])
    # A name that the log does not know was left by an attempt that never came to be recorded.
    kept = governed.create_snapshot(name=name, description=f"commit {journal.provenance.git_commit}", replace=True)
    try:
        recorded = _record(session, kept, content, {**fields, "name": name, "snapshot": str(kept.id)})
    except BaseException:
        Client().delete_snapshot(kept.id)
        raise
    return Frozen(
        pipeline,
        recorded.snapshot_digest,
        str(kept.id),
        name,
        candidate.version,
        changed=True,
        tested_as=recorded.tested_as,
    )


def _record(
    session: RunSession, kept: PipelineSnapshotResponse, content: Content, fields: dict[str, Any]
) -> SnapshotFrozen:
    stored = stored_content(kept.id, content.environment, content.stack)
    changed = altered_parts(content.digests, stored.digests)
    if changed:
        raise NotRecordedError(f"ZenML kept something else than was compiled: {', '.join(changed)} of {kept.name}.")
    journal = session.journal
    draft = journal.event(SnapshotFrozen, **fields, snapshot_digest=digest("0" * 64))
    event = draft.model_copy(update={"snapshot_digest": digest_of(draft.content())})
    journal.write(event)
    return event


def stored_content(snapshot: UUID | str, environment: str, stack: str) -> Content:
    """Read what ZenML holds of ``snapshot`` now.

    Raises:
        KeyError: it is gone.
    """
    return Content.of(Client().get_snapshot(snapshot), environment, stack)


def _tested_as(content: Content, candidate: _Candidate, session: RunSession) -> str | None:
    """Return the digest of what was tried in the environment before; in the first that freezes there is none.

    Raises:
        SnapshotError: nothing was, or it is something else than ``content``.
    """
    target, pipeline = session.target, candidate.pipeline.name
    environment = target.environment.environment
    if environment == next(iter(STAGES)):
        return None
    source = target.in_environment(ORDER[ORDER.index(environment) - 1])
    there, what = source.environment.environment, f"{pipeline} of {target.model}"
    history = read_snapshots(source, open_reader(source.platform, there, cloud=source.cloud))
    tested = history.in_use(pipeline)
    if tested is None:
        raise SnapshotError(
            f"{what} was not frozen in {there}, so nothing of it is tested for {environment}: `make freeze ENV={there} "
            f"MODEL={target.model}`, and start a run from it there."
        )
    made_from = session.journal.provenance
    pairs = {
        "commit": (tested.git_commit, made_from.git_commit),
        "lock": (tested.lock_digest, digest(made_from.lock_digest)),
        "image": (tested.image_digest, _image_of(content, target)),
        "version": (tested.model_version, candidate.version),
        "model": (tested.model_digest, candidate.model_digest),
    }
    differing = [f"{name}: {a} in {there}, {b} in {environment}" for name, (a, b) in pairs.items() if a != b]
    if tested.definition != content.definition:
        differing += _named_differences(tested, content)
    if differing:
        more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        raise SnapshotError(
            f"{what} differs from what is frozen in {there} in more than the stack: "
            f"{'; '.join(differing[:_SHOWN])}{more}. Freeze and try in {there} what {environment} is to have."
        )
    if tested.snapshot_digest not in history.tried:
        raise SnapshotError(
            f"No run of {what} from snapshot {tested.snapshot_digest} ended well in {there}, so it is untested: start "
            f"one there with SNAPSHOT={tested.snapshot_digest[7:19]}."
        )
    return tested.snapshot_digest


def _named_differences(tested: SnapshotFrozen, content: Content) -> list[str]:
    try:
        there = stored_content(tested.snapshot, tested.environment, tested.stack)
    except KeyError:
        there = None
    if there is None or there.definition != tested.definition:
        return [f"definition: {tested.definition} in {tested.environment}, {content.definition} here"]
    return differences(there, content)


def _image_of(content: Content, target: Target) -> str | None:
    """Return the digest of the image that the steps run in; None where no container is started.

    Raises:
        SnapshotError: an image has no digest, so that it could be changed afterwards.
    """
    if not executor_of(target).starts_containers:
        return None
    digests = {image.partition("@")[2] for image in content.images}
    if len(digests) == 1 and (found := digests.pop()):
        return found
    raise SnapshotError(
        f"{target.where}: the image is given without a digest. What is frozen runs in an image by digest: "
        f"`make image PUSH=1`, then images: in {target.environment.environment}.yaml."
    )


def _made_up(fields: dict[str, Any], before: SnapshotFrozen) -> dict[str, Any]:
    """Return ``fields`` as they would be recorded if they were those of ``before``."""
    return {**fields, "snapshot": before.snapshot, "name": before.name, "snapshot_digest": before.snapshot_digest}


def _is_same(before: SnapshotFrozen, now: SnapshotFrozen, project: str | None) -> bool:
    """Return whether ``before`` is what would be frozen now, and ZenML still holds it unaltered in ``project``."""
    if digest_of(now.content()) != before.snapshot_digest:
        return False
    try:
        stored = Client().get_snapshot(before.snapshot)
    except KeyError:
        return False
    return lies_in(project, stored) and Content.of(stored, before.environment, before.stack).digests == before.parts


def _count(history: SnapshotHistory, pipeline: str) -> int:
    return sum(snapshot.pipeline == pipeline for snapshot in history.frozen)
