"""The values that are kept of very many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

MOST_VALUES: Final = 2000
"""Values kept of a number. Of more rows, evenly spaced order statistics are kept, which are quantiles."""


def order_statistics(values: np.ndarray) -> tuple[float, ...]:
    """Return ``values``, of shape ``(rows,)``, sorted; of more than :data:`MOST_VALUES`, that many of them."""
    import numpy as np

    ordered = np.sort(values)
    if len(ordered) > MOST_VALUES:
        ordered = ordered[np.linspace(0, len(ordered) - 1, MOST_VALUES).round().astype(int)]
    return tuple(map(float, ordered))
