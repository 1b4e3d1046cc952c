"""What tokens cost, and what an operator may write about that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dayhand.agent.model.prices import Price, load, price_of
from dayhand.errors import SettingsError


def test_the_shipped_table_has_the_default_model() -> None:
    price = price_of(load(), "gpt-6.1-sol")
    assert price is not None
    assert price.dollars(input_tokens=100_000, cached=80_000, output=1_000) == pytest.approx(
        0.04 + 0.008 + 0.01
    )


def test_a_dated_name_has_the_price_of_its_model_and_an_unknown_one_none() -> None:
    assert price_of(load(), "gpt-6.1-sol-2026-09-28") == price_of(load(), "gpt-6.1-sol")
    assert price_of(load(), "my-own-model") is None


def test_a_long_prompt_costs_more_as_a_whole() -> None:
    price = Price(input=2, output=10, cached=0.1, written=2.5, long_from=1000, long_input=2, long_output=1.5)
    assert price.dollars(input_tokens=1000, output=100) == pytest.approx((2000 + 1000) / 1e6)
    assert price.dollars(input_tokens=2000, cached=1000, written=500, output=100) == pytest.approx(
        (2 * (500 * 2 + 1000 * 0.1 + 500 * 2.5) + 1.5 * 1000) / 1e6
    )


def test_the_operators_prices_go_before_ours(tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text('["gpt-6.1-sol"]\ninput = 1\noutput = 2\n["local"]\ninput = 0\noutput = 0\n')
    table = load(own)
    assert table["gpt-6.1-sol"].output == 2
    assert table["local"].dollars(input_tokens=10, output=10) == 0
    assert "gpt-6.1-terra" in table


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = [", "is not TOML"),
        ('["m"]\ninput = 1', "input and output are required"),
        ('["m"]\ninput = 1\noutput = 1\nouput = 2', "the known keys are"),
        ('["m"]\ninput = "free"\noutput = 1', "must be a finite number"),
    ],
)
def test_a_bad_price_file_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(text)
    with pytest.raises(SettingsError, match=words):
        load(own)


def test_a_pipe_in_place_of_a_price_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "prices.toml")
    with pytest.raises(SettingsError, match="is a pipe"):
        load(tmp_path / "prices.toml")


def test_a_price_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "none.toml")
