"""``dayhand run``: the same journey on a local repository; the result is a branch in it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.commands.local import local_task
from dayhand.errors import CheckoutError
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.redis_server import connect, embedded
from dayhand.scripted_model.moves import FOREVER, Fault, Finish, Move, Refuse, Script, ScriptState, Shell
from dayhand.scripted_model.server import ScriptedServer
from tests.journey.harness import DONE, FIX, SHOP
from tests.test_cli import dayhand

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


def played(*turns: list[Move]) -> ScriptedServer:
    def play(scene: ScriptState) -> list[Move]:
        return turns[min(scene.turn, len(turns) - 1)]

    return ScriptedServer([Script("local", lambda prompt: WORDS in prompt, play)])


def run(repo: Path, folder: Path, model: ScriptedServer, **environ: str) -> subprocess.CompletedProcess[str]:
    """``dayhand run`` with a scripted model."""
    set_up = {"OPENAI_BASE_URL": model.base_url, "DAYHAND_MODEL": "scripted", **environ}
    return dayhand("run", "--repo", str(repo), WORDS, cwd=folder, **set_up)


def test_it_leaves_a_branch_and_touches_nothing_else(repo: Path, folder: Path) -> None:
    before = git(repo, "rev-parse", "main")
    (repo / "unsaved.txt").write_text("mine")
    with played([FIX], [DONE]) as model:
        done = run(repo, folder, model)
    assert done.returncode == 0, done.stderr
    (branch,) = [line.strip() for line in git(repo, "branch", "--list", "dayhand/*").splitlines()]
    assert git(repo, "show", f"{branch}:shop.py") == SHOP["shop.py"].replace(" + 1", "").strip()
    assert "test" in done.stdout
    assert "passes" in done.stdout
    assert f"git diff {before[:8]} {branch}" in done.stdout
    assert git(repo, "rev-parse", "main", "HEAD").splitlines() == [before, before]
    assert git(repo, "status", "--short") == "?? unsaved.txt"


def test_an_answer_leaves_no_branch(repo: Path, folder: Path) -> None:
    with played([Finish("No", "It is meant so.")]) as model:
        done = run(repo, folder, model)
    assert done.returncode == 0, done.stderr
    assert "It is meant so." in done.stdout
    assert git(repo, "branch", "--list", "dayhand/*") == ""


def test_a_model_that_gives_up_leaves_its_work_on_the_branch_and_no_success(repo: Path, folder: Path) -> None:
    with played([FIX], [Refuse("No.")]) as model:
        done = run(repo, folder, model)
    assert done.returncode == 1
    assert "The model refuses to do this: “No.”" in done.stderr
    (branch,) = [line.strip() for line in git(repo, "branch", "--list", "dayhand/*").splitlines()]
    assert f"The unfinished work is on the branch {branch}, unchecked." in done.stderr
    assert git(repo, "show", f"{branch}:shop.py") == SHOP["shop.py"].replace(" + 1", "").strip()


def test_a_run_that_fails_leaves_nothing_for_the_workers_to_take_up(repo: Path, folder: Path) -> None:
    with (
        embedded(folder / "data") as url,
        played([Refuse("No.")]) as model,
    ):  # where `dayhand up` runs beside it
        done = run(repo, folder, model, REDIS_URL=url)
        assert "The model refuses to do this: “No.”" in done.stderr
        assert Ledger(connect(url)).recent() == []


def test_nothing_that_the_model_says_steers_the_terminal(repo: Path, folder: Path) -> None:
    with played([FIX, Shell("echo \x1b]0;owned\x07 \x1b[2J")], [DONE]) as model:
        done = run(repo, folder, model)
    assert done.returncode == 0, done.stderr
    assert "$ echo" in done.stderr
    assert "owned" not in done.stderr
    assert not {"\x1b", "\x07"} & {*done.stdout, *done.stderr}


def test_the_next_model_finishes_where_the_first_is_not_there(repo: Path, folder: Path) -> None:
    with played([Fault("status", 404, UNKNOWN, times=FOREVER, model="gone"), FIX], [DONE]) as model:
        done = run(repo, folder, model, DAYHAND_MODEL="gone,gpt-6.1-sol")
    assert done.returncode == 0, done.stderr
    assert (
        "gone could not continue, so gpt-6.1-sol took over: The model server has no such model" in done.stdout
    )


def test_without_a_model_it_says_what_to_set(repo: Path, folder: Path) -> None:
    done = dayhand("run", "--repo", str(repo), WORDS, cwd=folder)
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr


def test_what_is_no_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckoutError, match="is not a git repository"):
        local_task(tmp_path, WORDS)
    with pytest.raises(CheckoutError, match="is not a folder"):
        local_task(tmp_path / "nowhere", WORDS)


def test_the_environment_is_told_without_an_account_or_a_model(repo: Path, folder: Path) -> None:
    done = dayhand("environment", str(repo), cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "Both declared checks can run here" in done.stdout
    assert "make lint" in done.stdout


def test_the_environment_as_one_object_names_what_cannot_run(repo: Path, folder: Path) -> None:
    (repo / ".dayhand.toml").write_text('[checks]\ntest = "no-such-program --all"\n')
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Second")
    done = dayhand("environment", "--json", str(repo), cwd=folder)
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert result["ready"] is False
    assert {one["kind"]: one["run"] is not None for one in result["checks"]} == {"lint": True, "test": False}
