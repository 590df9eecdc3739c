"""Opening files at paths and in buckets, so that whatever fails is said with the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import fsspec

from pipelines.sources.table import DataSourceError


@contextmanager
def file_errors(location: str) -> Iterator[None]:
    """Turn what a path or a bucket's client raises into one error that names ``location``.

    Raises:
        DataSourceError: nothing is there, it cannot be opened, or its client is not installed.
    """
    scheme = urlsplit(location).scheme if "://" in location else "file"
    try:
        yield
    except FileNotFoundError as error:
        raise DataSourceError(f"{location}: does not exist") from error
    except ImportError as error:
        raise DataSourceError(f"{location}: reading {scheme}:// needs another package: {error}") from error
    except _errors_of(scheme) as error:
        raise DataSourceError(f"{location}: cannot be opened: {error}") from error


def open_file(location: str) -> Any:
    """Open a file for reading bytes.

    Raises:
        DataSourceError: as for :func:`file_errors`.
    """
    with file_errors(location):
        return fsspec.open(location, "rb").open()


def _errors_of(scheme: str) -> tuple[type[Exception], ...]:
    """Return what opening raises; a bucket's client has errors of its own, such as for missing credentials."""
    if scheme == "s3":
        from botocore.exceptions import BotoCoreError

        return (OSError, BotoCoreError)
    return (OSError,)
