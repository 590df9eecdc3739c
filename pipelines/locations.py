"""Where data may be: a bundled set of scikit-learn, or files at a path or in a bucket."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

BUNDLED: Final = ("sklearn:breast_cancer", "sklearn:diabetes", "sklearn:digits")
SCHEMES: Final = ("s3", "gs", "az", "abfs", "file")
CSV_SUFFIXES: Final = (".csv", ".csv.gz")
SUFFIXES: Final = (*CSV_SUFFIXES, ".parquet")


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
    name = location.rpartition("/")[2]
    if not name.endswith(SUFFIXES) and ("." in name or not location):
        raise ValueError(f"{location!r} must end in {', '.join(SUFFIXES)} or, for a folder of Parquet parts, in /")
    return location


def is_csv(location: str) -> bool:
    """Return whether ``location`` names a CSV file; other files are Parquet."""
    return location.endswith(CSV_SUFFIXES)
