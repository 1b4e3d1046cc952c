"""Test files that may change what other test files see."""

from __future__ import annotations

import pytest

from dayhand.verify.integrity.shared_state import may_change_others

REPLACES = r"""
import shop\nshop.total = lambda a, b: a + b
from shop import cart\ncart.Cart.total = None
import shop\ndef test_a():\n    shop.core.rates["x"] = 1
import shop\nsetattr(shop, "total", None)
import shop\nvars(shop)["total"] = None
import shop\nshop.__dict__.update(total=None)
import sys\nsys.modules["shop"] = None
import sys\nsys.path.insert(0, "tests/fake")
from unittest import mock\nmock.patch("shop.total").start()
from unittest.mock import patch\npatcher = patch("shop.total", None)\npatch("shop.total").start()
import builtins\nbuiltins.sum = None
import gc\ngc.get_objects()
import importlib\nimportlib.reload(x)
import os\nos.environ["A"] = "1"
import shop\ndel shop.total
exec("import shop; shop.total = None")
def broken(:
""".strip().splitlines()

LEAVES_ALONE = r"""
from shop import total\n\ndef test_a():\n    assert total(1, 2) == 3
import shop\n\ndef test_a(monkeypatch):\n    monkeypatch.setattr(shop, "total", None)
import pytest\n\nCASES = {}\nCASES["a"] = 1\n\n@pytest.mark.parametrize("x", CASES)\ndef test_a(x): ...
import unittest\n\nclass TestA(unittest.TestCase):\n    def setUp(self):\n        self.a = 1\n        self.b.c = 2
import threading\n\ndef test_a():\n    thread = threading.Thread()\n    thread.start()
import shop\n\ndef test_a():\n    cart = shop.Cart()\n    cart.items[0] = 1\n    assert cart.path
""".strip().splitlines()


@pytest.mark.parametrize("text", REPLACES)
def test_what_replaces_something_for_all_tests_is_found(text: str) -> None:
    assert may_change_others(text.replace("\\n", "\n"))


@pytest.mark.parametrize("text", LEAVES_ALONE)
def test_what_changes_only_its_own_is_left_alone(text: str) -> None:
    assert not may_change_others(text.replace("\\n", "\n"))
