"""The Docker engine, as our boxes need it: docker-py where it serves, a raw stream where a command runs.

docker-py's client is not made for many threads at once (its pools of connections are closed while in use), so each
thread of each process has its own.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from dayhand.errors import SandboxError
from dayhand.sandbox.docker.exec_stream import ExecStream, check_engine, engine_address
from dayhand.sandbox.meter import Meter

TIMEOUT_SECONDS = 120
CODE_SECONDS = 10.0  # for the engine to know how an exec ended whose streams have ended
ANSWER = 64 * 1024  # bytes of what a command of our own may say


class _Mine:
    """One thread's client; its connections end with the thread."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self.process = os.getpid()
        weakref.finalize(self, client.close)


class Engine:
    """One engine, local or remote."""

    def __init__(self, address: str | None = None) -> None:
        """``address`` is ``DOCKER_HOST``'s where none is given. Raises ``SandboxError`` for one that cannot work."""
        self.address = address or engine_address()
        self._local = threading.local()

    def check(self) -> None:
        """Raise ``SandboxError`` where nobody answers."""
        check_engine(self.address)

    @property
    def client(self) -> docker.DockerClient:
        """The client of this thread. Raises ``SandboxError`` where no engine answers."""
        mine: _Mine | None = getattr(self._local, "mine", None)
        if mine is None or mine.process != os.getpid():
            self.check()  # docker-py would leave a socket open where nobody answers
            with named():
                made = docker.DockerClient(base_url=self.address, timeout=TIMEOUT_SECONDS, version="auto")
            self._local.mine = mine = _Mine(made)
        return mine.client

    def start(
        self,
        container: str,
        words: Sequence[str],
        *,
        user: str,
        stdin: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> tuple[ExecStream, str]:
        """Start a command in a running container; its stream and the exec's id."""
        api = self.client.api
        with named():
            exec_id = api.exec_create(
                container, list(words), user=user, stdin=stdin, environment=dict(env or {}), workdir="/"
            )["Id"]
        return ExecStream(self.address, api.api_version, exec_id), exec_id

    def ask(self, container: str, words: Sequence[str], *, user: str, seconds: float) -> str:
        """Run a short command of our own; what it said, "" where it did not end in time."""
        stream, _ = self.start(container, words, user=user)
        out, until = Meter(ANSWER, ANSWER), time.monotonic() + seconds
        try:
            while not stream.ended and (left := until - time.monotonic()) > 0:
                stream.step(left, out, NOWHERE)
            return out.head.decode("utf-8", "replace") if stream.ended else ""
        finally:
            stream.close()

    def exit_code(self, exec_id: str) -> int | None:
        """How an exec ended. None where the engine does not know, for its container is gone, say."""
        until, pause = time.monotonic() + CODE_SECONDS, 0.001
        while time.monotonic() < until:
            try:
                told = self.client.api.exec_inspect(exec_id)
            except NotFound:
                return None
            if not told["Running"]:
                code: int | None = told["ExitCode"]
                return code
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return None

    def restart(self, container: str) -> None:
        """End every process of a container, even one that no signal from inside could end; its files remain."""
        with named():
            self.client.api.restart(container, timeout=0)


class _Nowhere:
    """Takes output that nobody wants any more."""

    def take(self, chunk: bytes) -> None:
        pass


NOWHERE = _Nowhere()


@contextmanager
def named() -> Iterator[None]:
    """The engine's failures as ours."""
    try:
        yield
    except APIError as error:
        raise SandboxError(f"The Docker engine refused: {error.explanation or error}") from error
    except (DockerException, requests.RequestException) as error:
        raise SandboxError(
            f"The Docker engine does not answer: {error}.",
            advice="See that it runs and that this user may use its socket (`docker version`), or set DOCKER_HOST.",
        ) from error
