from recipes.ranking import search_rank

TART = ("Lemon tart", "flour, eggs, lemons", "Bake until it barely trembles.")


def test_a_title_that_holds_every_word_is_as_near_as_can_be():
    assert search_rank(*TART, "lemon tart") == 0.0


def test_a_word_in_the_steps_is_further_away_than_one_in_the_ingredients():
    assert search_rank(*TART, "eggs") < search_rank(*TART, "bake")


def test_a_word_that_is_nowhere_rules_a_recipe_out():
    assert search_rank(*TART, "lemon trout") is None


def test_capitals_do_not_matter():
    assert search_rank(*TART, "LEMON") == search_rank(*TART, "lemon")
