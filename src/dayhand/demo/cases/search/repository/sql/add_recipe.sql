INSERT INTO recipe (title, ingredients, steps, minutes)
VALUES (:title, :ingredients, :steps, :minutes);
