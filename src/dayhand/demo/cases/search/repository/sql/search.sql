-- One page of recipes that hold every word of :query, best first.
-- search_rank() is ours: see recipes/ranking.py.
SELECT
    id,
    title,
    minutes,
    search_rank(title, ingredients, steps, :query) AS rank
FROM recipe
WHERE rank IS NOT NULL
ORDER BY rank DESC, title
LIMIT :limit;
