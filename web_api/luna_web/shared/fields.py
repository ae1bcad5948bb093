"""Field types that hold the bounds of what the database takes, so that no input becomes a 500."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


def storable(value: str) -> str:
    """PostgreSQL's text holds no NUL, and UTF-8 no lone surrogate."""
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("must be valid Unicode")
    return value


def _visible(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000), AfterValidator(storable)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(storable)]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), AfterValidator(_visible), AfterValidator(storable)
]
Secret = Annotated[str, StringConstraints(max_length=1024), AfterValidator(storable)]


class Input(BaseModel):
    """Base of what clients send: unknown fields are refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """Base of what clients get."""

    model_config = ConfigDict(from_attributes=True, frozen=True)
