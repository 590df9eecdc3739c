"""Where data may be: a bundled set of scikit-learn, or a CSV or Parquet file at a path or in a bucket."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

BUNDLED: Final = ("sklearn:breast_cancer", "sklearn:diabetes")
SCHEMES: Final = ("s3", "gs", "az", "abfs", "file")
SUFFIXES: Final = (".csv", ".parquet")


def check_location(location: str) -> str:
    """Return ``location`` if it is of a form that can be read; the data itself is not touched.

    Raises:
        ValueError: it is not; the message says what is allowed.
    """
    if location.startswith("sklearn:"):
        if location not in BUNDLED:
            raise ValueError(f"{location!r} is not a bundled data set; there are {', '.join(BUNDLED)}")
        return location
    scheme = urlsplit(location).scheme if "://" in location else ""
    if scheme and scheme not in SCHEMES:
        allowed = ", ".join(f"{name}://" for name in SCHEMES)
        raise ValueError(f"{location!r}: {scheme}:// is not read; use a path or one of {allowed}")
    if not location.endswith(SUFFIXES):
        raise ValueError(f"{location!r} must end in {' or '.join(SUFFIXES)}")
    return location
