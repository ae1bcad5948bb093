"""Classes whose objects never change: the type checker holds everybody to it.

A frozen dataclass says so at run time too, and for that takes four times as long to make an object. A world makes some
hundred thousand poses, velocities and the like in a second.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """A dataclass with slots, equal and hashed by its fields."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
