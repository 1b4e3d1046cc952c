"""The recipes in SQLite, with the functions that our queries use."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recipes.ranking import search_rank

ROOT = Path(__file__).parent.parent


def read_sql(name: str) -> str:
    return (ROOT / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def load_box() -> list[dict[str, object]]:
    """Read the recipes that come with the program."""
    return json.loads((ROOT / "data" / "recipes.json").read_text(encoding="utf-8"))


@contextmanager
def open_store(recipes: Iterable[dict[str, object]]) -> Iterator[sqlite3.Connection]:
    """Open a store in memory, filled with recipes."""
    store = sqlite3.connect(":memory:")
    try:
        store.row_factory = sqlite3.Row
        store.create_function("search_rank", 4, search_rank, deterministic=True)
        store.executescript(read_sql("schema"))
        store.executemany(read_sql("add_recipe"), recipes)
        yield store
    finally:
        store.close()
