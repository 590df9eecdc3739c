"""Makes the offline provider's own package importable; it has no dependency that these tests need but TOML."""

from __future__ import annotations

import sys

from tests.conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "infra" / "offline"))
