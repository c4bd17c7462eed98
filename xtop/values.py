# SPDX-License-Identifier: BSD-2-Clause
"""``dataclass(frozen=True, slots=True)`` for modules that every command imports: the same classes, made fast.

The standard library's imports ``inspect`` and compiles six functions a class, whether anybody calls them or not: a
third of the CPU time that ``xtop snapshot`` took to start. Here ``__init__`` is compiled when a class's first value is
made, and nothing else is. To type checkers these are the standard library's own, and its functions (``replace``,
``fields``, ``asdict``) take such values: they ask for ``__dataclass_fields__``, which are made when somebody does. Not
here: inheritance, ``__post_init__``, fields that ``__init__`` does not take.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

TYPE_CHECKING = False  # of `typing`, which takes long to import

if TYPE_CHECKING:
    from typing import Any

NOTHING = object()  # where an argument was not given


class Factory:
    """Makes the default of a field anew for each value."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


class LazyFields:
    """``__dataclass_fields__`` of a class, when somebody asks: those of a class that the standard library made."""

    def __init__(self, defaults: dict[str, object]) -> None:
        self._defaults = defaults

    def __get__(self, value: object, owner: type) -> dict[str, Any]:
        """Return them, and leave them in this place."""
        import dataclasses

        content: dict[str, object] = {"__annotations__": owner.__annotations__, "__module__": owner.__module__}
        for name, default in self._defaults.items():
            made = isinstance(default, Factory)
            content[name] = dataclasses.field(default_factory=default.make) if made else default  # type: ignore[attr-defined]
        twin: Any = dataclasses.dataclass(frozen=True)(type(owner.__name__, (), content))
        fields: dict[str, Any] = twin.__dataclass_fields__
        type.__setattr__(owner, "__dataclass_fields__", fields)
        return fields


def value_class(cls: type) -> type:
    """Return ``cls`` with a slot for each annotation, a constructor for them, and the ways of a value."""
    names = tuple(cls.__annotations__)
    content = {name: entry for name, entry in vars(cls).items() if name not in {"__dict__", "__weakref__"}}
    defaults = {name: content.pop(name) for name in names if name in content}
    content |= {"__slots__": names, "__match_args__": names, "__dataclass_fields__": LazyFields(defaults)}
    made = type(cls)(cls.__name__, cls.__bases__, content)
    made.__qualname__ = cls.__qualname__
    return _with_methods(made, names, defaults)


def _with_methods(made: Any, names: tuple[str, ...], defaults: dict[str, object]) -> type:
    get = attrgetter(*names) if len(names) > 1 else lambda self: (getattr(self, names[0]),)

    def first(self: Any, *arguments: Any, **named: Any) -> None:
        made.__init__ = _constructor(made, names, defaults)
        made.__init__(self, *arguments, **named)

    def equal(self: Any, other: object) -> bool:
        return get(self) == get(other) if other.__class__ is made else NotImplemented

    def state_set(self: Any, state: list[object]) -> None:
        for name, entry in zip(names, state, strict=True):
            object.__setattr__(self, name, entry)

    made.__init__ = first
    made.__eq__ = equal
    made.__hash__ = lambda self: hash(get(self))
    made.__getstate__ = lambda self: list(get(self))
    made.__setstate__ = state_set
    if "__repr__" not in vars(made):
        made.__repr__ = _text
    made.__setattr__, made.__delattr__ = _refuse_assignment, _refuse_deletion
    return made  # type: ignore[no-any-return]


def _constructor(made: Any, names: tuple[str, ...], defaults: dict[str, object]) -> Callable[..., None]:
    """Compile it: a store into each slot."""
    scope: dict[str, Any] = {"NOTHING": NOTHING}
    parameters, stores = [], []
    for name in names:
        scope[f"store_{name}"] = vars(made)[name].__set__
        parameter, entry = name, name
        if name in defaults:
            default = defaults[name]
            if isinstance(default, Factory):
                scope[f"default_{name}"] = default.make
                parameter, entry = f"{name}=NOTHING", f"default_{name}() if {name} is NOTHING else {name}"
            else:
                scope[f"default_{name}"] = default
                parameter = f"{name}=default_{name}"
        parameters.append(parameter)
        stores.append(f" store_{name}(self, {entry})")
    exec(f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(stores), scope)
    function: Callable[..., None] = scope["__init__"]
    return function


def _text(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{self.__class__.__qualname__}({fields})"


def _refuse_assignment(self: object, name: str, entry: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: object, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:

    def dataclass(*, frozen, slots):
        """Return the decorator; all such classes are frozen and have slots, which is said as where others may not."""
        assert frozen
        assert slots
        return value_class

    def field(*, default_factory):
        """Say what makes the default of a field."""
        return Factory(default_factory)

    def replace(value, /, **changes):
        """Return ``value`` with other fields, as ``dataclasses.replace``."""
        for name in value.__match_args__:
            if name not in changes:
                changes[name] = getattr(value, name)
        return value.__class__(**changes)
