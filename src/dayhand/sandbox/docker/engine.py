"""The Docker engine as boxes need it: the docker-py library, and a raw stream where a command runs.

A client of docker-py is not safe to use from many threads at once (its connection pools are closed while in use), so
each thread of each process has its own.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from dayhand.errors import SandboxError
from dayhand.sandbox.docker.exec_stream import ExecStream, check_engine, engine_address
from dayhand.sandbox.output import OutputCapture

TIMEOUT_SECONDS = 120
EXIT_CODE_SECONDS = 10.0  # for the engine to know how an exec ended after its streams have ended
MAX_ANSWER_BYTES = 64 * 1024  # of the output of one of our own commands


class _ThreadClient:
    """One thread's client; its connections are closed when the thread ends."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self.process = os.getpid()
        weakref.finalize(self, client.close)


class DockerEngine:
    """One engine, on this machine or another."""

    def __init__(self, address: str | None = None) -> None:
        """Without an ``address``, ``DOCKER_HOST`` is used. Raises ``SandboxError`` for one that is not supported."""
        self.address = address or engine_address()
        self._local = threading.local()
        self._processors = 0

    def check(self) -> None:
        """Raise ``SandboxError`` if no engine answers."""
        check_engine(self.address)

    @property
    def client(self) -> docker.DockerClient:
        """The client of this thread. Raises ``SandboxError`` if no engine answers."""
        mine: _ThreadClient | None = getattr(self._local, "client", None)
        if mine is None or mine.process != os.getpid():
            self.check()  # docker-py would leave a socket open if no engine answers
            with engine_errors():
                client = docker.DockerClient(base_url=self.address, timeout=TIMEOUT_SECONDS, version="auto")
            self._local.client = mine = _ThreadClient(client)
        return mine.client

    def processors(self) -> int:
        """How many processors the engine's machine has. Asked once: the engine starts programs to answer."""
        if not self._processors:
            with engine_errors():
                self._processors = int(self.client.api.info()["NCPU"])
        return self._processors

    def start_exec(
        self,
        container: str,
        words: Sequence[str],
        *,
        user: str,
        stdin: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> tuple[ExecStream, str]:
        """Start a command in a running container: its stream and the exec's id."""
        api = self.client.api
        with engine_errors():
            exec_id = api.exec_create(
                container, list(words), user=user, stdin=stdin, environment=dict(env or {}), workdir="/"
            )["Id"]
        return ExecStream(self.address, api.api_version, exec_id), exec_id

    def exec_output(self, container: str, words: Sequence[str], *, user: str, seconds: float) -> str:
        """Run a short command of our own: its standard output, or "" if it did not end in time."""
        stream, _ = self.start_exec(container, words, user=user)
        out, until = OutputCapture(MAX_ANSWER_BYTES, MAX_ANSWER_BYTES), time.monotonic() + seconds
        try:
            while not stream.ended and (left := until - time.monotonic()) > 0:
                stream.step(left, out, DISCARD)
            return out.head.decode("utf-8", "replace") if stream.ended else ""
        finally:
            stream.close()

    def exit_code(self, exec_id: str) -> int | None:
        """The exit code of an exec. None if the engine does not know it, because its container is gone, for example."""
        until, pause = time.monotonic() + EXIT_CODE_SECONDS, 0.001
        while time.monotonic() < until:
            try:
                state = self.client.api.exec_inspect(exec_id)
            except NotFound:
                return None
            if not state["Running"]:
                code: int | None = state["ExitCode"]
                return code
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return None

    def layer_size(self, container: str) -> int:
        """The bytes that a container has written, without its volumes; 0 if it is gone."""
        with engine_errors():
            found = self.client.api.containers(all=True, size=True, filters={"id": container})
        return sum(int(each.get("SizeRw") or 0) for each in found)

    def restart(self, container: str) -> None:
        """End every process of a container, even one that no signal from inside can end; its files remain."""
        with engine_errors():
            self.client.api.restart(container, timeout=0)


class _DiscardedOutput:
    """Ignores output that is no longer needed."""

    def write(self, chunk: bytes) -> None:
        pass


DISCARD = _DiscardedOutput()


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn the engine's errors into ``SandboxError``."""
    try:
        yield
    except APIError as error:
        raise SandboxError(f"The Docker engine refused: {error.explanation or error}") from error
    except (DockerException, requests.RequestException) as error:
        raise SandboxError(
            f"The Docker engine does not answer: {error}.",
            advice="Check that it runs and that this user may use its socket (`docker version`), or set DOCKER_HOST.",
        ) from error


def remove_if_unused(remove: Callable[[], object]) -> None:
    """Remove something that may be gone already, or still in use: then a later sweep removes it."""
    with engine_errors():
        try:
            remove()
        except NotFound:
            pass
        except APIError as error:
            if error.status_code != HTTPStatus.CONFLICT:
                raise
