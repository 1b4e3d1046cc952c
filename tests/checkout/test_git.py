"""How git is started on the host."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dayhand.checkout.git import BareGit
from dayhand.errors import CheckoutError

# The programs that one git command starts; a variable of the process that started it must not name the repository.
PROGRAM = """
import os, sys
from pathlib import Path
from dayhand.checkout.git import BareGit
started = []
sys.addaudithook(lambda event, words: started.append(words[1]) if event == "subprocess.Popen" else None)
print(BareGit(Path(sys.argv[1])).run("rev-parse", "--git-dir").decode().strip())
print("env" in started[-1])
"""


@pytest.mark.parametrize(
    ("inherited", "with_env"),
    [({}, False), ({"GIT_DIR": "/nowhere"}, True), ({"GIT_SSL_CAINFO": "/ca"}, False)],
)
def test_a_program_that_removes_variables_is_started_only_if_there_are_any(
    tmp_path: Path, inherited: dict[str, str], with_env: bool
) -> None:
    BareGit(tmp_path).run("init", "-q", "--bare", str(tmp_path))
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", **inherited}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == [str(tmp_path), str(with_env)]


def test_git_that_wrote_to_a_program_of_its_own_that_had_ended_met_no_limit(tmp_path: Path) -> None:
    """So it ends where it tries to fetch an object that is missing: whether it does is a matter of chance."""
    git = BareGit(tmp_path)
    git.run("init", "-q", "--bare", str(tmp_path))
    status, _, _ = git.attempt("-c", "alias.end=!kill -PIPE $PPID", "end")
    assert status == -signal.SIGPIPE
    with pytest.raises(CheckoutError, match="stopped: it was ended by the signal SIGUSR1"):
        git.attempt("-c", "alias.end=!kill -USR1 $PPID", "end")
