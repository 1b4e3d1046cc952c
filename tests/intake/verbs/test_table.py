"""The table of verbs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.intake import verbs
from dayhand.intake.verbs.base import Verb
from dayhand.intake.verbs.table import BY_INTENT, VERBS


def test_each_module_of_the_folder_is_in_the_table() -> None:
    modules = {path.stem for path in Path(verbs.__path__[0]).glob("*.py")} - {"__init__", "base", "table"}
    assert {verb.__name__.rpartition(".")[2] for verb in (*VERBS, *BY_INTENT.values())} == modules  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.NAME)
def test_a_verb_is_one_lower_case_word_of_its_own(verb: Verb) -> None:
    assert verb.NAME.isalpha()
    assert verb.NAME.lower() == verb.NAME
    assert [other.NAME for other in VERBS].count(verb.NAME) == 1
