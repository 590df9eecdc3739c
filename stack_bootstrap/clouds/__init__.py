"""What differs by cloud around Terraform: a folder here, with an ``adapter.py``, is a cloud that can be planned."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from stack_bootstrap.clouds.adapter import CloudAdapter


@cache
def adapted_clouds() -> tuple[str, ...]:
    """Return the names of the clouds that have an adapter, in alphabetical order."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if module.ispkg))


def adapter_for(cloud: str) -> CloudAdapter:
    """Return the adapter of ``cloud``, imported on first use.

    Raises:
        KeyError: the cloud has none, see :func:`adapted_clouds`.
    """
    if cloud not in adapted_clouds():
        raise KeyError(cloud)
    adapter = import_module(f"{__name__}.{cloud}.adapter").ADAPTER
    assert isinstance(adapter, CloudAdapter)
    return adapter
