"""The base of every model that reads what people or programs wrote, and which of two settings asks for less."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Frozen, and refuses a key it does not know."""

    # Built on first use: a command pays for the models that it reads, not for all that are imported.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Stricter(Enum):
    """Which way a limit gets stricter; stands in the annotation of a field that must not get looser."""

    HIGHER = "higher"
    LOWER = "lower"


def looser(mine: BaseModel, theirs: BaseModel) -> list[str]:
    """Name the limits by which ``mine`` asks for less than ``theirs``, in dots; one left out asks for nothing."""
    found = []
    for name, field in type(theirs).model_fields.items():
        own, other = getattr(mine, name), getattr(theirs, name)
        if isinstance(other, BaseModel):
            found += [f"{name}.{path}" for path in looser(own, other)]
        way = next((mark for mark in field.metadata if isinstance(mark, Stricter)), None)
        if way and other is not None and (own is None or (own < other if way is Stricter.HIGHER else own > other)):
            found.append(name)
    return found
