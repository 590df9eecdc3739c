"""Faults that a test must notice. ``python -m tests.mutants`` makes each in a copy and says which survive.

Each mutant removes one promise: a gate, a threshold, an identity rule, an error that must not be swallowed. A mutant
that no test notices is a promise that nobody keeps.
"""

# ruff: noqa: E501 - texts to replace are quoted as they stand
from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Mutant:
    """A text to replace in a file, and the tests that should fail then."""

    promise: str
    file: str
    old: str
    new: str
    tests: str


MUTANTS = (
    Mutant(
        "a production threshold bites",
        "environments/production.yaml",
        "  roc_auc: 0.74",
        "  roc_auc: 0",
        "tests/environments",
    ),
    Mutant(
        "a production threshold is not lowered",
        "environments/production.yaml",
        "    recall: 0.88",
        "    recall: 0.86",
        "tests/environments",
    ),
    Mutant(
        "a champion that was never promoted is not loaded",
        "governance/gates/champion.py",
        "release = trusted_release(named_version(context.target, in_use.version), context.target, context.journal)",
        "from governance.registry.releases import verify_release\n    release = verify_release(named_version(context.target, in_use.version), context.target)",
        "tests/governance/gates/test_promotion_evidence.py -k never_was_promoted",
    ),
    Mutant(
        "the performance gate raises",
        "governance/gates/performance.py",
        "context).require()\n\n\n@step(enable_cache=False)\ndef validate_release_",
        "context)\n\n\n@step(enable_cache=False)\ndef validate_release_",
        "tests/governance/gates/test_steps.py -k performance",
    ),
    Mutant(
        "the data gate raises",
        "governance/gates/data_quality.py",
        "return record(judge_rows(GATE.name, data, columns, limits, context), context).require()",
        "return record(judge_rows(GATE.name, data, columns, limits, context), context)",
        "tests/governance/gates/test_steps.py -k 'data_quality or validate_input'",
    ),
    Mutant(
        "the input gate raises",
        "governance/gates/input_quality.py",
        "return record(judge_input(profile, limits, context), context).require()",
        "return record(judge_input(profile, limits, context), context)",
        "tests/governance/gates/test_steps.py -k 'data_quality or validate_input'",
    ),
    Mutant(
        "the fairness gate raises",
        "governance/gates/fairness.py",
        "context).require()\n\n\n@step(enable_cache=False)\ndef validate_release_",
        "context)\n\n\n@step(enable_cache=False)\ndef validate_release_",
        "tests/governance/gates/test_steps.py -k fairness",
    ),
    Mutant(
        "the drift gate raises",
        "governance/gates/drift.py",
        "gates, context), context).require()",
        "gates, context), context)",
        "tests/governance/gates/test_steps.py -k validate_drift",
    ),
    Mutant(
        "the champion gate raises",
        "governance/gates/champion.py",
        "    return record(result, context).require()",
        "    return record(result, context)",
        "tests/governance/gates/test_steps.py -k champion",
    ),
    Mutant(
        "all gates of training are attached",
        "governance/gates/catalogue.py",
        "    data_quality.GATE,\n",
        "",
        "tests/governance/runs/test_governed_runs.py -k 'gates_run or bad_data'",
    ),
    Mutant(
        "a challenger meets the champion",
        "governance/gates/champion.py",
        "environments=ORDER[-2:-1]",
        "environments=()",
        "tests/governance/gates/test_promotion_evidence.py -k baseline",
    ),
    Mutant(
        "a batch is judged before it is scored",
        "governance/gates/catalogue.py",
        '        kinds.append("scores")\n',
        "        pass\n",
        "tests/governance/runs/test_governed_runs.py -k 'refused_before or not_scored'",
    ),
    Mutant(
        "what a gate guards waits for it",
        "governance/runs/govern.py",
        "pipeline.invocations[consumer].upstream_steps.add(judge)",
        "pass",
        "tests/governance/runs/test_governed_runs.py -k 'gates_run or bad_data'",
    ),
    Mutant(
        "a second model is not hidden from the gates",
        "governance/runs/govern.py",
        "    if MODEL in models and len(models) > 1:",
        "    if False:",
        "tests/governance/runs/test_governed_runs.py -k refused_before",
    ),
    Mutant(
        "a metric that must be small is bounded from above",
        "environments/model.py",
        'LOWER_IS_BETTER = frozenset({"brier_score"})',
        "LOWER_IS_BETTER: frozenset[str] = frozenset()",
        "tests/governance/gates/test_performance.py",
    ),
    Mutant(
        "a missing metric does not pass",
        "governance/gates/result.py",
        'math.isnan(self.value):\n            return "cannot_conclude"',
        'math.isnan(self.value):\n            return "passed"',
        "tests/governance/gates/test_result.py",
    ),
    Mutant(
        "the interval decides",
        "governance/gates/result.py",
        "        if nearest is not None and not self._clears(nearest):",
        "        if False:",
        "tests/governance/gates/test_result.py",
    ),
    Mutant(
        "a failure cannot be set aside",
        "governance/gates/result.py",
        'return self.passed or (self.verdict == "cannot_conclude" and self.overridden_by is not None)',
        "return self.passed or self.overridden_by is not None",
        "tests/governance/gates/test_result.py",
    ),
    Mutant(
        "an override expires",
        "governance/gates/exemptions.py",
        "            and at < self.expires\n",
        "",
        "tests/governance/gates/test_result.py",
    ),
    Mutant(
        "an override is of one model",
        "governance/gates/exemptions.py",
        "            and self.model_digest in (None, model_digest)\n",
        "",
        "tests/governance/gates/test_result.py",
    ),
    Mutant(
        "a written verdict follows from its figures",
        "governance/gates/result.py",
        "        if claimed is not None and claimed != made.verdict:",
        "        if False:",
        "tests/governance/gates/test_result.py",
    ),
    Mutant(
        "no variation is not certainty",
        "governance/gates/bootstrap.py",
        "    if draws.max() != draws.min():",
        "    if True:",
        "tests/governance/gates/test_performance.py",
    ),
    Mutant(
        "an interval has both its tails",
        "governance/gates/bootstrap.py",
        "low, high = np.quantile(draws, [tail, 1 - tail])",
        "low, high = np.quantile(draws, [3 * tail, 1 - tail])",
        "tests/governance/gates/test_performance.py",
    ),
    Mutant(
        "too few rows conclude nothing",
        "governance/gates/performance.py",
        "        if found < least:",
        "        if False:",
        "tests/governance/gates/test_performance.py",
    ),
    Mutant(
        "a flattering evaluation is noticed",
        "governance/gates/performance.py",
        "        and not abs(told[measure.name] - measure.value) <= _TOLERANCE",
        "        and False",
        "tests/governance/gates/test_performance.py",
    ),
    Mutant(
        "rows that were trained on are noticed",
        "governance/gates/scored.py",
        "trained_on=int(model.training_rows.holds(frame).sum()),",
        "trained_on=0,",
        "tests/governance/gates/test_performance.py",
    ),
    Mutant(
        "both error rates count for equalized odds",
        "governance/gates/fairness.py",
        "odds = np.maximum(",
        "odds = np.minimum(",
        "tests/governance/gates/test_fairness.py",
    ),
    Mutant(
        "a small group concludes nothing",
        "governance/gates/fairness.py",
        "    if group < limits.minimum_group_rows:",
        "    if False:",
        "tests/governance/gates/test_fairness.py",
    ),
    Mutant(
        "a group with few of an outcome concludes nothing",
        "governance/gates/fairness.py",
        "    if outcome < limits.minimum_group_per_class:",
        "    if False:",
        "tests/governance/gates/test_fairness.py",
    ),
    Mutant(
        "an exemption is of one measure",
        "environments/model.py",
        "(exempt.model, exempt.attribute, exempt.measure) == (model, attribute, measure)",
        "(exempt.model, exempt.attribute) == (model, attribute)",
        "tests/governance/gates/test_fairness.py",
    ),
    Mutant(
        "a value that went missing is drift",
        "governance/gates/drift.py",
        "known / max(len(values), 1)), missing)",
        "known / max(len(values), 1)), 0)",
        "tests/governance/gates/test_drift.py -k 'not evidently'",
    ),
    Mutant(
        "many columns are corrected for",
        "governance/gates/drift.py",
        "(len(p_values) - rank) * p_values[position]",
        "p_values[position]",
        "tests/governance/gates/test_drift.py -k 'not evidently'",
    ),
    Mutant(
        "chance is not drift",
        "governance/gates/drift.py",
        "p_value >= limits.significance",
        "False",
        "tests/governance/gates/test_drift.py -k 'not evidently'",
    ),
    Mutant(
        "the stability index decides",
        "governance/gates/drift.py",
        "threshold = limits.distance if distance else limits.psi",
        "threshold = limits.distance if distance else 99.0",
        "tests/governance/gates/test_drift.py -k 'not evidently'",
    ),
    Mutant(
        "rows that the champion was trained on are left out",
        "governance/gates/champion.py",
        "challenger.training_rows.holds(frame) | champion.training_rows.holds(frame)",
        "challenger.training_rows.holds(frame)",
        "tests/governance/gates/test_champion.py",
    ),
    Mutant(
        "a version does not meet itself",
        "governance/gates/champion.py",
        "float(versions[0] != versions[1]), 1",
        "1.0, 1",
        "tests/governance/gates/test_champion.py",
    ),
    Mutant(
        "the margin bites",
        "governance/gates/champion.py",
        "margin if smaller else -margin",
        "margin if smaller else -1.0",
        "tests/governance/gates/test_champion.py",
    ),
    Mutant(
        "a group must not lose",
        "governance/gates/champion.py",
        'group.check("at least", -margin',
        'group.check("at least", -1.0',
        "tests/governance/gates/test_champion.py",
    ),
    Mutant(
        "a cached verdict does not count",
        "governance/gates/promotion.py",
        "    if status != ExecutionStatus.COMPLETED:",
        "    if False:",
        "tests/governance/gates/test_promotion_evidence.py -k cached",
    ),
    Mutant(
        "a stale policy does not count",
        "governance/gates/promotion.py",
        "        if result.policy_version != policy:",
        "        if False:",
        "tests/governance/gates/test_promotion_evidence.py -k something_else",
    ),
    Mutant(
        "another model's verdict does not count",
        "governance/gates/promotion.py",
        '        if gate.judges_model and result.evidence.get("model") != model_digest:',
        "        if False:",
        "tests/governance/gates/test_promotion_evidence.py -k something_else",
    ),
    Mutant(
        "a verdict that was rewritten does not count",
        "governance/gates/promotion.py",
        '    if logged.get("digest") != result.digest:',
        "    if False:",
        "tests/governance/gates/test_promotion_evidence.py -k changed_in_the_store",
    ),
    Mutant(
        "a comparison with an earlier champion does not count",
        "governance/gates/champion.py",
        "    if compared == now_there:",
        "    if True:",
        "tests/governance/gates/test_promotion_evidence.py -k stale",
    ),
    Mutant(
        "a policy's name covers how gates conclude",
        "governance/core/policy.py",
        '        "gates": environment.gates.model_dump(mode="json"),\n',
        "",
        "tests/governance/gates/test_promotion_evidence.py -k policy",
    ),
    Mutant(
        "gates get stricter towards production",
        "environments/load.py",
        "        loose = looser(later.gates, earlier.gates)",
        "        loose: list[str] = []",
        "tests/environments",
    ),
    Mutant(
        "gates-prove fails when a control gets through",
        "governance/cli/gates.py",
        "        raise typer.Exit(1)",
        "        return",
        "tests/governance/gates/test_prove.py -k command",
    ),
    Mutant(
        "a control counts only for what is wrong with it",
        "governance/gates/prove.py",
        "return told(False, bool(named), ",
        "return told(False, True, ",
        "tests/governance/gates/test_prove.py -k another_reason",
    ),
    Mutant(
        "success is announced once",
        "governance/runs/govern.py",
        "        on_failure=hooks.run_failed,",
        "        on_failure=hooks.run_failed,\n        on_success=hooks.run_succeeded,",
        "tests/governance/runs/test_governed_runs.py -k exactly_once",
    ),
    Mutant(
        "the digest is checked before a model is read",
        "pipelines/model.py",
        "    if found != digest:",
        "    if False:",
        "tests/pipelines -k 'model'",
    ),
    Mutant(
        "features are scaled",
        "pipelines/features.py",
        '("scale", StandardScaler())',
        '("scale", __import__("sklearn.preprocessing", fromlist=["x"]).Binarizer(threshold=1e300))',
        "tests/pipelines",
    ),
    Mutant(
        "risk is the class that the config names",
        "pipelines/labels.py",
        "return target.map(category_text).isin(self.values)",
        "return (~target.map(category_text).isin(self.values))",
        "tests/pipelines",
    ),
    Mutant(
        "registration names the error and fails",
        "stack_bootstrap/registration/apply.py",
        "            writer.write(change)\n",
        "            try:\n                writer.write(change)\n            except Exception:\n                pass\n",
        "tests/stack_bootstrap -k registration",
    ),
    Mutant(
        "the requester's own approval does not count",
        "governance/approvals/approve.py",
        '    if given.person == requester and given.statement.decision == "approved":',
        "    if False:",
        "tests/governance/approvals/test_approvals.py -k self_approval",
    ),
    Mutant(
        "the trainer's approval does not count",
        "governance/approvals/approve.py",
        "    if given.person == trainer:",
        "    if False:",
        "tests/governance/approvals/test_approvals.py -k 'trainers or glass'",
    ),
    Mutant(
        "only people with the role approve",
        "governance/approvals/approve.py",
        "    if not set(given.person.emails) & set(people_who_approve(request.target)):",
        "    if False:",
        "tests/governance/approvals/test_approvals.py -k 'role or auditor'",
    ),
    Mutant(
        "an auditor holds no role that approves",
        "governance/core/roles.py",
        "return [person for person, role in members.items() if role in APPROVERS]",
        "return list(members)",
        "tests/governance/approvals/test_approvals.py -k auditor",
    ),
    Mutant(
        "an approval serves once",
        "governance/approvals/approve.py",
        "(why := closed.get(entry.sequence))",
        "(why := None)",
        "tests/governance/approvals/test_approvals.py -k used",
    ),
    Mutant(
        "only a completed promotion uses an approval up",
        "governance/approvals/approve.py",
        'isinstance(event, PromotionEvent | RollbackEvent) and event.step == "completed"',
        "isinstance(event, PromotionEvent | RollbackEvent)",
        "tests/governance/approvals/test_approvals.py -k used",
    ),
    Mutant(
        "an approval expires",
        "governance/approvals/approve.py",
        "    if clock.now() >= given.statement.expires and",
        "    if False and",
        "tests/governance/approvals/test_approvals.py -k expired",
    ),
    Mutant(
        "an approval is of one evidence",
        "governance/approvals/approve.py",
        "    if statement.evidence_digest != request.evidence_digest:",
        "    if False:",
        "tests/governance/approvals/test_approvals.py -k something_else",
    ),
    Mutant(
        "an approval is under one policy",
        "governance/approvals/approve.py",
        "    if statement.policy_version != request.policy:",
        "    if False:",
        "tests/governance/approvals/test_approvals.py -k 'something_else or stricter'",
    ),
    Mutant(
        "an approval is of one model",
        "governance/approvals/approve.py",
        "statement.model != target.model or statement.model_digest != request.model_digest",
        "False",
        "tests/governance/approvals/test_approvals.py -k something_else",
    ),
    Mutant(
        "an approval is for one environment",
        "governance/approvals/approve.py",
        '    if (statement.environment, statement.cloud) != (target.environment.environment, target.cloud):\n        return f"is for {statement.environment} on',
        '    if False:\n        return f"is for {statement.environment} on',
        "tests/governance/approvals/test_approvals.py -k something_else",
    ),
    Mutant(
        "an approval is recorded in its signer's name",
        "governance/approvals/approve.py",
        "    if not person.is_known_as(event.actor.id, subjects):",
        "    if False:",
        "tests/governance/approvals/test_approvals.py -k forged",
    ),
    Mutant(
        "an emergency takes two",
        "governance/approvals/break_glass.py",
        "SIGNATURES = 2",
        "SIGNATURES = 1",
        "tests/governance/approvals/test_approvals.py -k glass",
    ),
    Mutant(
        "a statement that was replaced is noticed",
        "governance/signing/statements.py",
        "    if signed.digest != digest:",
        "    if False:",
        "tests/governance/approvals/test_approvals.py -k replaced",
    ),
    Mutant(
        "an entry's signature is checked before anything is read from it",
        "governance/audit/reader.py",
        "if not is_signed(data, self.keys, self.origin) or leaf_hash(data) != placed:",
        "if leaf_hash(data) != placed:",
        "tests/governance/attacks/test_unsigned_entries.py",
    ),
    Mutant(
        "an entry's place in the tree is checked before anything is read from it",
        "governance/audit/reader.py",
        "if not is_signed(data, self.keys, self.origin) or leaf_hash(data) != placed:",
        "if not is_signed(data, self.keys, self.origin):",
        "tests/governance/attacks/test_unsigned_entries.py",
    ),
    Mutant(
        "a signature is for our purpose",
        "governance/signing/ssh.py",
        'purpose = [] if action == "find-principals" else ["-n", NAMESPACE]',
        'purpose = [] if action == "find-principals" else ["-n", "git" if action == "verify" else NAMESPACE]',
        "tests/governance/signing/test_people.py",
    ),
    Mutant(
        "a signature is verified and not only attributed",
        "governance/signing/ssh.py",
        "    if checked.returncode != 0:",
        "    if False:",
        "tests/governance/signing/test_people.py tests/governance/approvals/test_approvals.py",
    ),
    Mutant(
        "a key's validity is asked for the time of signing",
        "governance/signing/ssh.py",
        'moment = ["-O", f"verify-time={at.astimezone(UTC):%Y%m%d%H%M%S}"]',
        "moment: list[str] = []",
        "tests/governance/signing/test_people.py -k valid",
    ),
    Mutant(
        "nobody signs under another name",
        "governance/signing/statements.py",
        "    if by.email not in person.emails:",
        "    if False:",
        "tests/governance/signing/test_people.py -k another_name",
    ),
    Mutant(
        "one key is one person",
        "governance/signing/people.py",
        "if group[0] & joined or group[1] & keys:",
        "if group[0] & joined:",
        "tests/governance/signing/test_people.py -k one_person",
    ),
    Mutant(
        "an object whose key climbs is not written",
        "pipelines/local_paths.py",
        '    if all(map(_is_plain, name.split("/"))):',
        "    if True:",
        "tests/governance/attacks/test_hostile_names.py -k 'climbs or leads_out'",
    ),
    Mutant(
        "a link is not copied as what it leads to",
        "pipelines/local_paths.py",
        "            if (folder / path).is_symlink():",
        "            if False:",
        "tests/governance/attacks/test_hostile_names.py -k link",
    ),
    Mutant(
        "an extract's entries are proven under a checkpoint that holds",
        "governance/audit/verify.py",
        "            if not root or reached != root",
        "            if reached != root",
        "tests/governance/attacks/test_verifiers_agree.py -k intact_for_one",
    ),
    Mutant(
        "proofs are numbered in one way",
        "governance/audit/verify.py",
        'NUMBER = re.compile("0|[1-9][0-9]{0,9}")',
        'NUMBER = re.compile(r"\\d+")',
        "tests/governance/attacks/test_verifiers_agree.py -k intact_for_one",
    ),
    Mutant(
        "a verifier prints no line that a name forged",
        "governance/audit/verify.py",
        '    return re.sub("[^ -~]", lambda found: ascii(found[0])[1:-1], text)',
        "    return text",
        "tests/governance/attacks/test_verifiers_agree.py -k forges",
    ),
    Mutant(
        "an archive's member is there once",
        "governance/audit/export.py",
        "    odd += [name for name, next_name in pairwise(archive.members) if name == next_name]\n",
        "",
        "tests/governance/attacks/test_verifiers_agree.py -k intact_for_one",
    ),
    Mutant(
        "the share of missing values counts, not their number",
        "governance/gates/drift.py",
        "found * (known / max(len(values), 1))",
        "found",
        "tests/governance/gates/test_drift.py -k missing",
    ),
    Mutant(
        "a model's signature is verified",
        "governance/registry/model_files.py",
        "            verify_model(folder, signature, trusted, self.what)\n",
        "",
        "tests/governance/promotion/test_staging.py -k unsigned",
    ),
    Mutant(
        "an unsigned model is refused",
        "governance/registry/model_files.py",
        "            if signature is None:\n                raise",
        "            if signature is None:\n                yield folder\n                return\n                raise",
        "tests/governance/promotion/test_staging.py -k unsigned",
    ),
    Mutant(
        "an altered model is refused before it is read",
        "governance/registry/model_files.py",
        "            if found != self.digest:",
        "            if False:",
        "tests/governance/promotion/test_staging.py -k 'exchanged or flipped'",
    ),
    Mutant(
        "only the key of where models are trained is trusted",
        "governance/signing/keys.py",
        "    origin = trained_in(target)\n",
        "    origin = target\n",
        "tests/governance/signing/test_models.py",
    ),
    Mutant(
        "only a promoted version is loaded",
        "governance/registry/loading.py",
        "if (str(version.number), digest(release.digest)) not in events.completed_promotions(target, journal.log):",
        "if False:",
        "tests/governance/promotion/test_staging.py -k only_what",
    ),
    Mutant(
        "a stage set past promotion gives no model",
        "governance/registry/loading.py",
        "        if recorded != [str(version.number)]:",
        "        if False:",
        "tests/governance/promotion/test_staging.py -k only_what",
    ),
    Mutant(
        "promotion asks the gates",
        "governance/promotion/promote.py",
        "    if not break_glass and request.unsettled:",
        "    if False:",
        "tests/governance/promotion/test_staging.py -k glass",
    ),
    Mutant(
        "no signature of a person stands in for the model's",
        "governance/promotion/promote.py",
        "        require_signed(candidate, target)\n    except",
        "    except",
        "tests/governance/promotion/test_staging.py -k unsigned",
    ),
    Mutant(
        "the log is written before the stage is set",
        "governance/promotion/promote.py",
        '    steps.write("stage_set")\n',
        "",
        "tests/governance/promotion/test_staging.py -k 'log_cannot or interrupted'",
    ),
    Mutant(
        "a stage is put back when its completion cannot be recorded",
        "governance/promotion/promote.py",
        "        restore_stages(candidate, steps.facts.from_stage, current, target)\n",
        "",
        "tests/governance/promotion/test_staging.py -k log_cannot",
    ),
    Mutant(
        "rollback follows the log",
        "governance/records/history.py",
        "            while stack[-1].version != event.version:\n                stack.pop()",
        "            pass",
        "tests/governance/promotion/test_staging.py -k rollback_goes",
    ),
    Mutant(
        "an altered release is not returned to",
        "governance/promotion/rollback.py",
        "        trusted_release(earlier, target, journal)\n",
        "        pass\n",
        "tests/governance/promotion/test_staging.py -k flipped",
    ),
    Mutant(
        "of two promotions the first goes on",
        "governance/promotion/recovery.py",
        "    if first.id != attempt:",
        "    if False:",
        "tests/governance/promotion/test_recovery.py -k first",
    ),
    Mutant(
        "one that was undone does not go on",
        "governance/promotion/recovery.py",
        "    if attempt not in {other.id for other in going_on}:",
        "    if False:",
        "tests/governance/promotion/test_recovery.py -k dead",
    ),
    Mutant(
        "another machine's attempt is left alone",
        "governance/promotion/recovery.py",
        "    if clock.now() < ends:",
        "    if False:",
        "tests/governance/promotion/test_recovery.py -k another_machine",
    ),
    Mutant(
        "reconcile compares the stage with the log",
        "governance/promotion/reconcile.py",
        "    if actual != recorded:",
        "    if False:",
        "tests/governance/promotion/test_staging.py -k only_what",
    ),
    Mutant(
        "an override is not for its signer's own work",
        "governance/approvals/overrides.py",
        " if found.person not in not_by)",
        ")",
        "tests/governance/promotion/test_staging.py -k override_sets",
    ),
    Mutant(
        "a drill does not move a protected environment",
        "governance/promotion/drill.py",
        "moves = not target.environment.protected or confirm == name",
        "moves = True",
        "tests/governance/promotion/test_staging.py -k drill",
    ),
    Mutant(
        "a failed apply is recorded as failed",
        "governance/infrastructure/recorder.py",
        'ended("failed" if failure else "succeeded")',
        'ended("succeeded")',
        "tests/governance/infrastructure -k failed_apply",
    ),
    Mutant(
        "what was done and not recorded is an error",
        "governance/infrastructure/recorder.py",
        "    if problems:\n",
        "    if False:\n",
        "tests/governance/infrastructure -k cannot_be_recorded",
    ),
    Mutant(
        "an apply is recorded once, also after a crash",
        "governance/audit/outbox.py",
        "        found.add(entry.event.id)\n    return",
        "        pass\n    return",
        "tests/governance/infrastructure -k recording_and_forgetting",
    ),
    Mutant(
        "an apply that goes on is not recorded by another",
        "governance/audit/outbox.py",
        "fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        "tests/governance/infrastructure -k goes_on",
    ),
    Mutant(
        "a log outlives its environment",
        "infra/modules/local/team-folders/remove.sh",
        '"${FOLDER##*/}" = audit ]',
        '"${FOLDER##*/}" = never ]',
        "tests/governance/infrastructure -k log_that_survives",
    ),
    Mutant(
        "an evidence pack is the only zip file of its files",
        "governance/audit/verify_pack.py",
        "if zip_bytes(found) != raw or",
        "if",
        "tests/governance/evidence_pack/test_seal.py",
    ),
    Mutant(
        "a manifest lists every file of a pack",
        "governance/audit/verify_pack.py",
        "if files[MANIFEST] != listed.encode():",
        "if False:",
        "tests/governance/evidence_pack/test_seal.py -k manifest",
    ),
    Mutant(
        "a pack is held against the key that the auditor trusts",
        "governance/audit/verify_pack.py",
        "keys = self.trusted if self.established else own",
        "keys = own",
        "tests/governance/evidence_pack/test_seal.py -k somebody_else",
    ),
    Mutant(
        "a person's signature in a pack is checked",
        "governance/audit/verify_pack.py",
        "elif not self.ssh_signature_holds(statement, signature):",
        "elif False:",
        "tests/governance/evidence_pack/test_pack.py -k forgery",
    ),
    Mutant(
        "a pack's log grew from what an anchor has",
        "governance/audit/verify_pack.py",
        "            if is_consistent(n, size, old_root, root, proofs[n]):",
        "            if True:",
        "tests/governance/evidence_pack/test_pack.py -k anchor",
    ),
    Mutant(
        "what a key service signs is checked",
        "governance/audit/signer.py",
        "    if not verifier.verify(signature, message):",
        "    if False:",
        "tests/governance/audit/test_key_services.py -k another_key",
    ),
    Mutant(
        "an entry in Cloud Storage is created once",
        "governance/audit/clouds/gcp.py",
        "                    if_generation_match=0,\n",
        "",
        "tests/governance/audit/test_clouds.py -k created_once",
    ),
)


