"""JSON becomes dataclasses only if every name and every type is right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import pytest

from dayhand.typed_json import ShapeError, decode, parse


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Wheel:
    size: float
    colour: Colour = Colour.RED


@dataclass(frozen=True, slots=True)
class Car:
    name: str
    wheels: tuple[Wheel, ...]
    seats: int | None
    extras: Mapping[str, Wheel]
    data: tuple[Mapping[str, Any], ...] = ()
    pair: tuple[str, int] = ("a", 1)


CAR = Car("Ü", (Wheel(1.5), Wheel(2.0)), None, {"spare": Wheel(1.0)}, ({"any": [1, "x"]},), ("b", 2))


def test_data_comes_back_as_it_went() -> None:
    assert parse(Car, json.dumps(asdict(CAR))) == CAR
    assert parse(tuple[Wheel, ...], '[{"size": 1}]') == (Wheel(1.0),)
    assert parse(tuple[str, int], b'["a", 1]') == ("a", 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "Car.name is 3"),
        ({"seats": True}, "Car.seats is True"),
        ({"seats": "4"}, "Car.seats is '4'"),
        ({"wheels": {"size": 1}}, "Car.wheels is {'size': 1}"),
        ({"wheels": [{"size": "big"}]}, "Wheel.size is 'big'"),
        ({"wheels": [{}]}, "Wheel is missing the field size"),
        ({"wheels": [{"size": 1, "depth": 2}]}, "Wheel has the unknown field depth"),
        ({"wheels": [{"size": 1, "colour": "loud"}]}, "Wheel.colour: 'loud' is not a valid Colour"),
        ({"wheels": [{"size": 1, "colour": 1}]}, "Wheel.colour is 1"),
        ({"extras": []}, r"Car.extras is \[\]"),
        ({"pair": ["a"]}, "Car.pair has 1 items instead of 2"),
        ({"pair": ["a", "b"]}, "Car.pair is 'b'"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        parse(Car, json.dumps({**asdict(CAR), **change}))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", "3", b"\xff"])
def test_what_is_not_json_or_not_an_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(ShapeError):
        parse(Wheel, text)


def test_old_names_of_fields_and_values_are_read_where_they_are_given() -> None:
    old = {"diameter": 1.5, "colour": "crimson"}
    aliases = {Wheel: {"diameter": "size"}, Colour: {"crimson": "red"}}
    assert decode(Wheel, old, aliases) == Wheel(1.5, Colour.RED)
    with pytest.raises(ShapeError):
        decode(Wheel, old)
