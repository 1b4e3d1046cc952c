"""The search story's script: it fixes the query that sorts the results, and answers a question about the fix."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dayhand.scripted_model.moves import Finish, Move, Patch, Plan, Say, ScriptState, Script, Shell
from dayhand.demo.command_output import all_output, cite, find_group, location, play_turns
from dayhand.demo.story import Story

WRONG = "ORDER BY rank DESC"
DOUBT = "are you sure that a rank field exists?"
STEPS = ("See it fail: a test for the order", "Sort the other way in sql/search.sql", "Run the tests and the linter")

TESTS = """\
*** Begin Patch
*** Update File: tests/test_search.py
@@ def test_a_page_has_no_more_than_its_limit(store):
     assert len(search(store, "lemon", limit=3)) == 3


+def test_the_best_match_comes_first(store):
+    titles = [found.title for found in search(store, "lemon rice")]
+    assert titles == ["Lemon rice", "Stuffed peppers", "Fried trout"]
+
+
+def test_a_page_ends_before_the_worst_matches(store):
+    titles = [found.title for found in search(store, "lemon", limit=2)]
+    assert titles == ["Lemon rice", "Lemon tart"]
+
+
 @pytest.mark.parametrize("query", ["", "   ", "asparagus"])
*** End Patch
"""

QUERY = """\
*** Begin Patch
*** Update File: sql/search.sql
@@
--- search_rank() is ours: see recipes/ranking.py.
+-- search_rank() is ours: a distance, 0.0 is the best (see recipes/ranking.py).
@@
 WHERE rank IS NOT NULL
-ORDER BY rank DESC, title
+ORDER BY rank, title
 LIMIT :limit;
*** End Patch
"""

# Run the search's own query and show what SQLite gives back for it.
COLUMNS = """\
python3 - <<'END'
from recipes.store import load_box, open_store, read_sql
with open_store(load_box()) as store:
    cursor = store.execute(read_sql("search"), {"query": "lemon rice", "limit": 5})
    print("columns:", ", ".join(column[0] for column in cursor.description))
    for row in cursor:
        print(f"{row['rank']:4} {row['title']}")
    print("columns of the table:", ", ".join(row["name"] for row in store.execute("PRAGMA table_info(recipe)")))
