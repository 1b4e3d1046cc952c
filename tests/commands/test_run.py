"""``dayhand run``: the same journey on a local repository; the result is a branch in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.ledger.ledger import Ledger
from dayhand.ledger.redis_server import connect, embedded
from dayhand.sandbox.bubblewrap.binaries import find_bwraps
from dayhand.scripted_model.moves import (
    FOREVER,
    Fault,
    Finish,
    Move,
    Patch,
    Refuse,
    Script,
    ScriptState,
    Shell,
)
from dayhand.scripted_model.server import ScriptedServer
from tests.journey.harness import DONE, FIX, LINTED_SHOP, SHOP
from tests.test_cli import dayhand, start

UNKNOWN = '{"error": {"code": "model_not_found"}}'
WORDS = "Totals are one too high: an empty cart costs 1."


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the boxes' own users can pass through."""
    with tempfile.TemporaryDirectory(prefix="dayhand-local-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def git(repo: Path, *args: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", *identity, *args], cwd=repo, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repo(folder: Path) -> Path:
    made = folder / "shop"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    for name, text in SHOP.items():
        (made / name).write_text(text)
    git(made, "add", "-A")
    git(made, "commit", "-q", "-m", "First")
    return made


def add(repo: Path, name: str, text: str) -> None:
    (repo / name).write_text(text)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Second")


def played(*turns: list[Move]) -> ScriptedServer:
    def play(scene: ScriptState) -> list[Move]:
        return turns[min(scene.turn, len(turns) - 1)]

    return ScriptedServer([Script("local", lambda prompt: WORDS in prompt, play)])


def run(
    repo: Path, folder: Path, model: ScriptedServer, *options: str, words: str = WORDS, **environ: str
) -> subprocess.CompletedProcess[str]:
    """``dayhand run`` with a scripted model."""
    set_up = {"OPENAI_BASE_URL": model.base_url, "DAYHAND_MODEL": "scripted", **environ}
    return dayhand("run", "--repo", str(repo), *options, words, cwd=folder, **set_up)


MAX_GIT = 24  # git processes of ours until the model is asked; it was 33


def count_git(folder: Path) -> tuple[str, Path]:
    """A PATH whose git notes in the file each time that it is started."""
    counted, found = folder / "git-started", shutil.which("git")
    (folder / "bin").mkdir()
    (folder / "bin/git").write_text(f'#!/bin/sh\necho "$*" >> {counted}\nexec {found} "$@"\n')
    (folder / "bin/git").chmod(0o755)
    return f"{folder / 'bin'}:{os.environ['PATH']}", counted


def test_it_leaves_a_branch_and_touches_nothing_else(repo: Path, folder: Path) -> None:
    before = git(repo, "rev-parse", "main")
    (repo / "unsaved.txt").write_text("mine")
    path, counted = count_git(folder)
    begun = list[list[str]]()

    def play(state: ScriptState) -> list[Move]:
        begun.append(counted.read_text().splitlines())
        return [DONE] if state.turn else [FIX]

    with ScriptedServer([Script("local", lambda prompt: WORDS in prompt, play)]) as model:
        done = run(repo, folder, model, PATH=path)
    assert done.returncode == 0, done.stderr
    assert len(begun[0]) <= MAX_GIT, "\n".join(begun[0])
    (branch,) = [line.strip() for line in git(repo, "branch", "--list", "dayhand/*").splitlines()]
    assert git(repo, "show", f"{branch}:shop.py") == SHOP["shop.py"].replace(" + 1", "").strip()
    assert "test" in done.stdout
    assert "passes" in done.stdout
    assert done.stdout.startswith("\nVerified: ")
    assert f"git diff {before[:8]} {branch}\nTake it:   git merge {branch}   (on main)" in done.stdout
    assert "\n-    return sum(prices) + 1\n+    return sum(prices)\n" in done.stdout
    assert "solve " in done.stdout, "the time of each stage"
    assert "1 file has uncommitted changes, which are not part of this run" in done.stderr
    assert git(repo, "rev-parse", "main", "HEAD").splitlines() == [before, before]
    assert git(repo, "status", "--short") == "?? unsaved.txt"


def test_an_answer_leaves_no_branch_and_verifies_nothing(repo: Path, folder: Path) -> None:
    words, without_utf8 = f"{WORDS} 家🙂", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    reply = Finish("No", "I fixed it, all 12 tests pass. 家🙂")
    with ScriptedServer([Script("local", lambda prompt: words in prompt, lambda _state: [reply])]) as model:
        done = run(repo, folder, model, words=words, **without_utf8)
    assert done.returncode == 5, done.stderr
    assert "Not verified: No file was changed, so there was nothing to verify." in done.stdout
    assert "The model says:\n  I fixed it, all 12 tests pass. ??\n" in done.stdout
    assert done.stderr.startswith("- fetch\n- prepare\n")
    assert git(repo, "branch", "--list", "dayhand/*") == ""


