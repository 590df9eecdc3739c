"""How a report calls things: metrics, verdicts and events in words."""

from __future__ import annotations

from dataclasses import dataclass

from governance.gates.gate import DATA_QUALITY
from governance.rendering.numbers import count, percent, utc
from governance.report.data import Metric, ReportData
from pipelines.labels import in_words
from pipelines.tasks.metrics import find_metric


def metric_title(name: str) -> str:
    """Return a metric's name in words."""
    known = find_metric(name)
    return known.title if known is not None else name.replace("_", " ").capitalize()


def metric_meaning(name: str) -> str:
    """Say what a metric means, in one sentence; empty for a metric that is not known here."""
    known = find_metric(name)
    return known.meaning if known is not None else ""


def direction(metric: Metric) -> str:
    """Say which way is better."""
    return "lower is better" if metric.bound == "at most" else "higher is better"


def quantile_name(share: float) -> str:
    """Return a quantile in words."""
    named = {0.0: "Least", 0.25: "Lower quartile", 0.5: "Median", 0.75: "Upper quartile", 1.0: "Greatest"}
    return named.get(share, f"{share * 100:g}% quantile")


@dataclass(frozen=True)
class Verdict:
    """One cell of the verdict strip. ``passed`` is None for what is neither good nor bad."""

    label: str
    text: str
    note: str
    passed: bool | None


def headline(data: ReportData) -> Verdict:
    """Say the report in one sentence: does the version meet what its environment asks?"""
    checks, where = data.checks_here, data.subject.environment
    if not checks:
        return Verdict("Performance", f"{where.capitalize()} sets no threshold for this model.", "", None)
    if data.evaluation is None:
        return Verdict("Performance", f"Not evaluated, so not shown to meet any {where} threshold.", "", False)
    measured = f"measured in {data.evaluation.environment}"
    missed = [metric_title(check.name) for check in checks if not check.passed]
    if missed:
        text = f"Misses {len(missed)} of {len(checks)} {where} thresholds: {', '.join(missed)}."
        return Verdict("Performance", text, measured, False)
    every = "the one" if len(checks) == 1 else f"all {len(checks)}"
    text = f"Meets {every} {where} threshold{'' if len(checks) == 1 else 's'}."
    return Verdict("Performance", text, measured, True)


def verdicts(data: ReportData) -> list[Verdict]:
    """Return the cells of the verdict strip."""
    return [_data_quality(data), _approval(data), _code(data), _scored(data)]


def _data_quality(data: ReportData) -> Verdict:
    found = [outcome for outcome in data.gates if outcome.section == DATA_QUALITY]
    if not found:
        return Verdict(DATA_QUALITY, "not checked", "no gate recorded a verdict", False)
    failed = sorted({outcome.environment for outcome in found if not outcome.result.settled})
    where = ", ".join(dict.fromkeys(outcome.environment for outcome in found))
    return Verdict(DATA_QUALITY, "failed" if failed else "passed", f"in {', '.join(failed) or where}", not failed)


def _approval(data: ReportData) -> Verdict:
    entry, needed = data.promotion, data.approvals_needed
    if entry is None:
        return Verdict("Promotion", "none recorded", f"into {data.subject.environment}", None if not needed else False)
    by = f"{utc(entry.time)}, asked by {entry.actor}"
    if entry.approvers:
        return Verdict("Approved by", ", ".join(entry.approvers), by, True)
    return Verdict("Promotion", "no approval" if needed else "no approval needed", by, needed == 0)


def _code(data: ReportData) -> Verdict:
    training = next((run for run in data.runs if run.purpose == "training"), None)
    if training is None:
        return Verdict("Code", "unknown", "no training run found", False)
    if training.git_dirty is None:
        return Verdict("Code", "not under git", "cannot be traced to a commit", False)
    commit = training.git_commit[:10]
    if training.git_dirty:
        return Verdict("Code", f"{commit} and changes", "trained with uncommitted changes", False)
    return Verdict("Code", commit, "trained from a clean commit", True)


def found_and_missed(data: ReportData) -> str:
    """Say the confusion matrix of a model of risk in two sentences."""
    assert data.evaluation is not None
    assert data.evaluation.confusion is not None
    seen = data.evaluation.confusion
    return (
        f"Of {count(seen.positives)} with {data.subject.meaning}, {_were(seen.true_positive)} flagged and "
        f"{count(seen.false_negative)} missed. Of {count(seen.negatives)} others, {_were(seen.false_positive)} flagged."
    )


def _were(rows: int) -> str:
    return f"{count(rows)} {'was' if rows == 1 else 'were'}"


def _scored(data: ReportData) -> Verdict:
    made = data.predictions
    if made is None:
        return Verdict("Predictions", "none yet", "with this version", None)
    return Verdict("Predictions", f"{count(made.rows)} rows", predicted(data), None)


def predicted(data: ReportData) -> str:
    """Say in a few words what the newest batch was predicted to be."""
    made = data.predictions
    if made is None:
        return ""
    if "flagged" in made.outcomes:
        return f"{percent(made.share('flagged'))} flagged"
    if made.outcomes:
        most = max(made.outcomes, key=lambda name: made.outcomes[name])
        return f"{percent(made.share(most))} {most}"
    return f"mean {made.mean:.4g}{f' {data.subject.unit}' if data.subject.unit else ''}"


def labelled(data: ReportData) -> str:
    """Say how many rows the evaluation stands on, and of which labels."""
    assert data.evaluation is not None
    words = in_words(data.subject.task, data.evaluation.labels)
    of_them = f", {words.replace(' at risk', ' of them at risk')}" if words else ""
    return f"{count(data.evaluation.rows)} held-out rows{of_them}"


def mismatches(data: ReportData) -> list[str]:
    """Return the places where a run used a model whose digest is not that of this version."""
    return [
        f"{lane.purpose} in {lane.environment} used {node.digest}"
        for lane in data.lineage
        for node in lane.nodes
        if node.kind in ("model", "release") and node.digest is not None and node.digest != data.subject.digest
    ]