END"""


def look(_: ScriptState) -> Sequence[Move]:
    return (
        Say("The order of the results is wrong. I look for the code that decides it."),
        Shell("git ls-files"),
        Shell("git grep -n -i -e rank -e 'order by'"),
    )


def reproduce(_: ScriptState) -> Sequence[Move]:
    return (
        Say("The query sorts by a rank that a function of ours computes. What does that number mean, and what does the search print?"),
        Shell("cat recipes/ranking.py sql/search.sql"),
        Shell("python3 -m recipes search lemon rice; echo; python3 -m recipes search lemon"),
        Shell("cat tests/test_search.py"),
    )


def prove_it(_: ScriptState) -> Sequence[Move]:
    return (
        Say("`search_rank` is a distance, 0.0 is the best, but the query puts the largest first. No test checks the order. I write one first."),
        Plan(((STEPS[0], "in_progress"), (STEPS[1], "pending"), (STEPS[2], "pending"))),
        Patch(TESTS),
        Shell("python3 -m pytest -q tests/test_search.py"),
    )


def repair(_: ScriptState) -> Sequence[Move]:
    return (
        Plan(((STEPS[0], "completed"), (STEPS[1], "in_progress"), (STEPS[2], "pending"))),
        Patch(QUERY),
        Shell("python3 -m pytest -q"),
        Shell("python3 -m recipes search lemon rice"),
    )


def check(_: ScriptState) -> Sequence[Move]:
    return (
        Plan(((STEPS[0], "completed"), (STEPS[1], "completed"), (STEPS[2], "in_progress"))),
        Shell("ruff check . && ruff format --check ."),
        Shell("git diff --stat && git grep -n -i -e 'order by' -e 'distance' -e 'best_match' -- sql recipes tests"),
    )


def finish(state: ScriptState) -> Sequence[Move]:
    text = all_output(state)
    tops = re.findall(r"^1\. (.+) \(\d+ min\)", text, re.MULTILINE) or ["another recipe"]
    first, now = tops[0], tops[-1]  # what the search printed before and after the change
    return (
        Plan(tuple((step, "completed") for step in STEPS)),
        Finish(
            "Show the best search results first",
            "`search_rank()` returns a distance: 0.0 means that every word is in the title, and each word that is found only "
            "further down increases it. The query sorted from the largest distance to the smallest, so the list was "
            f"reversed: for “lemon rice” it began with *{first}*. A page shows five results, which is why the best matches "
            "for “lemon” were missing.\n\nThe query now sorts from the smallest distance to the largest"
            f", and “lemon rice” begins with *{now}*. The ranking itself is unchanged.\n\n"
            + tested(text),
            (
                *cite(text, "sql/search.sql", "ORDER BY rank,"),
                *cite(text, "recipes/ranking.py", "distance"),
                *cite(text, "tests/test_search.py", "best_match"),
            ),
        ),
    )


def tested(text: str) -> str:
    if "No module named pytest" in text:
        return "pytest could not be installed here, so I could not run the two tests that I added for the order."
    failed = find_group(r"^(\d+) failed", text, "none")
    return f"No test checked the order. I added two; with the old query, {failed} of them failed."


def already_done(state: ScriptState) -> Sequence[Move]:
    if WRONG in all_output(state):
        return ()
    where = cite(all_output(state), "sql/search.sql", "ORDER BY")
    account = f"The query already sorts from the smallest distance to the largest: {location(where)}. I changed nothing."
    return (Finish("Leave the order of the results as it is", account, tuple(where)),)


def look_for_rank(_: ScriptState) -> Sequence[Move]:
    return (
        Say("Fair question. Let me check rather than assume: where is the name defined, and is it a column?"),
        Shell("git grep -n -w rank"),
        Shell("git grep -n -w search_rank"),
        Shell("cat sql/schema.sql"),
    )


def ask_sqlite(_: ScriptState) -> Sequence[Move]:
    return (Say("The table has no such column. Let me ask SQLite what the query returns."), Shell(COLUMNS))


def answer(state: ScriptState) -> Sequence[Move]:
    text = all_output(state)
    alias = cite(text, "sql/search.sql", "AS rank")
    function = cite(text, "recipes/store.py", "create_function")
    order = cite(text, "sql/search.sql", "ORDER BY rank")
    given = find_group(r"^columns: (.*)$", text, "(the query did not run)")
    stored = find_group(r"^columns of the table: (.*)$", text, "(not known)")
    nearest = find_group(r"^ *(\d+\.\d+ .+)$", text)
    return (
        Finish(
            "Show where rank comes from",
            f"Yes, but not as a column of the table: `recipe` has only {stored}. `rank` is an alias in the query for "
            f"what `search_rank()` computes for each recipe ({location(alias)}), and the query sorts by that alias "
            f"({location(order)}). The function is part of this project; it is registered with SQLite in {location(function)}.\n\n"
            f"I ran the query to be sure. SQLite returns the columns {given}; the first row for “lemon rice” is "
            f"`{nearest}`. So the field that the change sorts by exists.",
            (*alias, *order, *function),
        ),
    )


SEARCH = Story(
    name="search",
    repository="ada/recipe-box",
    scripts=(
        Script("search-follow-up", lambda prompt: "rank field exists" in prompt, play_turns(look_for_rank, ask_sqlite, answer)),
        Script(
            "search",
            lambda prompt: "Search gives me the worst match first" in prompt,
            play_turns(look, reproduce, prove_it, repair, check, finish, already_done=already_done),
        ),
    ),
    follow_up=DOUBT,
)
