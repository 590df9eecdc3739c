"""Opening files at paths and in buckets, so that whatever fails is said with the file's name."""

from __future__ import annotations

import sys
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
        system, path = file_system(location)
        return system.open(path, "rb")


def file_system(location: str) -> tuple[Any, str]:
    """Return what reads ``location``, and by which name.

    In the bucket of the active stack's artifact store that is the store's own client: a bucket of one's own store is
    found by its address and keys alone, which nothing but the stack knows.
    """
    # Who reads without a stack has none to ask, and need not wait for ZenML to begin.
    if "://" in location and "zenml" in sys.modules:
        from zenml.client import Client

        store = Client().active_stack.artifact_store
        bucket = "/".join(store.path.split("/", 3)[:3])
        if location.startswith(f"{bucket}/") and hasattr(store, "filesystem"):
            return store.filesystem, location.partition("://")[2]
    system, path = fsspec.core.url_to_fs(location)
    return system, str(path)


def _errors_of(scheme: str) -> tuple[type[Exception], ...]:
    """Return what opening raises; a bucket's client has errors of its own, such as for missing credentials."""
    if scheme == "s3":
        from botocore.exceptions import BotoCoreError

        return (OSError, BotoCoreError)
    return (OSError,)
