"""What a model says of a batch is held against what it said of its reference rows, by figures that scipy gives too."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ks_2samp

from governance.gates.drift import population_stability_index
from governance.gates.drift_report import DISTANCE, PSI
from governance.gates.prediction_drift import (
    COUNTED,
    DECISIONS,
    GATE,
    NOT_KEPT,
    SCORES,
    judge_prediction_drift,
    measure_prediction_drift,
)
from governance.gates.result import GateFailedError, GateResult, Measure
from governance.gates.synthetic import SyntheticData
from pipelines.input_profile import InputProfile
from pipelines.prediction_summary import Histogram, PredictionSummary
from pipelines.score_reference import ScorePlaces, ScoreReference
from tests.governance.gates.conftest import CONTEXT, gates

DIGEST = "d" * 64
TOO_FEW = gates().drift.minimum_rows - 1


def decided(scores: np.ndarray) -> dict[str, int]:
    flagged = int((scores >= 0.5).sum())
    return {"flagged": flagged, "not flagged": len(scores) - flagged}


def reference_of(scores: np.ndarray) -> ScoreReference:
    return ScoreReference.of(scores, decided(scores))


def batch_of(reference: ScoreReference, *pieces: np.ndarray) -> PredictionSummary:
    """The summary of a batch that was scored in ``pieces``."""
    places, scores = ScorePlaces(reference.edges), np.concatenate(pieces)
    for piece in pieces:
        places.update(piece)
    profile = InputProfile(
        location="x", rows=len(scores), missing={}, unseen_categories={}, outside_range={}, data_digest="e" * 64
    )
    return PredictionSummary(
        model="m_x", model_version="1", model_digest=DIGEST, task="binary", meaning="", run_id="r",
        predicted_at=datetime.now(UTC), uri="", columns={}, input=profile, rows=len(scores),
        outcomes=decided(scores), decision_threshold=0.5, value_mean=float(scores.mean()), value_quantiles={},
        histogram=Histogram(edges=(0, 1), counts=(len(scores),)), score_places=places.counts,
    )  # fmt: skip


def measured(reference: ScoreReference, *pieces: np.ndarray) -> dict[str, Measure]:
    return {m.name: m for m in measure_prediction_drift(reference, batch_of(reference, *pieces), bins=5)}


def judged(before: np.ndarray, *pieces: np.ndarray) -> GateResult:
    reference = reference_of(before)
    return judge_prediction_drift(reference, batch_of(reference, *pieces), DIGEST, gates(), CONTEXT)


SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, known=st.integers(2, 1500), rows=st.integers(1, 3000), decimals=st.sampled_from([0, 1, 2, 15]))
def test_the_distance_is_scipys_on_the_scores_themselves(seed: int, known: int, rows: int, decimals: int) -> None:
    """Also where scores repeat, as those of a tree do, and beyond those of the reference."""
    random = np.random.default_rng(seed)
    before, after = random.beta(2, 5, known).round(decimals), (random.beta(2, 4, rows) * 1.2 - 0.1).round(decimals)
    expected = ks_2samp(before.astype("float32"), after.astype("float32"), method="asymp")
    found = measured(reference_of(before), after)[f"{DISTANCE}{SCORES}"]
    assert found.value == pytest.approx(expected.statistic, abs=1e-9)
    assert found.facts["p_value"] == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


def test_the_index_is_over_the_references_quantiles() -> None:
    """Scores 1 to 100 in five bins of 20; 50 rows all in the lowest: a share of 1 against 0.2."""
    found = measured(reference_of(np.arange(1.0, 101.0)), np.full(50, 3.0))[f"{PSI}{SCORES}"]
    before, after = np.full(5, 20), np.array([50, 0, 0, 0, 0])
    assert found.value == pytest.approx(population_stability_index(before, after))
    assert found.facts["p_value"] == pytest.approx(chi2_contingency([before, after], correction=False).pvalue)


def test_the_distance_of_decisions_does_not_shrink_with_the_batch() -> None:
    """A tenth flagged and then three tenths: with equal groups Cramer's V is 0.25, however large the batch is."""
    before = np.repeat([0.9, 0.1], [100, 900])
    found = [measured(reference_of(before), np.repeat([0.9, 0.1], [3 * n, 7 * n])) for n in (100, 100_000)]
    for measures in found:
        assert measures[f"{DISTANCE}{DECISIONS}"].value == pytest.approx(0.25)
    equal = chi2_contingency([[100, 900], [300, 700]], correction=False)
    assert found[0][f"{DISTANCE}{DECISIONS}"].value == pytest.approx(np.sqrt(equal.statistic / 2000))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, cut=st.integers(0, 500))
