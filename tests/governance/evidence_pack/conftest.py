"""A model that went from training to production, and its evidence pack, once a module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from governance.audit.location import locate
from governance.core.target import Target
from tests.governance.audit.conftest import place
from tests.governance.conftest import Ground

__all__ = ["Packed", "packed", "place"]

ASKS, AGREES = "grace@example.com", "edsger@example.com"


@dataclass(frozen=True)
class Packed:
    """Where a pack and the public key of its environment's log are."""

    target: Target
    file: Path
    key: Path
    anchors: Path


@pytest.fixture(scope="module")
def packed(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    from governance.approvals.approve import approve
    from governance.evidence_pack.pack import write_pack
    from governance.promotion.promote import promote
    from governance.runs import jobs

    dev, staging, production = (ground.target(name) for name in ("dev", "staging", "production"))
    asks = ground.signatory(ASKS)
    jobs.train(dev)
    promote(staging, requested_by=asks)
    jobs.validate(staging)
    approve(production, ground.signatory(AGREES))
    promote(production, requested_by=asks)
    file = tmp_path_factory.mktemp("pack") / "evidence.zip"
    write_pack(production, file)
    where = locate(production.platform, "production", cloud="local")
    return Packed(production, file, where.key.with_suffix(".pub"), Path(where.anchors[0]))
