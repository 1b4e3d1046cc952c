"""The facts of a task are declared once, and the declarations are true."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from dayhand.errors import LedgerError
from dayhand.ledger import facts
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.task import NOT_ALLOWED, Blocked
from dayhand.usage import Switch
from dayhand.verification import Status
from tests.ledger.conftest import TASK

SOURCE = Path(facts.__file__).parents[1]
DECLARED = {name: fact for name, fact in vars(facts).items() if isinstance(fact, facts.Fact)}


@cache
def sources() -> tuple[tuple[str, str], ...]:
    """The top-level package, and the text, of every module but the declarations."""
    return tuple(
        (path.relative_to(SOURCE).parts[0].removesuffix(".py"), path.read_text("utf-8"))
        for path in SOURCE.rglob("*.py")
        if path != Path(facts.__file__) and "cases" not in path.parts
    )


def test_every_fact_is_listed_once() -> None:
    assert set(DECLARED.values()) == set(facts.ALL)
    names = [name for fact in facts.ALL for name in (fact.name, fact.old_name) if name]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", DECLARED)
def test_the_declared_writers_and_readers_are_those_in_the_code(name: str) -> None:
    fact = DECLARED[name]
    put, used = rf"\.put\(\s*facts\.{name}\b", rf"\bfacts\.{name}\b"
    writers = {package for package, text in sources() if re.search(put, text)}
    readers = {
        package for package, text in sources() if len(re.findall(used, text)) > len(re.findall(put, text))
    }
    assert (writers, readers) == ({fact.writer}, set(fact.readers))
    assert readers, "a fact that nobody reads is not kept"


def test_no_fact_is_named_by_a_string_elsewhere() -> None:
    """Neither in a read or a write of facts, nor by a key of the hash that holds them."""
    for package, text in ((package, text) for package, text in sources() if "fact" in text):
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and any(isinstance(arg, ast.Constant) and type(arg.value) is str for arg in node.args)
            ):
                about_facts = node.func.attr in ("fact", "facts")
                about_facts |= ast.unparse(node.func.value).endswith("facts")
                assert not about_facts, f"{package}: {ast.unparse(node)}"
            if isinstance(node, ast.Subscript):
                assert not ast.unparse(node.value).endswith("facts"), f"{package}: {ast.unparse(node)}"
    users = {package for package, text in sources() if "keys.facts(" in text}
    assert users == {"ledger"}


def test_facts_are_read_back_with_their_types(ledger: Ledger, claim: Claim) -> None:
    claim.facts.put(facts.CHECK, 31)
    claim.facts.put(facts.CONCLUSION_IF_ACCEPTED, Status.NEUTRAL)
    claim.facts.put(facts.BLOCKED, (Blocked("x.org", 443, NOT_ALLOWED, "make ü"),))
    claim.facts.put(facts.MODEL_SWITCHES, ((Switch("a", "b", "gone"), 4),))
    for read in (claim.facts.get, ledger.facts(TASK.id).get, ledger.record(TASK.id).fact):
        assert read(facts.CHECK) == 31
        assert read(facts.CONCLUSION_IF_ACCEPTED) is Status.NEUTRAL
        assert read(facts.BLOCKED) == (Blocked("x.org", 443, NOT_ALLOWED, "make ü"),)
        assert read(facts.MODEL_SWITCHES) == ((Switch("a", "b", "gone"), 4),)
        assert read(facts.PULL) is None


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (facts.CHECK, "soon"),
        (facts.CONCLUSION_IF_ACCEPTED, "perhaps"),
        (facts.MODEL_SWITCHES, '{"version": 1}'),
        (facts.MODEL_SWITCHES, '{"version": 99, "switches": []}'),
        (facts.MODEL_SWITCHES, "{"),
    ],
)
def test_a_fact_that_cannot_be_read_is_refused(fact: facts.Fact[object], text: str) -> None:
    with pytest.raises(LedgerError):
        fact.find({fact.name: text})
