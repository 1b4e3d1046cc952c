"""The build lock: one process at a time, and no longer than that process lives."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import threading

from dayhand.environment.setup.build_lock import building
from tests.waiting import PATIENCE

HOLDER = """
import sys, time
from dayhand.environment.setup.build_lock import building
with building(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_builder_that_is_killed_hands_the_right_on_and_until_then_keeps_it():
    key = f"test-{secrets.token_hex(8)}"
    got = threading.Event()

    def wait() -> None:
        with building(key):
            got.set()

    with subprocess.Popen([sys.executable, "-c", HOLDER, key], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            waiting = threading.Thread(target=wait)
            waiting.start()
            with building(f"{key}-other"):  # another environment is not waited for
                assert not got.wait(0.3)
        finally:
            holder.send_signal(signal.SIGKILL)
        waiting.join(PATIENCE)
    assert got.is_set()
