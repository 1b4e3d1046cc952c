"""What people read about files that are not pushed before they accept them."""

from __future__ import annotations

from dataclasses import replace

from inline_snapshot import snapshot

from dayhand.publish.wording.held_back import PATCH_CHARS, held_back
from dayhand.publish.wording.notes import notes
from dayhand.publish.wording.verification import headline, table
from dayhand.task import HeldBack
from dayhand.verification import Concern, Status, Verification

HEAD, BRANCH, URL = "c0ffee1234567890" + "0" * 24, "dayhand/7-shop", "https://dayhand.example/tasks/t1"
FILES = (Concern("CI configuration", ".gitlab-ci.yml", 0, ""), Concern("git hook", ".husky/pre-push", 0, ""))
HELD = HeldBack("b" * 40, "t" * 40, "", FILES, "+test: make\n")
WORKFLOWS = replace(
    HELD,
    files=(),
    patch="",
    by_hand=(Concern("CI configuration", ".github/workflows/ci.yml", 0, ""),),
    by_hand_patch="+on: push\n",
)


def section(held: HeldBack) -> str:
    return held_back(held, head=HEAD, branch=BRANCH, task_url=URL)


def test_the_comment_names_the_head_and_shows_what_is_accepted_with_it() -> None:
    assert section(HELD) == snapshot("""\
### Held back

To add 2 files to `c0ffee123456`, comment `@bot accept c0ffee123456`. I then push exactly this patch as one more commit, and run the checks again. To go on without it, comment `@bot accept`. You need write access. The commit id counts until something else is pushed.

<details>
<summary>The patch of 2 files (1 line)</summary>

```diff
+test: make
```

</details>\
""")


def test_workflow_files_come_with_the_commands_that_apply_them() -> None:
    assert section(WORKFLOWS) == snapshot("""\
### Held back

I cannot push 1 workflow file: GitHub lets only people do that. To go on without it, comment `@bot accept`. To add the change, save [the patch](https://dayhand.example/tasks/t1/workflows.patch) as `workflows.patch` and run:

```sh
git fetch origin && git switch dayhand/7-shop && git pull
git apply --index workflows.patch && git commit -m "Change workflows" && git push
```

<details>
<summary>The patch of 1 workflow file (1 line)</summary>

```diff
+on: push
```

</details>\
""")


def test_a_hostile_patch_stays_in_its_block() -> None:
    text = section(replace(HELD, patch="+```\n+</details>\n+@ada fixes #1 \x1b[2J\u202e\n"))
    assert "````diff\n+```\n+</details>\n+@ada fixes #1 " in text
    assert text.endswith("````\n\n</details>")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_long_patch_is_a_link() -> None:
    text = section(replace(HELD, patch="+x\n" * PATCH_CHARS))
    assert text.endswith(f"[The patch of 2 files]({URL}/held-back.patch) is too long to be shown here.")
    assert len(text) < 1000


def test_nothing_is_said_where_nothing_is_held_back() -> None:
    assert held_back(None, head=HEAD, branch=BRANCH, task_url=URL) == ""


def test_the_check_run_lists_the_files_and_waits() -> None:
    verification = Verification("t", held_back=FILES)
    assert verification.conclusion.status is Status.ACTION_REQUIRED
    assert headline(verification) == "This change has files that are held back: review that first"
    assert notes(verification, URL) == snapshot("""\
✋ **Not pushed, and not part of the results above:** files that CI, developers' machines or coding agents execute. A person decides about them first:

- CI configuration: `.gitlab-ci.yml`
- git hook: `.husky/pre-push`\
""")
    assert table(verification, URL).startswith(
        "Nothing is pushed yet, because all of the change is held back."
    )
