CREATE TABLE recipe (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    ingredients TEXT NOT NULL,
    steps TEXT NOT NULL,
    minutes INTEGER NOT NULL
);
