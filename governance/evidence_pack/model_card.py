"""The model card: what the model is for, how good it is for whom, and who let it in (Mitchell et al., 2019).

The sections are those of "Model Cards for Model Reporting" (arxiv.org/abs/1810.03993), with approvals and lineage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from governance.audit.entry import Entry
from governance.audit.events import Approval, Override, Promotion, Rollback
from governance.evidence_pack.document import Block, Bullets, Paragraph, Section, Table
from governance.evidence_pack.facts import Facts
from governance.gates.fairness import GATE as FAIRNESS
from governance.gates.performance import GATE as PERFORMANCE
from governance.gates.result import Check, GateResult
from pipelines.labels import in_words
from pipelines.signature import Signature

_NOT_STATED = "Not stated in the model's configuration."


def title(facts: Facts) -> str:
    """Return the card's title."""
    return f"Model card: {facts.model}, version {facts.version}"


def sections(facts: Facts, entries: Sequence[Entry]) -> list[Section]:
    """Return the card's sections.

    Args:
        facts: what is known of the version.
        entries: what the logs say of it, those of all environments.
    """
    return [
        Section("Model details", list(_details(facts))),
        Section("Intended use", _intended(facts)),
        Section("Data", list(_data(facts))),
        Section("Metrics", list(_metrics(facts))),
        Section("Fairness", list(_fairness(facts))),
        Section("Limits and ethical considerations", list(_limits(facts))),
        Section("Gates", list(_gates(facts))),
        Section("Approvals", list(_approvals(entries))),
        Section("Lineage", list(_lineage(facts))),
    ]


def _details(facts: Facts) -> Iterator[Block]:
    signature = facts.signature
    parameters = signature.estimator.get("parameters", {})
    yield Paragraph(signature.description)
    yield Table(
        ("what", "value"),
        [
            ("model", facts.model),
            ("version", facts.version),
            ("stage", facts.stage),
            ("team", facts.team),
            ("environment", f"{facts.environment} on {facts.cloud}"),
            ("estimator", str(signature.estimator["type"])),
            ("parameters", ", ".join(f"{name} {value}" for name, value in parameters.items()) or "defaults"),
            ("libraries", ", ".join(f"{name} {version}" for name, version in signature.libraries.items())),
            ("digest of its files", f"sha256:{facts.digest}"),
        ],
    )


def _intended(facts: Facts) -> list[Block]:
    signature, card = facts.signature, facts.card
    return [
        Paragraph(card.intended_use or _NOT_STATED),
        Paragraph(predicts(signature)),
        Paragraph(f"Out of scope: {card.out_of_scope or _NOT_STATED}"),
    ]


def predicts(signature: Signature) -> str:
    """Say in words what a model predicts."""
    label = signature.label
    match signature.task:
        case "binary":
            return (
                f"It predicts the probability of: {label.meaning}. A probability of at least "
                f"{signature.decision_threshold:g} is flagged."
            )
        case "multiclass":
            return f"It predicts which of {', '.join(label.classes)} a row is: {label.meaning}."
        case "regression":
            return f"It predicts a number{f' in {label.unit}' if label.unit else ''}: {label.meaning}."


def divided(signature: Signature) -> str:
    """Say by which method, and which column or function, rows were divided."""
    split = signature.split
    method = split.method or ("random" if signature.task == "regression" else "stratified")
    by = ", ".join(filter(None, (split.group, split.column, split.function)))
    return f"{method}{f' ({by})' if by else ''}"


def _data(facts: Facts) -> Iterator[Block]:
    signature, described = facts.signature, facts.description
    rows = [("training", signature.training_rows, signature.training_labels, signature.training_data_digest)]
    if described is not None:
        chosen = f", of which it read: {described.selection}" if described.selection else ""
        digest = f"sha256:{described.source_digest}"
        yield Paragraph(f"Source: {described.source}{chosen}; {described.source_rows} rows with the digest {digest}")
        rows.append(
            ("held out", described.validation_rows, described.validation_labels, described.validation_digest),
        )
    task = signature.task
    yield Table(
        ("rows", "number", "of them", "digest"),
        [(what, str(number), in_words(task, labels), f"sha256:{digest}") for what, number, labels, digest in rows],
    )
    yield Paragraph(f"Divided by the method {divided(signature)}.")
    inputs = ", ".join(f"{column.name} ({column.describe()})" for column in signature.columns)
    yield Paragraph(f"Inputs: {inputs}")