def why_stale(mutant: Mutant, root: Path = REPOSITORY) -> str | None:
    """Return why ``mutant`` says nothing any more, or None: its text must be there once, and its tests at all."""
    found = (root / mutant.file).read_text(encoding="utf-8").count(mutant.old) if (root / mutant.file).is_file() else 0
    if found != 1 or mutant.old == mutant.new:
        return f"{mutant.file} holds {mutant.old!r} {found} times"
    places, _, words = mutant.tests.partition(" -k ")
    text = ""
    for place in places.split():
        path, *names = place.split("::")
        files = [file for file in (root / path, *(root / path).rglob("*.py")) if file.is_file()]
        if not files:
            return f"there is no {path}"
        text += "".join(str(file) + file.read_text(encoding="utf-8") for file in files)
        words += "".join(f" {name.partition('[')[0]}" for name in names)
    missing = [word for word in re.findall(r"\w+", words) if word not in ("and", "or", "not") and word not in text]
    return f"{places} has no test {missing[0]}" if missing else None


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests pass in ``copy`` with the mutant in it; the copy is put back afterwards."""
    file = copy / mutant.file
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        command = f"{sys.executable} -m pytest -q -x --no-header -p no:cacheprovider {mutant.tests}"
        done = subprocess.run(["sh", "-c", command], cwd=copy, capture_output=True, check=False)
    finally:
        file.write_text(text, encoding="utf-8")
    if done.returncode not in (0, 1):
        raise SystemExit(f"The tests for {mutant.promise!r} did not run:\n{done.stdout.decode()[-2000:]}")
    return done.returncode == 0


def main() -> None:
    """Run every mutant, or those whose promise holds the given words."""
    console, words = Console(), " ".join(sys.argv[1:])
    chosen = [mutant for mutant in MUTANTS if words in mutant.promise]
    stale = {mutant.promise: why for mutant in chosen if (why := why_stale(mutant))}
    for promise, why in stale.items():
        console.print(f"STALE     {promise}: {why}")
    chosen, left = [mutant for mutant in chosen if mutant.promise not in stale], []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "groundwork"
        shutil.copytree(
            REPOSITORY,
            copy,
            symlinks=True,
            ignore=shutil.ignore_patterns(".venv", ".groundwork", ".git", "__pycache__"),
        )
        for mutant in chosen:
            with console.status(mutant.promise):
                alive = survives(mutant, copy)
            console.print(f"{'SURVIVED' if alive else 'noticed '}  {mutant.promise}")
            left += [mutant] if alive else []
    console.print(f"{len(chosen) - len(left)} of {len(chosen)} noticed")
    sys.exit(1 if left or stale else 0)


if __name__ == "__main__":
    main()
