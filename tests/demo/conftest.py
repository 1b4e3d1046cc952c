"""A checkout in which a script's moves are really made, without a sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dayhand.agent.tools import apply_patch
from dayhand.demo.story import Story
from dayhand.scripted_model.moves import Finish, Patch, Plan, Say, Script, ScriptState, Shell

MAX_TURNS = 12
QUIET_ENV = {"NO_COLOR": "1", "CI": "1", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1", "GIT_PAGER": "cat"}


@dataclass
class StoryCheckout:
    """A story's repository as a git checkout, with commands that run in it."""

    folder: Path
    outputs: list[str] = field(default_factory=list)
    patched: list[str] = field(default_factory=list)

    def run(self, command: str) -> tuple[int, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command],
            check=False,
            cwd=self.folder,
            env={**os.environ, **QUIET_ENV, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
        )
        return done.returncode, done.stdout

    def patch(self, text: str) -> None:
        def read(path: str) -> str | None:
            file = self.folder / path
            return file.read_text(encoding="utf-8") if file.is_file() else None

        edits = apply_patch.apply(apply_patch.parse(text), read)
        assert not edits.notes, edits.notes  # a script's patch applies exactly
        for path, content in edits.writes.items():
            (self.folder / path).write_text(content, encoding="utf-8")
        self.patched += edits.writes

    def play(self, script: Script, prompt: str) -> Finish:
        """Play a script to its end, and really make its moves."""
        assert script.matches(prompt)
        for turn in range(MAX_TURNS):
            moves = script.play(ScriptState(turn, tuple(self.outputs[-4:]), tuple(self.outputs), prompt))
            if end := self._turn(moves):
                return end
        raise AssertionError("the script does not end")

    def _turn(self, moves: Sequence[object]) -> Finish | None:
        for move in moves:
            match move:
                case Shell(command):
                    code, printed = self.run(command)
                    self.outputs.append(f"Exit code: {code}\nWall time: 0.1 seconds\nOutput:\n{printed}")
                case Patch(text):
                    self.patch(text)
                    self.outputs.append("Success. Updated the following files:\nM a file")
                case Plan():
                    self.outputs.append("Plan updated.")
                case Finish():
                    assert all(isinstance(other, Plan | Finish) for other in moves)
                    return move
                case _:
                    assert isinstance(move, Say)
        return None

    def line(self, path: str, number: int) -> str:
        return (self.folder / path).read_text(encoding="utf-8").splitlines()[number - 1].strip()


def _create(story: Story, folder: Path) -> StoryCheckout:
    for path, text in story.files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    checkout = StoryCheckout(folder)
    identity = "-c user.name=Ada -c user.email=ada@example.org"
    code, printed = checkout.run(f"git init -q && git add -A && git {identity} commit -q -m 'Begin'")
    assert code == 0, printed
    return checkout


@pytest.fixture
def create_checkout(tmp_path: Path) -> Callable[[Story], StoryCheckout]:
    return lambda story: _create(story, tmp_path / story.name)


Repaired = tuple[StoryCheckout, Finish]


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Story], Repaired]:
    """The stories' repositories after their scripts, each played once; only copies are handed to tests."""
    played: dict[str, Repaired] = {}

    def play(story: Story) -> Repaired:
        if story.name not in played:
            checkout = _create(story, tmp_path_factory.mktemp("played") / story.name)
            played[story.name] = checkout, checkout.play(story.scripts[-1], story.title)
        return played[story.name]

    return play


@pytest.fixture
def repair(tmp_path: Path, originals: Callable[[Story], Repaired]) -> Callable[[Story], Repaired]:
    """A copy of the repository after its script, and what the script said at its end."""

    def copy(story: Story) -> Repaired:
        original, end = originals(story)
        folder = shutil.copytree(original.folder, tmp_path / story.name, symlinks=True)
        return StoryCheckout(folder, [*original.outputs], [*original.patched]), end

    return copy