def _metrics(facts: Facts) -> Iterator[Block]:
    judged = facts.judged
    if judged is None or judged.evaluation is None:
        yield Paragraph("No run evaluated this version.")
        return
    evaluation = judged.evaluation
    checks = {check.name: check for gate in judged.gates if gate.gate == PERFORMANCE.name for check in gate.checks}
    labels = in_words(evaluation.task, evaluation.labels)
    yield Paragraph(
        f"On {evaluation.rows} held-out rows{f' ({labels})' if labels else ''}, in run {judged.name} "
        f"({judged.environment}). Intervals are bootstrapped."
    )
    yield Table(
        ("metric", "value", "interval", "required"),
        [
            (name, f"{value:.4f}", _interval(checks.get(name)), _required(checks.get(name)))
            for name, value in evaluation.metrics.items()
        ],
    )


def _fairness(facts: Facts) -> Iterator[Block]:
    judged = facts.judged
    results = [gate for gate in (judged.gates if judged else ()) if gate.gate == FAIRNESS.name]
    measures = [measure for result in results for measure in result.measures]
    if not results:
        yield Paragraph("No run judged fairness between groups.")
        return
    if measures:
        yield Table(
            ("measure and group", "value", "intervals", "counts"),
            [
                (
                    measure.name,
                    _number(measure.value),
                    "; ".join(f"{c} %: {low:.3f} to {high:.3f}" for c, (low, high) in measure.intervals.items()),
                    ", ".join(f"{name} {value:g}" for name, value in measure.facts.items()),
                )
                for measure in measures
            ],
        )
    yield from (_checks(result) for result in results)


def _limits(facts: Facts) -> Iterator[Block]:
    card = facts.card
    yield Bullets([*card.limitations, *card.ethical_considerations] or [_NOT_STATED])
    unknown = {"refuse": "are refused", "ignore": "are scored as having none of the known categories"}
    yield Paragraph(f"Rows with categories that training did not see {unknown[facts.signature.unseen_categories]}.")
    open_points = [
        f"{run.environment}: {check}"
        for run in facts.runs
        for gate in run.gates
        for check in gate.checks
        if not check.passed
    ]
    if open_points:
        yield Paragraph("What gates could not conclude, or said no to:")
        yield Bullets(open_points)


def _gates(facts: Facts) -> Iterator[Block]:
    rows = [
        (run.environment, run.purpose, gate.gate, gate.verdict.replace("_", " "), gate.policy_version)
        for run in facts.runs
        for gate in run.gates
    ]
    yield (
        Table(("environment", "run", "gate", "verdict", "policy"), rows) if rows else Paragraph("No gate was reached.")
    )


def _approvals(entries: Iterable[Entry]) -> Iterator[Block]:
    rows = []
    for entry in sorted(entries, key=lambda entry: (entry.event.time, entry.event.environment, entry.sequence)):
        event = entry.event
        match event:
            case Approval():
                what = f"{event.decision} as {event.role}{', breaking the glass' if event.break_glass else ''}"
            case Override():
                what = f"override of {event.gate} until {event.expires:%Y-%m-%d}: {event.reason}"
            case Promotion(step="requested" | "completed" | "refused" | "undone"):
                what = f"promotion to {event.to_stage} {event.step}"
            case Rollback():
                what = f"rollback from {event.from_version} to {event.to_version}: {event.step.replace('_', ' ')}"
            case _:
                continue
        rows.append((f"{event.time:%Y-%m-%d %H:%M} UTC", event.environment, what, event.actor.id, str(entry.sequence)))
    if rows:
        yield Table(("when", "environment", "what", "who", "entry"), rows)
        yield Paragraph("People stand under pseudonyms; who they are is sealed beside the log.")
    else:
        yield Paragraph("The logs hold no approval or promotion of this version.")


def _lineage(facts: Facts) -> Iterator[Block]:
    yield Table(
        ("environment", "run", "name", "commit", "started"),
        [(run.environment, run.purpose, run.name, run.git_commit[:12], run.started[:16]) for run in facts.runs],
    )
    if facts.releases:
        yield Paragraph(f"Copies: {', '.join(f'{where} at {uri}' for where, uri in facts.releases.items())}")


def _checks(result: GateResult) -> Block:
    return Bullets([str(check) for check in result.checks] or ["nothing was checked"])


def _interval(check: Check | None) -> str:
    if check is None or check.lower is None or check.upper is None:
        return ""
    return f"{check.lower:.4f} to {check.upper:.4f} ({check.confidence} %)"


def _required(check: Check | None) -> str:
    return "" if check is None else f"{check.bound} {check.threshold:g}"


def _number(value: float | None) -> str:
    return "missing" if value is None else f"{value:.4g}"
