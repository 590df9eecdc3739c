"""Bills of materials in CycloneDX 1.6: of the model (ML-BOM), and of the packages it is made and run with (SBOM)."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from governance.errors import Refused
from governance.gates.fairness import NAME as FAIRNESS
from governance.gates.performance import NAME as PERFORMANCE
from governance.gates.result import Check

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

    from governance.evidence_pack.facts import Facts

_NAMESPACE = uuid.UUID("5f0e6f0e-5c55-4d0c-9a53-6f0d64a3a1b7")
"""Serial numbers are made from what the bill is of, so that equal evidence makes an equal bill."""
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)(?P<marker>\s*;[^\\]*)?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class BillError(Refused):
    """A bill of materials cannot be made, or is not as CycloneDX wants it."""


@dataclass(frozen=True)
class Package:
    """A pinned package of the lock file."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """SHA-256 of each of its distribution files."""
    marker: str = ""
    """On which systems it is installed; empty for all."""


def ml_bom(facts: Facts, written: datetime) -> bytes:
    """The bill of the model: its files with their hashes, its data and its card.

    Raises:
        BillError: it does not hold to the schema of CycloneDX 1.6.
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
    libraries = [_library(Package(name, version, ())) for name, version in signature.libraries.items()]
    document = _document(model, [*_data(facts), *libraries], f"model {facts.digest}", written)
    document["metadata"]["component"]["modelCard"] = _model_card(facts)
    return _valid(document)


def sbom(lock: str, name: str, written: datetime) -> bytes:
    """The bill of the packages that the lock file ``lock`` (its text) pins with hashes.

    Raises:
        BillError: a line pins nothing, or the bill does not hold to the schema.
    """
    from cyclonedx.model.component import Component, ComponentType

    packages = list(read_lock(lock))
    about = Component(name=name, type=ComponentType.APPLICATION, bom_ref="application")
    return _valid(_document(about, [_library(package) for package in packages], f"packages {lock}", written))


def read_lock(text: str) -> Iterator[Package]:
    """The packages of a lock file in the form of pip's hash-checking mode.

    Raises:
        BillError: a line is no exact version with a hash.
    """
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pinned, hashes = _PIN.match(line), tuple(sorted(_HASH.findall(line)))
        if pinned is None or not hashes:
            raise BillError(f"The lock file pins nothing in {line.split(' --hash')[0].strip()!r}; run `make lock`.")
        marker = re.sub(r"\s*--hash.*", "", pinned["marker"] or "").strip(" ;")
        yield Package(pinned["name"], pinned["version"], hashes, marker)


def _library(package: Package) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    purl = PackageURL("pypi", None, re.sub(r"[-_.]+", "-", package.name).lower(), package.version)
    marker = [Property(name="groundwork:marker", value=package.marker)] if package.marker else []
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{purl.to_string()}{f'#{package.marker}' if package.marker else ''}",
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in package.hashes],
        properties=marker,
    )


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
        yield Component(name=name, type=ComponentType.DATA, bom_ref=f"data/{name}", properties=properties)


def _document(about: Component, components: list[Component], serial: str, written: datetime) -> dict[str, Any]:
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.output.json import JsonV1Dot6

    bom: Bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, serial),
        metadata=BomMetaData(component=about, timestamp=written),
        components=components,
    )
    bom.register_dependency(about, components)
    found: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return found


def _valid(document: dict[str, Any]) -> bytes:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise BillError(f"The bill of materials does not hold to CycloneDX 1.6: {wrong}")
    return text.encode()


def _model_card(facts: Facts) -> dict[str, Any]:
    """CycloneDX's own model card, which its library does not model."""
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
            "task": "binary classification",
            "architectureFamily": str(signature.estimator["type"]),
            "datasets": [{"ref": component.bom_ref.value} for component in _data(facts)],
            "inputs": [{"format": f"{column.name}: {column.describe()}"} for column in signature.columns],
            "outputs": [{"format": f"probability of: {signature.risk.meaning}"}],
        },
        "quantitativeAnalysis": {"performanceMetrics": list(_metrics(facts))},
        "considerations": {name: value for name, value in considerations.items() if value},
    }


def _metrics(facts: Facts) -> Iterator[dict[str, Any]]:
    judged = facts.judged
    if judged is None or judged.evaluation is None:
        return
    checks = {check.name: check for gate in judged.gates if gate.gate == PERFORMANCE for check in gate.checks}
    for name, value in judged.evaluation.metrics.model_dump().items():
        yield {"type": name, "value": f"{value:.6g}", "slice": "held-out rows", **_interval(checks.get(name))}


def _interval(check: Check | None) -> dict[str, Any]:
    if check is None or check.lower is None or check.upper is None:
        return {}
    return {"confidenceInterval": {"lowerBound": f"{check.lower:.6g}", "upperBound": f"{check.upper:.6g}"}}


def _fairness(facts: Facts) -> Iterator[dict[str, Any]]:
    judged = facts.judged
    for gate in judged.gates if judged else ():
        if gate.gate == FAIRNESS:
            for check in gate.checks:
                yield {"groupAtRisk": check.name, "harms": str(check)}
