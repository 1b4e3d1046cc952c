"""The standard library's frozen, slotted dataclasses, at a quarter of what it costs to define one.

For each class, Python 3.11 compiles six methods from text: half a millisecond, and `dayhand run` defines 250 classes
before its first request. Here only ``__init__`` is compiled; the other methods are the same functions for all classes.
Type checkers see the standard decorator, and a class that is more than fields and methods of its own gets it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported under its own name
else:

    def dataclass(cls: Any = None, /, *, frozen: bool = False, slots: bool = False, **options: bool) -> Any:
        """Decorate a class as ``dataclasses.dataclass`` does."""

        def define(cls: type) -> type:
            simple = frozen and slots and not options and _is_simple(cls)
            return _define(cls) if simple else standard(cls)

        standard = dataclasses.dataclass(frozen=frozen, slots=slots, **options)
        return define(cls) if cls else define


UNUSUAL = {
    "repr": True,
    "hash": None,
    "init": True,
    "compare": True,
    "kw_only": MISSING,
}  # what a field may not change
METHODS = ("__init__", "__post_init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__")


def _is_simple(cls: Any) -> bool:
    """Whether it has fields, no base, none of the methods that a dataclass gets, and no field with other options."""
    own = vars(cls)
    declared = [value for value in own.values() if isinstance(value, Field)]
    return (
        cls.__bases__ == (object,)
        and bool(own.get("__annotations__"))
        and "self" not in own["__annotations__"]
        and not any(name in own for name in METHODS)
        and not any(getattr(one, name) != value for one in declared for name, value in UNUSUAL.items())
        and not any(
            "KW_ONLY" in str(kind) or "InitVar" in str(kind) for kind in own["__annotations__"].values()
        )
    )


def _define(cls: Any) -> type:
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    made.__dataclass_params__.frozen = True  # so that a class can extend it
    names = [one.name for one in fields(made)]
    made.__record_values__ = attrgetter(*names, names[0])  # of one name alone it would give no tuple
    made.__init__ = _compile_init(made)
    made.__repr__, made.__eq__, made.__hash__ = _repr, _equals, _hash
    made.__setattr__, made.__delattr__ = _refuse_to_set, _refuse_to_delete
    made.__getstate__, made.__setstate__ = _state, _set_state
    return made  # type: ignore[no-any-return]


def _compile_init(cls: Any) -> Any:
    """``__init__``, as a dataclass's own."""
    names: dict[str, Any] = {"_set": object.__setattr__, "_made": MISSING}
    words, lines = ["self"], []
    for one in fields(cls):
        word = value = one.name
        if one.default is not MISSING:
            names[f"_default_{one.name}"] = one.default
            word = f"{one.name}=_default_{one.name}"
        elif one.default_factory is not MISSING:
            names[f"_make_{one.name}"] = one.default_factory
            word = f"{one.name}=_made"
            value = f"_make_{one.name}() if {one.name} is _made else {one.name}"
        words.append(word)
        lines.append(f" _set(self,{one.name!r},{value})")
    exec(f"def __init__({','.join(words)}):\n" + "\n".join(lines), names)  # noqa: S102 - names of fields only
    init = names["__init__"]
    init.__qualname__, init.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    return init


def _repr(self: Any) -> str:
    values = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self))
    return f"{type(self).__qualname__}({values})"


def _equals(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self.__record_values__(self) == self.__record_values__(other)


def _hash(self: Any) -> int:
    return hash(self.__record_values__(self))


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for one, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
