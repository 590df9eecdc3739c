"""Starting runs from a frozen snapshot, once everything is as it was frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client import Client
from zenml.config.pipeline_configurations import PipelineConfiguration
from zenml.execution.pipeline.utils import submit_pipeline
from zenml.models import PipelineSnapshotRequest
from zenml.pipelines.build_utils import reuse_or_create_pipeline_build, should_upload_code
from zenml.pipelines.run_utils import create_placeholder_run
from zenml.utils.code_utils import upload_code_if_necessary
from zenml.utils.dict_utils import recursive_update
from zenml.utils.source_utils import get_source_root

from governance.audit.events import SnapshotFrozen
from governance.core.digests import digest
from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.cost.labels import orchestrator_labels
from governance.images.settings import docker_settings
from governance.records.context import KEY, RunContext
from governance.registry.loading import NoModelInUseError
from governance.runs.code_archive import CheckoutArchive, use_code_of
from governance.runs.collector import collect_recent
from governance.runs.jobs import sign_if_trained
from governance.runs.prediction_access import record_predictions
from governance.runs.run import new_run_name, packages_known, start_recorded
from governance.runs.session import RunSession
from governance.runs.steps import executor_of
from governance.snapshots.content import Content, altered_parts, lies_in
from governance.snapshots.errors import SnapshotError
from governance.snapshots.frozen import read_snapshots
from pipelines.batch_inference import batch_inference_pipeline
from pipelines.training import training_pipeline

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse

PIPELINES = {"train": training_pipeline.name, "infer": batch_inference_pipeline.name}
"""Names of the pipelines that each job starts; a model's own have the same."""


def train(target: Target, snapshot: str) -> PipelineRunResponse:
    """Train a new version from a snapshot frozen in ``target``'s environment.

    Args:
        target: the model and environment.
        snapshot: the snapshot by digest, by at least 12 digits of it, by ZenML's id or by its name.

    Raises:
        SnapshotError: it is not what was frozen, or not what is in use; nothing was started.
        GateFailedError: the data or the model did not pass the environment's gates.
        BudgetExceededError, StackMissingError, NotRecordedError, SigningError: as for a run without a snapshot.
    """
    collect_recent(target)
    session = RunSession(target)
    return sign_if_trained(session, _run(session, checked_snapshot(session, snapshot, PIPELINES["train"])))


def infer(target: Target, snapshot: str) -> PipelineRunResponse:
    """Score the model's own data with the version in use, from a snapshot frozen in ``target``'s environment.

    Raises:
        SnapshotError: as for :func:`train`, or it was frozen with another version than is in use.
        NoModelInUseError, ReleaseError, SigningError: as for a run without a snapshot.
    """
    collect_recent(target)
    session = RunSession(target)
    done = _run(session, checked_snapshot(session, snapshot, PIPELINES["infer"]))
    record_predictions(target, session.journal, done)
    return done


def checked_snapshot(session: RunSession, wanted: str, pipeline: str) -> SnapshotFrozen:
    """Return the snapshot ``wanted`` of ``pipeline``, once all that it was frozen with is as it was.

    Raises:
        SnapshotError: something differs; the message says what.
        UncommittedError, SettingsNotAppliedError: the code or the settings at hand do not count in the environment.
    """
    target, journal = session.target, session.journal
    journal.require_origin()
    history = read_snapshots(target, journal.log)
    frozen = history.find(wanted, target)
    what = f"Snapshot {frozen.snapshot_digest[7:19]} of {target.where}"
    if frozen.pipeline != pipeline:
        raise SnapshotError(f"{what} is of {frozen.pipeline}, not of {pipeline}.")
    used = history.in_use(pipeline)
    if used is None or used.snapshot_digest != frozen.snapshot_digest:
        now = used.snapshot_digest[7:19] if used is not None else "none"
        raise SnapshotError(
            f"{what} is not in use any more; {now} is. `make rollback ENV={target.environment.environment} "
            f"MODEL={target.model} TO_SNAPSHOT={frozen.snapshot_digest[7:19]} REASON=…` returns to it."
        )
    if wanted == frozen.name:
        _refuse_moved_name(frozen, target.project, what)
    made_from = journal.provenance
    now_and_then: list[tuple[str, Any, Any]] = [
        ("stack", frozen.stack, target.stack),
        ("commit", frozen.git_commit, made_from.git_commit),
        ("lock", frozen.lock_digest, digest(made_from.lock_digest)),
        ("settings", frozen.settings_digest, journal.settings.digest),
        ("image", frozen.image_digest, _image_digest(target, pipeline)),
    ]
    if made_from.git_dirty is not False:
        raise SnapshotError(f"{what} is of commit {frozen.git_commit}, and the code at hand is in no commit.")
    for name, then, now in now_and_then:
        if then != now:
            raise SnapshotError(f"{what} was frozen with {name} {then}, and here it is {now}. Nothing was started.")
    _refuse_another_release(session, frozen, what)
    stored = stored_snapshot(frozen, what)
    if not lies_in(target.project, stored):
        raise SnapshotError(
            f"{what} lies in the ZenML project {stored.project.name!r}, and what is of {target.team.team} in "
            f"{target.project!r}: freeze it there."
        )
    return frozen


def _image_digest(target: Target, pipeline: str) -> str | None:
    """Return the digest of the image that ``pipeline`` would run in; None where no container is started."""
    if not executor_of(target).starts_containers:
        return None
    image = docker_settings(target, "inference" if pipeline == batch_inference_pipeline.name else "training")
    return (image.parent_image or "").partition("@")[2] or None


