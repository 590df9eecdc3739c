"""The bill of materials of a model (ML-BOM) in CycloneDX 1.6."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from governance.evidence_pack.model_card import predicts
from governance.gates.fairness import GATE as FAIRNESS
from governance.gates.performance import GATE as PERFORMANCE
from governance.gates.result import Check
from governance.images.lock_file import Locked
from governance.images.sbom import document, library, valid

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

    from governance.evidence_pack.facts import Facts

_TASKS = {
    "binary": "binary classification",
    "multiclass": "multiclass classification",
    "regression": "regression",
}


def ml_bom(facts: Facts, written: datetime) -> bytes:
    """Return the bill of the model: its files with their hashes, its data and its card.

    Raises:
        BomError: it does not hold to the schema of CycloneDX 1.6.
    """
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType

    signature = facts.signature
    properties = {
        "groundwork:environment": facts.environment,
        "groundwork:team": facts.team,
        "groundwork:stage": facts.stage,
        "groundwork:hash": "SHA-256 over the sorted names and hashes of the model's files",
    }
    model = Component(
        name=facts.model,
        version=facts.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        description=signature.description,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=facts.digest)],
        components=[
            Component(
                name=name,
                type=ComponentType.FILE,
                bom_ref=f"model/{name}",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
            )
            for name, digest in facts.files.items()
        ],
        properties=[Property(name=name, value=value) for name, value in properties.items()],
    )
    libraries = [library(Locked(name, version, "", ())) for name, version in signature.libraries.items()]
    bom = document(model, [*_data(facts), *libraries], f"model {facts.digest}", written)
    bom["metadata"]["component"]["modelCard"] = _model_card(facts)
    return valid(bom)


def _data(facts: Facts) -> Iterator[Component]:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType

    described = facts.description
    digests = {"training_data": facts.signature.training_data_digest}
    if described is not None:
        digests["validation_data"] = described.validation_digest
    for name, digest in digests.items():
        properties = [Property(name="groundwork:data_digest", value=f"sha256:{digest}")]
        if described is not None:
            properties.append(Property(name="groundwork:source", value=described.source))
            properties.append(Property(name="groundwork:source_digest", value=f"sha256:{described.source_digest}"))
            if described.selection is not None:
                properties.append(Property(name="groundwork:source_selection", value=described.selection))
        yield Component(name=name, type=ComponentType.DATA, bom_ref=f"data/{name}", properties=properties)


def _model_card(facts: Facts) -> dict[str, Any]:
    """Return CycloneDX's own model card, which its library does not model."""
    signature, card = facts.signature, facts.card
    considerations = {
        "useCases": [text for text in (card.intended_use,) if text],
        "technicalLimitations": [
            *card.limitations,
            *([f"Out of scope: {card.out_of_scope}"] * bool(card.out_of_scope)),
        ],
        "ethicalConsiderations": [{"name": text} for text in card.ethical_considerations],
        "fairnessAssessments": list(_fairness(facts)),
    }
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": _TASKS[signature.task],
            "architectureFamily": str(signature.estimator["type"]),
            "datasets": [{"ref": component.bom_ref.value} for component in _data(facts)],
            "inputs": [{"format": f"{column.name}: {column.describe()}"} for column in signature.columns],
            "outputs": [{"format": predicts(signature)}],
        },
        "quantitativeAnalysis": {"performanceMetrics": list(_metrics(facts))},
        "considerations": {name: value for name, value in considerations.items() if value},
    }


def _metrics(facts: Facts) -> Iterator[dict[str, Any]]:
    judged = facts.judged
    if judged is None or judged.evaluation is None:
        return
    checks = {check.name: check for gate in judged.gates if gate.gate == PERFORMANCE.name for check in gate.checks}
    for name, value in judged.evaluation.metrics.items():
        yield {"type": name, "value": f"{value:.6g}", "slice": "held-out rows", **_interval(checks.get(name))}


def _interval(check: Check | None) -> dict[str, Any]:
    if check is None or check.lower is None or check.upper is None:
        return {}
    return {"confidenceInterval": {"lowerBound": f"{check.lower:.6g}", "upperBound": f"{check.upper:.6g}"}}


def _fairness(facts: Facts) -> Iterator[dict[str, Any]]:
    judged = facts.judged
    for gate in judged.gates if judged else ():
        if gate.gate == FAIRNESS.name:
            for check in gate.checks:
                yield {"groupAtRisk": check.name, "harms": str(check)}
