import sqlite3

import pytest

from recipes.store import load_box, open_store


def test_the_box_that_comes_with_the_program_can_be_opened():
    with open_store(load_box()) as store:
        (count,) = store.execute("SELECT count(*) FROM recipe").fetchone()
    assert count == len(load_box())


def test_a_recipe_needs_a_title():
    nameless = {"title": None, "ingredients": "water", "steps": "Boil it.", "minutes": 3}
    with pytest.raises(sqlite3.IntegrityError), open_store([nameless]):
        pass
