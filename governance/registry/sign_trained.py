"""Signing what a governed run trained: done by the process that governs, never by the data scientist's step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from governance.audit import LogReader, select
from governance.audit.events import ModelSigned, RunFinished
from governance.audit.query import Filter
from governance.core.digests import content_digest, digest
from governance.core.target import Target
from governance.records.journal import Journal
from governance.registry.releases import digest_of, trained_files
from governance.registry.versions import run_of
from governance.signing.errors import SigningError
from governance.signing.keys import signer_for, trained_in, trusted_keys
from pipelines.training import training_pipeline

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse


def sign_trained(target: Target, version: ModelVersionResponse, journal: Journal) -> bool:
    """Sign the model of ``version``, trained by a governed run in ``target``'s environment, and record it.

    Signing again changes nothing; interrupted, it can be called again.

    Returns:
        Whether anything was left to do.

    Raises:
        SigningError: the log knows no governed run that trained it and ended well, or there is no key.
        ReleaseError: the files are not those that training recorded.
        NotRecordedError: the log cannot be written.
    """
    what = f"Version {version.number} of {target.where}"
    run = run_of(version, target, training_pipeline.name)
    if run is None or not any(
        isinstance(entry.event, RunFinished) for entry in select(journal.log, Filter(run=run.name, kind="run_finished"))
    ):
        raise SigningError(f"{what} was trained by no governed run that the log says ended well, so it is not signed.")
    files, signer = trained_files(version), signer_for(target)
    signature, new = files.signature(), False
    if signature is None:
        with files.checked_copy() as folder:
            new = files.keep_signature(signer.sign(folder))
        signature = files.signature()
    if signature is None:
        raise SigningError(f"{what}: the artifact store did not keep its signature.")
    if signed_run(journal.log, target, str(version.number), digest(files.digest)) == run.name:
        return new
    if trained_in(target) == target:
        with files.verified_copy(trusted_keys(target)):
            pass  # what is recorded as signed is signed, by a key of ours
    journal.write(
        journal.event(
            ModelSigned,
            run=run.name,
            model_version=str(version.number),
            model_digest=digest(files.digest),
            signature_digest=content_digest(signature),
            key=digest(str(json.loads(signature)["verificationMaterial"]["publicKey"]["hint"])),
        )
    )
    return True


def signed_run(log: LogReader, target: Target, version: str, model_digest: str) -> str | None:
    """Return the run that trained ``version`` of ``target``'s model, by the log's newest record of its signature.

    Two trainings may make the same files, and a number is given again once its version was deleted: neither digest nor
    version alone says which training it was.

    Raises:
        AuditError: the log cannot be read.
    """
    wanted = Filter(kind="model_signed", model=target.model, model_version=version)
    for entry in select(log, wanted, newest_first=True):
        if entry.event.model_digest == model_digest:
            return entry.event.run
    return None


def is_signed(target: Target, version: ModelVersionResponse, journal: Journal) -> bool:
    """Return whether the log says that what trained ``version`` in ``target``'s environment was signed.

    Raises:
        ReleaseError: training recorded no digest.
        AuditError: the log cannot be read.
    """
    run = run_of(version, target, training_pipeline.name)
    signed = signed_run(journal.log, target, str(version.number), digest(digest_of(version)))
    return run is not None and run.name == signed
