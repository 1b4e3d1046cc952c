"""How near a recipe is to what somebody typed."""

IN_TITLE = 0.0
IN_INGREDIENTS = 1.0
IN_STEPS = 4.0


def search_rank(title: str, ingredients: str, steps: str, query: str) -> float | None:
    """Give the distance between a recipe and a query: 0.0 where every word is in the title.

    A word that is found only further down adds to it. None: a word is not in the recipe at all.
    """
    total = 0.0
    for word in query.lower().split():
        if word in title.lower():
            total += IN_TITLE
        elif word in ingredients.lower():
            total += IN_INGREDIENTS
        elif word in steps.lower():
            total += IN_STEPS
        else:
            return None
    return total
