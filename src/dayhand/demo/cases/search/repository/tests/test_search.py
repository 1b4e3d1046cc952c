import pytest

from recipes.search import search
from recipes.store import load_box, open_store


@pytest.fixture
def store():
    with open_store(load_box()) as store:
        yield store


def test_every_recipe_with_the_word_is_found(store):
    titles = {found.title for found in search(store, "rice")}
    assert titles == {"Lemon rice", "Rice pudding", "Stuffed peppers", "Fried trout"}


def test_all_words_must_be_there(store):
    assert {found.title for found in search(store, "onions lentils")} == {"Lentil stew"}


def test_a_page_has_no_more_than_its_limit(store):
    assert len(search(store, "lemon", limit=3)) == 3


@pytest.mark.parametrize("query", ["", "   ", "asparagus"])
def test_nothing_fits(store, query):
    assert search(store, query) == []
