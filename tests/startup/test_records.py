"""Our dataclasses behave as the standard library's; what differs is what it costs to define them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, replace
from typing import Any, Generic, TypeVar

import pytest

from dayhand.startup import records

T = TypeVar("T")
STANDARD: Callable[..., Any] = dataclasses.dataclass
OURS: Callable[..., Any] = records.dataclass


def shapes(dataclass: Callable[..., Any]) -> dict[str, tuple[type, dict[str, Any], dict[str, Any]]]:
    """Classes of each kind, with two instances' arguments."""

    @dataclass(frozen=True, slots=True)
    class Plain:
        """A class with a method, and with fields of each kind."""

        name: str
        size: int = 3
        parts: tuple[str, ...] = ()
        found: dict[str, int] = field(default_factory=dict)

        @property
        def total(self) -> int:
            return self.size + len(self.parts)

    @dataclass(frozen=True, slots=True)
    class One:
        value: float

    @dataclass(frozen=True, slots=True)
    class Own:
        value: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

        def __hash__(self) -> int:
            return 7

    @dataclass(frozen=True, slots=True)
    class Hidden:
        key: str = field(repr=False)
        place: int = field(default=0, compare=False)
        later: int = field(default=1, kw_only=True)

    @dataclass(frozen=True, slots=True)
    class Boxed(Generic[T]):
        value: T

    @dataclass(frozen=True, slots=True)
    class More(Plain):
        extra: int = 0

    @dataclass(slots=True)
    class Open:
        value: int = 0

    @dataclass
    class Bare:
        value: int = 0

    return {
        "plain": (Plain, {"name": "a"}, {"name": "b", "size": 4, "parts": ("x",)}),
        "one": (One, {"value": float("nan")}, {"value": 1.5}),
        "own": (Own, {"value": 1}, {"value": 2}),
        "hidden": (Hidden, {"key": "k"}, {"key": "k", "place": 2, "later": 5}),
        "boxed": (Boxed, {"value": 1}, {"value": "1"}),
        "more": (More, {"name": "a", "extra": 1}, {"name": "a"}),
        "open": (Open, {"value": 1}, {}),
        "bare": (Bare, {"value": 1}, {}),
    }


def attempt(action: Callable[[], object]) -> object:
    """What it gives, or the class and the text of what it raises."""
    try:
        return action()
    except (AttributeError, TypeError) as error:
        return type(error), str(error).rpartition("Own")[2]


def behaviour(kind: type[Any], one: dict[str, Any], other: dict[str, Any]) -> list[object]:
    first, second, equal = kind(**one), kind(**other), kind(**one)
    positional = [value for name, value in one.items() if name not in ("later", "extra")]
    return [
        repr(first).replace(str(id(first)), "").partition("<locals>")[2],
        first == equal, first == second, first == object(), first != second,
        attempt(lambda: hash(first) == hash(equal)),
        attempt(lambda: setattr(kind(**one), next(iter(one)), 1)), attempt(lambda: delattr(kind(**one), next(iter(one)))),
        attempt(lambda: kind(unknown=1) and None) is None,
        dataclasses.asdict(kind(**other)), repr(replace(kind(**one), **other)) == repr(kind(**other)),
        kind.__match_args__, [each.name for each in dataclasses.fields(kind)], kind.__doc__ is not None,
        hasattr(first, "__dict__"), repr(copy.copy(second)) == repr(second), repr(copy.deepcopy(second)) == repr(second),
        repr(kind(*positional)) == repr(kind(**dict(zip(kind.__match_args__, positional, strict=False)))),
        kind.__init__.__qualname__.rpartition(".")[2], kind.__module__,
    ]  # fmt: skip


@pytest.mark.parametrize("name", shapes(OURS))
def test_a_class_of_ours_does_what_one_of_the_standard_library_does(name: str) -> None:
    assert behaviour(*shapes(OURS)[name]) == behaviour(*shapes(STANDARD)[name])


@records.dataclass(frozen=True, slots=True)
class Kept:
    """Something to pickle."""

    value: int
    parts: tuple[str, ...] = ()


def test_a_frozen_one_stays_frozen_after_it_was_pickled() -> None:
    found = pickle.loads(pickle.dumps(Kept(1, ("x",))))
    assert (found, hash(found)) == (Kept(1, ("x",)), hash(Kept(1, ("x",))))
    with pytest.raises(FrozenInstanceError):
        found.value = 2


def test_of_two_makers_of_a_default_each_instance_gets_its_own() -> None:
    kind = shapes(OURS)["plain"][0]
    kind(name="a").found["x"] = 1
    assert kind(name="a").found == {}


def test_nearly_all_classes_of_a_local_run_are_cheap_to_define() -> None:
    """The standard ones, and the patterns that are compiled while its modules load, cost it a quarter of a second."""
    program = """
import dataclasses, re, sys
import redis, httpx2, yaml, markdown_it, git
compiled, compile = [], re._compiler.compile
re._compiler.compile = lambda *words: compiled.append(words) or compile(*words)
import dayhand.cli, dayhand.commands.run_journey
loaded = [module for name, module in sys.modules.items() if name.startswith("dayhand.")]
every = {id(one): one for module in loaded for one in vars(module).values() if isinstance(one, type)}
found = [one for one in every.values() if dataclasses.is_dataclass(one) and one.__module__.startswith("dayhand.")]
standard = [one for one in found if "__record_values__" not in vars(one)]
print(len(standard), len(found), len(compiled))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    standard, every, compiled = map(int, done.stdout.split())
    assert every > 150
    assert standard <= 25  # those that extend others, or are not frozen
    assert compiled <= 220
