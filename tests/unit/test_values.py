# SPDX-License-Identifier: BSD-2-Clause
"""xtop.values makes classes as the standard library does: the same body, made by both, says the same."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from xtop import model, values


class Body:
    """Every kind of field, a method and a property."""

    name: str
    sizes: tuple[int, ...]
    rate: float = 0.5
    other: object = None
    names: list[str] = dataclasses.field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.sizes)

    def named(self, name: str) -> Any:
        return dataclasses.replace(self, name=name)  # type: ignore[type-var]


def theirs() -> Any:
    body = {name: entry for name, entry in vars(Body).items() if name not in {"__dict__", "__weakref__"}}
    return dataclasses.dataclass(frozen=True, slots=True)(type("Value", (), {**body, "__qualname__": "Value"}))


def ours() -> Any:
    body = {name: entry for name, entry in vars(Body).items() if name not in {"__dict__", "__weakref__"}}
    return values.value_class(
        type("Value", (), {**body, "names": values.field(default_factory=list), "__qualname__": "Value"})
    )


Value = ours()  # a pickle finds its class by name

ASKED: dict[str, Callable[[Any], object]] = {
    "repr": lambda made: repr(made("a", (1, 2))),
    "fields": lambda made: [
        (field.name, field.default, field.type) for field in dataclasses.fields(made) if field.name != "names"
    ],
    "factory": lambda made: dataclasses.fields(made)[-1].default_factory,
    "asdict": lambda made: dataclasses.asdict(made("a", (1,), names=["b"])),
    "replace": lambda made: repr(dataclasses.replace(made("a", (1,), 2.5), sizes=(3,))),
    "by position and by name": lambda made: repr(made("a", sizes=(1,), other=7)),
    "property": lambda made: made("a", (1, 2)).total,
    "method": lambda made: repr(made("a", ()).named("b")),
    "equal": lambda made: made("a", (1,)) == made("a", (1,)),
    "not equal": lambda made: made("a", (1,)) == made("a", (2,)),
    "a tuple is another": lambda made: made("a", (1,)) == ("a", (1,), 0.5, None, []),
    "not a number": lambda made: made("a", (1,), float("nan")) == made("a", (1,), float("nan")),
    "the same one": lambda made: (lambda nan: made("a", (1,), nan) == made("a", (1,), nan))(float("nan")),
    "hash": lambda made: hash(made("a", (1,), names=())) == hash(made("a", (1,), names=())),
    "a list has none": lambda made: hash(made("a", (1,))),
    "defaults are their own": lambda made: made("a", ()).names is made("a", ()).names,
    "match": lambda made: made.__match_args__,
    "is one": lambda made: dataclasses.is_dataclass(made),
    "too few": lambda made: made("a"),
    "too many": lambda made: made("a", (), 0.5, None, [], 1),
    "unknown": lambda made: made("a", (), colour=1),
    "frozen": lambda made: setattr(made("a", ()), "name", "b"),
    "frozen anew": lambda made: delattr(made("a", ()), "name"),
    "no other attribute": lambda made: hasattr(made("a", ()), "__dict__"),
    "copy": lambda made: repr(copy.copy(made("a", (1,)))),
}


def said(ask: Callable[[Any], object], made: Any) -> object:
    """The answer, or the type of what was raised and its words."""
    try:
        return ask(made)
    except Exception as error:
        return type(error), str(error).replace("Body.", "").replace("Value.", "")


@pytest.mark.parametrize("name", ASKED)
def test_as_the_standard_library_says(name: str) -> None:
    assert said(ASKED[name], ours()) == said(ASKED[name], theirs())


def test_replace_is_that_of_the_standard_library() -> None:
    value = Value("a", (1,), names=["b"])
    assert values.replace(value, rate=3.0) == dataclasses.replace(value, rate=3.0) != value


def test_pickles() -> None:
    value = Value("a", (1,), names=["b"])
    assert pickle.loads(pickle.dumps(value)) == value
    assert pickle.loads(pickle.dumps(model.Totals(packets=3))).packets == 3


def test_a_start_imports_neither_dataclasses_nor_inspect() -> None:
    """That is what they are for."""
    code = (
        "import sys, xtop.cli, xtop.commands.snapshot, xtop.shm_source, xtop.export.json_format;"
        "print([name for name in ('dataclasses', 'inspect', 'shutil', 'textual') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], timeout=60, text=True) == "[]\n"