def test_pieces_and_shards_count_as_the_whole(seed: int, cut: int) -> None:
    scores = np.random.default_rng(seed).random(500)
    reference = reference_of(np.random.default_rng(1).random(200))
    assert batch_of(reference, scores[:cut], scores[cut:]).score_places == batch_of(reference, scores).score_places


def spread(rows: int, shift: float = 0.0) -> np.ndarray:
    """Evenly spread scores."""
    return (np.arange(rows) + 0.5) / rows * 0.6 + shift


SIZES = st.integers(1, 50_000)


@settings(max_examples=80, deadline=None)
@given(known=st.integers(100, 20_000), rows=SIZES)
def test_a_batch_like_the_reference_goes_on_at_any_size(known: int, rows: int) -> None:
    result = judged(spread(known), spread(rows))
    assert result.verdict == ("passed" if rows > TOO_FEW else "cannot_conclude")
    assert GATE.require(result) is result


@settings(max_examples=80, deadline=None)
@given(known=st.integers(100, 20_000), rows=SIZES)
def test_a_batch_that_moved_is_stopped_at_any_size_that_can_tell(known: int, rows: int) -> None:
    result = judged(spread(known), spread(rows, shift=0.3))
    if rows > TOO_FEW:
        with pytest.raises(GateFailedError, match=r"'prediction drift' stopped m_x .* must be at most 0\.2"):
            GATE.require(result)
    else:
        assert not any(check.verdict == "failed" for check in result.checks)
        assert f"not judged: {rows} rows, at least 100 are needed" in str(result.checks[-1])


@pytest.mark.parametrize(("known", "rows", "most"), [(100, TOO_FEW + 1, 10), (400, 1000, 0)])
def test_chance_hardly_ever_stops_a_batch(known: int, rows: int, most: int) -> None:
    """One batch in a hundred, as the significance is; the limits alone would stop one of sixteen small ones."""
    random = np.random.default_rng(rows + known)
    verdicts = [judged(random.beta(2, 5, known), random.beta(2, 5, rows)).verdict for _ in range(400)]
    assert verdicts.count("failed") <= most


def test_the_same_score_added_up_in_another_order_is_the_same() -> None:
    tenths = np.repeat([0.1 + 0.2, 0.7], [300, 700])
    assert judged(tenths, np.repeat([0.3, 0.7], [150, 350])).passed


def test_a_version_that_keeps_no_scores_is_said_not_to_be_judged(synthetic: SyntheticData) -> None:
    result = judge_prediction_drift(None, synthetic.predictions("moved"), DIGEST, gates(), CONTEXT)
    assert result.verdict == "cannot_conclude", "no agreement"
    assert GATE.require(result) is result, "and no obstacle"
    assert all(NOT_KEPT in str(check) for check in result.checks)


def test_scores_that_were_not_all_compared_or_are_another_models_stop_the_batch(synthetic: SyntheticData) -> None:
    model, made = synthetic.models["good"], synthetic.predictions("good")
    reference = model.reference.scored
    assert reference is not None

    def judge(**changes: object) -> GateResult:
        changed = made.model_copy(update=changes)
        return judge_prediction_drift(reference, changed, str(model.digest), gates(), CONTEXT)

    assert judge().passed
    half = tuple(count // 2 for count in made.score_places)
    for changes in (
        {"score_places": half},
        {"score_places": made.score_places[:-2]},
        {"score_places": (0,) * len(made.score_places)},
        {"outcomes": {}},
        {"model_digest": DIGEST},
    ):
        result = judge(**changes)
        assert result.verdict == "failed", changes
        assert COUNTED in str(GateFailedError(result))
