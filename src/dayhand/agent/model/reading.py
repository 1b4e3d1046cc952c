"""Reads a model server's response in a thread, so that whoever waits for it can look up once a second."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import Self, TypeAlias

import httpx2

from dayhand.agent.model.retry import FaultKind, ModelFault

WAIT_SECONDS = 1.0
Piece: TypeAlias = Mapping[str, str] | bytes | ModelFault | None  # the headers, the body's chunks, the end


class ResponseReader:
    """One response. If the block is left early, the thread ends with the next chunk, or with the connection."""

    def __init__(
        self, send: Callable[[], AbstractContextManager[httpx2.Response]], on_wait: Callable[[], None]
    ) -> None:
        """``on_wait`` is called after each second in which nothing arrived; it may raise to stop."""
        self._send = send
        self._on_wait = on_wait
        self._pieces: SimpleQueue[Piece] = SimpleQueue()
        self._left = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._read, name="model", daemon=True).start()
        return self

    def __exit__(self, *_how: object) -> None:
        self._left.set()

    def headers(self) -> Mapping[str, str]:
        """Raises ``ModelFault`` if there is no successful response."""
        piece = self._next()
        if isinstance(piece, bytes) or piece is None:
            raise ModelFault(FaultKind.CONNECTION, "The model server sent no response.")
        return piece

    def chunks(self) -> Iterator[bytes]:
        """Raises ``ModelFault`` if the connection breaks."""
        while isinstance(piece := self._next(), bytes):
            yield piece

    def _next(self) -> Mapping[str, str] | bytes | None:
        while True:
            try:
                piece = self._pieces.get(timeout=WAIT_SECONDS)
            except Empty:
                self._on_wait()
                continue
            if isinstance(piece, ModelFault):
                raise piece
            return piece

    def _read(self) -> None:
        try:
            with self._send() as response:
                self._pieces.put(response.headers)
                for chunk in response.iter_bytes():
                    if self._left.is_set():
                        return
                    self._pieces.put(chunk)
        except ModelFault as fault:
            self._pieces.put(fault)
        finally:
            self._pieces.put(None)
