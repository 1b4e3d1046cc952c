"""Search, as people see it."""

import sqlite3
from dataclasses import dataclass

from recipes.store import read_sql

PAGE = 5


@dataclass(frozen=True)
class Found:
    """One line of the result page."""

    id: int
    title: str
    minutes: int


def search(store: sqlite3.Connection, query: str, limit: int = PAGE) -> list[Found]:
    """Find the recipes that hold every word of the query, best first, at most ``limit``."""
    if not query.strip():
        return []
    rows = store.execute(read_sql("search"), {"query": query, "limit": limit})
    return [Found(row["id"], row["title"], row["minutes"]) for row in rows]