def test_json_is_one_object_and_the_branch_has_the_name_that_was_given(repo: Path, folder: Path) -> None:
    (repo / "mine.txt").write_text("mine")
    git(repo, "checkout", "-q", "--detach")
    (repo / "sub").mkdir()
    with played([FIX], [DONE]) as model:
        done = run(
            repo / "sub", folder, model, "--json", "--dirty", "--branch", "my/fix", DAYHAND_EFFORT="low"
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["conclusion"], found["exit_code"], found["branch"]) == ("verified", 0, "my/fix")
    assert found["files"] == ["shop.py"]
    assert found["checks"][0]["kind"] in ("lint", "test")
    assert {"fetch", "prepare", "solve", "check"} <= found["stages"].keys()
    assert git(repo, "show", "my/fix:mine.txt") == "mine"
    assert git(repo, "rev-parse", "my/fix^") == found["base"]


BREAKS = Patch(
    "*** Begin Patch\n*** Update File: shop.py\n@@ def total(prices):\n-    return sum(prices) + 1\n"
    "+    return None\n*** End Patch"
)
SAYS = Finish("Count nothing twice", "All tests pass.")


def test_new_failures_and_what_a_person_must_see_have_their_own_exit_codes(repo: Path, folder: Path) -> None:
    with played([BREAKS], [SAYS]) as model:
        broken = run(repo, folder, model)
    assert broken.returncode == 4, broken.stderr
    assert broken.stdout.startswith("\nNew failures: There are new failures")
    assert "test_nothing" in broken.stdout.splitlines()[1] or "make test" in broken.stdout.splitlines()[1]
    with played([FIX], [SAYS]) as model:
        held = run(repo, folder, model, DAYHAND_MAX_LINES="1")
    assert held.returncode == 6, held.stderr
    assert held.stdout.startswith("\nHeld for a person: ")


def test_an_interrupted_run_ends_with_a_sentence_and_leaves_nothing(repo: Path, folder: Path) -> None:
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o755)
    refs = git(repo, "for-each-ref")
    with played([Shell("echo begun; sleep 600")]) as model:
        started = start(
            "run",
            "--repo",
            str(repo),
            WORDS,
            cwd=folder,
            OPENAI_BASE_URL=model.base_url,
            TMPDIR=str(temporary),
        )
        with started as process:
            assert process.stderr is not None
            assert any("$ echo begun" in line for line in process.stderr)
            process.send_signal(signal.SIGTERM)  # Ctrl-C has the same handler
            _, said = process.communicate(timeout=100)
    assert process.returncode == 130
    assert said.endswith("Interrupted: nothing changed.\n")
    assert [path.name for path in temporary.iterdir() if path.name.startswith("dayhand-run-")] == []
    assert git(repo, "for-each-ref") == refs


def test_an_interrupt_while_git_makes_the_first_folders_leaves_none(repo: Path, folder: Path) -> None:
    temporary, begun = folder / "tmp", folder / "begun"
    temporary.mkdir(mode=0o755)
    os.mkfifo(begun)
    (folder / "bin").mkdir()
    waits = f'case "$*" in *" init -q --bare "*) echo > {begun}; exec sleep 600;; esac'
    (folder / "bin/git").write_text(f'#!/bin/sh\n{waits}\nexec {shutil.which("git")} "$@"\n')
    (folder / "bin/git").chmod(0o755)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    gone = "http://127.0.0.1:9/v1"
    started = start(
        "run", "--repo", str(repo), WORDS, cwd=folder, PATH=path, TMPDIR=str(temporary), OPENAI_BASE_URL=gone
    )
    with started as process:
        begun.read_bytes()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=100)
    assert (process.returncode, said) == (130, "Interrupted: nothing changed.\n")
    assert [*temporary.iterdir()] == []


def test_what_is_wrong_from_the_start_ends_at_once_with_a_sentence(repo: Path, folder: Path) -> None:
    gone = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    for words, options, environ, code, said in (
        (" ", (), gone, 2, "The request is empty."),
        (WORDS, ("--branch", "main"), gone, 1, "There is a branch main already."),
        (WORDS, (), gone, 1, "There is no connection to the model server at 127.0.0.1:9"),
    ):
        done = dayhand("run", "--repo", str(repo), *options, words, cwd=folder, **environ)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr


