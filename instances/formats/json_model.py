"""Checks a JSON document against a pydantic model and turns the first fault into an InputError."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, ValidationError

from makespan.instances.errors import quoted
from makespan.instances.formats.source import Source

Items = TypeVar("Items")
Model = TypeVar("Model", bound=BaseModel)


class _StopAtFirst(FailFast):
    """FailFast that may stand in an annotation ``Many[int] | None``, which Python hashes."""

    def __hash__(self) -> int:
        return hash(type(self))


Many = Annotated[list[Items], _StopAtFirst()]
"""A list that stops at its first fault, so that a long bad one costs no memory."""


class Lenient(BaseModel):
    """A foreign layout: fields that are not named are left alone; numbers are not read from strings."""

    model_config = ConfigDict(strict=True, extra="ignore")


def validated(model: type[Model], document: Any, source: Source) -> Model:
    """The document as ``model``; raises InputError with the path of the first fault."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    place = _place(first["loc"])
    if first["type"] == "missing":
        source.fail(None, f"no field {place}", "one")
    if first["type"] == "extra_forbidden":
        source.fail(None, f"field {place}", "only fields of the schema")
    wanted = first["msg"].removeprefix("Input should be ").replace("\n", " ")
    source.fail(None, f"{quoted(first['input'])} at {place}", wanted)


def _place(location: tuple[int | str, ...]) -> str:
    words = "".join(f"[{item}]" if isinstance(item, int) else f".{item}" for item in location).lstrip(".")
    return quoted(words)[1:-1] or "the top level"
