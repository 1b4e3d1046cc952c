"""What the benchmark's model does in the benchmark's repository: a repair in twelve calls, and commands that do nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dayhand.scripted_model.moves import Finish, Move, Shell

REPAIR = "Totals are one too high: an empty cart costs 1."
FILES: Mapping[str, str] = {
    "shop.py": "def total(prices):\n    return sum(prices) + 1\n",
    "test_shop.py": (
        "import unittest\n\nimport shop\n\n\nclass Totals(unittest.TestCase):\n"
        "    def test_an_empty_cart_costs_nothing(self):\n        self.assertEqual(shop.total([]), 0)\n"
    ),
    "Makefile": "lint:\n\t! grep -n ' $$' *.py\n\ntest:\n\tpython3 -m unittest discover\n",
    ".gitignore": "__pycache__/\n",
}
CALLS = (
    "git ls-files",
    "git grep -n total",
    "cat shop.py",
    "cat test_shop.py",
    "make test",
    "sed -i 's/ + 1$//' shop.py",
    "make test",
    "make lint",
    "seq -f 'A line of output that is as long as lines often are: %g' 3200",
    "git diff",
    "git status --short",
)


def commands(count: int) -> str:
    """The request for that many commands that do nothing."""
    return f"Run {count} commands."


def play(prompt: str, turn: int) -> Sequence[Move]:
    """The moves of one turn."""
    if REPAIR in prompt:
        calls: Sequence[str] = CALLS
    else:
        match = re.search(r"Run (\d+) commands\.", prompt)
        calls = [f"true {number}" for number in range(int(match[1]) if match else 0)]
    if turn < len(calls):
        return [Shell(calls[turn])]
    return [Finish("Count nothing twice", "The sum began at one.")]