def test_a_full_temporary_folder_is_named_before_anything_is_paid(repo: Path, folder: Path) -> None:
    full = folder / "full"
    full.mkdir()
    bwrap = next(find_bwraps(folder / "tools"))
    words = ["--dev-bind", "/", "/", "--size", str(32 << 20), "--tmpfs", str(full)]
    command = [str(bwrap), *words, sys.executable, "-m", "dayhand.cli", "run", "--repo", str(repo), WORDS]
    with played([FIX]) as model:
        env = {**os.environ, "OPENAI_BASE_URL": model.base_url, "TMPDIR": str(full)}
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert model.count == 0
    assert done.returncode == 2, done.stderr
    assert done.stderr == (
        f"dayhand: The temporary folder {full} is full: 32 MB are left, and a run needs 64 MB.\n"
        "  → Free some space there, or set TMPDIR to another folder.\n"
    )


def test_a_temporary_folder_that_gets_full_ends_the_run_with_a_sentence_and_loses_nothing(
    repo: Path, folder: Path
) -> None:
    full = folder / "filling"
    full.mkdir()
    before = git(repo, "for-each-ref"), git(repo, "status", "--porcelain")
    bwrap = next(find_bwraps(folder / "tools"))
    words = [str(bwrap), "--dev-bind", "/", "/", "--size", str(80 << 20), "--tmpfs", str(full)]
    fill = """(until ls "$TMPDIR"/dayhand-run-*/redis/redis.sock; do sleep 0.01; done
        head -c 100M /dev/zero > "$TMPDIR/filler") > /dev/null 2>&1 & exec "$@" """
    run_it = ["sh", "-c", fill, "sh", sys.executable, "-m", "dayhand.cli", "run", "--repo", str(repo), WORDS]
    with played([FIX]) as model:
        env = {**os.environ, "OPENAI_BASE_URL": model.base_url, "TMPDIR": str(full)}
        done = subprocess.run(
            [*words, *run_it], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1, done.stderr
    assert done.stderr.endswith(
        f"dayhand: The disk of the temporary folder {full} became full, which ended the run.\n"
        "  → Free some space there, or set TMPDIR to another folder, and run it again.\n"
    )
    assert (git(repo, "for-each-ref"), git(repo, "status", "--porcelain")) == before


def test_a_model_that_gives_up_leaves_its_work_on_the_branch_and_nothing_for_the_workers(
    repo: Path, folder: Path
) -> None:
    with (
        embedded(folder / "data") as url,
        played([FIX], [Refuse("No.")]) as model,
    ):  # where `dayhand up` runs beside it
        done = run(repo, folder, model, REDIS_URL=url)
        assert Ledger(connect(url)).recent() == []
    assert done.returncode == 1
    assert "The model refuses to do this: “No.”" in done.stderr
    (branch,) = [line.strip() for line in git(repo, "branch", "--list", "dayhand/*").splitlines()]
    assert f"The unfinished work is on the branch {branch}, unchecked." in done.stderr
    assert git(repo, "show", f"{branch}:shop.py") == SHOP["shop.py"].replace(" + 1", "").strip()


def test_the_next_model_finishes_where_the_first_is_not_there_and_neither_steers_the_terminal(
    repo: Path, folder: Path
) -> None:
    gone = Fault("status", 404, UNKNOWN, times=FOREVER, model="gone")
    with played([gone, FIX, Shell("echo \x1b]0;owned\x07 \x1b[2J")], [DONE]) as model:
        done = run(repo, folder, model, DAYHAND_MODEL="gone,gpt-6.1-sol")
    assert done.returncode == 0, done.stderr
    assert (
        "gone could not continue, so gpt-6.1-sol took over: The model server has no such model" in done.stdout
    )
    assert "$ echo" in done.stderr
    assert "owned" not in done.stderr
    assert not {"\x1b", "\x07"} & {*done.stdout, *done.stderr}


def test_without_a_model_it_says_what_to_set(repo: Path, folder: Path) -> None:
    done = dayhand("run", "--repo", str(repo), WORDS, cwd=folder)
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr


def test_the_environment_is_told_without_an_account_or_a_model(repo: Path, folder: Path) -> None:
    add(repo, "Makefile", LINTED_SHOP["Makefile"])
    done = dayhand("environment", str(repo), cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "Both declared checks can run here" in done.stdout
    assert "make lint" in done.stdout


def test_the_environment_as_one_object_names_what_cannot_run(repo: Path, folder: Path) -> None:
    add(repo, ".dayhand.toml", '[checks]\nlint = "true"\ntest = "no-such-program \\u001b[2J--all"\n')
    done = dayhand("environment", "--json", str(repo), cwd=folder)
    assert done.returncode == 1, done.stderr
    assert "no-such-program" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr, "nothing of the repository steers the terminal"
    result = json.loads(done.stdout)
    assert result["ready"] is False
    assert {one["kind"]: one["run"] is not None for one in result["checks"]} == {"lint": True, "test": False}
