"""Which policy was in force: one short name for everything that decides on a model in an environment."""

from __future__ import annotations

import json

from environments.files import sha256_hex
from governance.core.target import Target


def policy_version(target: Target) -> str:
    """Return ``policy-`` and 16 hexadecimal digits of SHA-256 over what decides on ``target``'s model there.

    That is: thresholds and margins, also those of the model's config, limits of data quality, how gates conclude, and
    how many must approve. Two environments have different policies even where their numbers are the same.
    """
    environment = target.environment
    decides = {
        "environment": environment.environment,
        "model": target.model,
        "thresholds": target.thresholds.model_dump(mode="json"),
        "data_quality": environment.data_quality.model_dump(mode="json"),
        "gates": environment.gates.model_dump(mode="json"),
        "approvals": environment.approvals,
    }
    text = json.dumps(decides, sort_keys=True, separators=(",", ":"))
    return f"policy-{sha256_hex(text)[:16]}"