def _refuse_moved_name(frozen: SnapshotFrozen, project: str | None, what: str) -> None:
    pipeline = Client().get_pipeline(frozen.pipeline, project=project)
    named = Client().list_snapshots(pipeline=pipeline.id, name=f"equals:{frozen.name}", size=1, project=project)
    found = str(named.items[0].id) if named.items else "nothing"
    if found != frozen.snapshot:
        raise SnapshotError(
            f"{what} was frozen as {frozen.name!r}, and that name means {found} in ZenML now, not {frozen.snapshot}: "
            "it was moved. Name the snapshot by its digest."
        )


def _refuse_another_release(session: RunSession, frozen: SnapshotFrozen, what: str) -> None:
    if frozen.model_version is None:
        return
    try:
        release = session.release
    except NoModelInUseError as error:
        raise SnapshotError(f"{what} scores with version {frozen.model_version}. {error}") from error
    if (release.version, digest(release.digest)) != (frozen.model_version, frozen.model_digest):
        raise SnapshotError(
            f"{what} was frozen with version {frozen.model_version} ({frozen.model_digest}), and version "
            f"{release.version} ({digest(release.digest)}) is in use: freeze again, or roll back."
        )


def stored_snapshot(frozen: SnapshotFrozen, what: str) -> PipelineSnapshotResponse:
    """Return what ZenML holds of ``frozen``, once it is what the log says.

    Raises:
        SnapshotError: it is gone or was altered.
    """
    try:
        stored = Client().get_snapshot(frozen.snapshot)
    except KeyError as error:
        raise SnapshotError(f"{what} is deleted from ZenML, where it was {frozen.snapshot}: freeze again.") from error
    content = Content.of(stored, frozen.environment, frozen.stack)
    altered = altered_parts(frozen.parts, content.digests)
    if altered:
        raise SnapshotError(f"{what} was altered in ZenML since it was frozen: {', '.join(altered)}. Freeze it again.")
    if stored.stack is None or stored.stack.name != frozen.stack:
        named = stored.stack.name if stored.stack is not None else "no stack"
        raise SnapshotError(f"{what} was frozen for {frozen.stack}, and ZenML has it on {named} now.")
    return stored


def _run(session: RunSession, frozen: SnapshotFrozen) -> PipelineRunResponse:
    target, name = session.target, new_run_name(session, frozen.pipeline)
    use_code_of()
    with active_stack(target.stack, target.project), packages_known():
        stored = stored_snapshot(frozen, f"Snapshot {frozen.snapshot_digest[7:19]} of {target.where}")
        request = _request(stored, session, name)
        gates = RunContext.model_validate(request.pipeline_configuration.extra[KEY]).gates

        def start() -> PipelineRunResponse:
            snapshot = Client().zen_store.create_snapshot(with_image_and_code(request))
            placeholder = create_placeholder_run(snapshot=snapshot)
            submit_pipeline(snapshot=snapshot, stack=Client().active_stack, placeholder_run=placeholder)
            return placeholder

        return start_recorded(session, name, frozen.pipeline, gates, start, frozen.snapshot_digest)


def _request(stored: PipelineSnapshotResponse, session: RunSession, run: str) -> PipelineSnapshotRequest:
    """Return what the run starts from: what was frozen, in the name of whoever starts it, and labelled with the run.

    ZenML itself makes a snapshot for every run.
    """
    configuration = stored.pipeline_configuration
    extra = dict(configuration.extra)
    provenance = {**extra[KEY]["provenance"], "started_by": session.journal.provenance.started_by}
    extra[KEY] = {**extra[KEY], "actor": session.journal.actor.model_dump(mode="json"), "provenance": provenance}
    settings = {name: given.model_dump(exclude_unset=True) for name, given in configuration.settings.items()}
    recursive_update(settings, orchestrator_labels(session.target, configuration.name, run))
    # Steps take what is configured for the pipeline from there, when ZenML reads them.
    started = {**configuration.model_dump(exclude={"extra", "settings"}), "extra": extra, "settings": settings}
    assert stored.stack is not None, "checked before"
    return PipelineSnapshotRequest(
        project=stored.project_id,
        stack=stored.stack.id,
        pipeline=stored.pipeline.id,
        source_snapshot=stored.id,
        run_name_template=run,
        pipeline_configuration=PipelineConfiguration.model_validate(started),
        step_configurations=stored.step_configurations,
        client_environment=stored.client_environment,
        client_version=stored.client_version,
        server_version=stored.server_version,
        pipeline_version_hash=stored.pipeline_version_hash,
        pipeline_spec=stored.pipeline_spec,
        is_dynamic=stored.is_dynamic,
    )


def with_image_and_code(request: PipelineSnapshotRequest) -> PipelineSnapshotRequest:
    """Say which images the steps run in on the active stack, and bring the code there where they run elsewhere.

    Both are made anew: the image from the settings that were compared, the code from the checkout whose commit was.
    What ZenML or the artifact store holds of the frozen snapshot could have been replaced.
    """
    build = reuse_or_create_pipeline_build(request, allow_build_reuse=False, pipeline_id=request.pipeline)
    if should_upload_code(request, build, can_download_from_code_repository=False):
        code = upload_code_if_necessary(CheckoutArchive(root=get_source_root()))
    else:
        code = None
    return request.model_copy(update={"build": build.id if build is not None else None, "code_path": code})
