"""The way out of a set-up container: an exec in it that carries connections to the proxy on the worker's side.

The container has no network, and no folder of the worker's is mounted, so this works the same for an engine on another
machine. Inside, a door listens on the loopback; it runs as a user of its own, which the commands cannot signal.
Frames are a connection's number (4 bytes), a length (2) and so many bytes; length 0: this side has sent all.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path

from dayhand.errors import SandboxError
from dayhand.sandbox.docker_stream import ExecStream
from dayhand.sandbox.egress import PORT, SOCKET
from dayhand.sandbox.meter import Meter

DOOR_USER = "1001:1001"
AT_ONCE = 256  # connections
PART = 32 * 1024
START_SECONDS = 30.0
LOOK_MS = 200  # how often it looks whether it is to end
FULL = 1024 * 1024  # bytes on their way into the box, or out of it: beyond, the other side has to wait
HEAD = struct.Struct(">IH")

DOOR = f"""
import socket, struct, sys, threading
out, source, lock, guests, half = sys.stdout.buffer, sys.stdin.buffer, threading.Lock(), {{}}, set()
def tell(number, data):
    with lock:
        out.write(struct.pack(">IH", number, len(data)) + data)
        out.flush()
def end(number):
    with lock:
        if number not in half:
            half.add(number)
            return
        half.discard(number)
        guest = guests.pop(number, None)
    if guest:
        guest.close()
def listen(number, guest):
    try:
        while data := guest.recv({PART}):
            tell(number, data)
    except OSError:
        pass
    tell(number, b"")
    end(number)
def accept(door):
    number = 0
    while True:
        guest = door.accept()[0]
        if len(guests) >= {AT_ONCE}:
            guest.close()
            continue
        number += 1
        guests[number] = guest
        try:
            threading.Thread(target=listen, args=(number, guest), daemon=True).start()
        except RuntimeError:  # the box has no room for one more thread
            guests.pop(number).close()
door = socket.create_server(("127.0.0.1", {PORT}), backlog=128)
threading.Thread(target=accept, args=(door,), daemon=True).start()
tell(0, b"ready")
while len(head := source.read(6)) == 6:
    number, size = struct.unpack(">IH", head)
    data = source.read(size)
    guest = guests.get(number)
    try:
        if guest and data:
            guest.sendall(data)
        elif guest:
            guest.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    if not size:
        end(number)
"""


@dataclass(slots=True)
class _Guest:
    """One connection, on its way from the box to the proxy."""

    proxy: socket.socket
    out: bytearray = field(default_factory=bytearray)  # to the proxy
    box_done: bool = False
    proxy_done: bool = False


class Tunnel:
    """The worker's end, in a thread of its own. A container that ends takes it along."""

    def __init__(self, stream: ExecStream, folder: Path) -> None:
        """``folder`` holds the proxy's socket. Raises ``SandboxError`` where the door does not open."""
        self._stream = stream
        self._folder = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        self._guests: dict[int, _Guest] = {}
        self._raw = bytearray()
        self._out = bytearray()  # to the box
        self._ready = threading.Event()
        self._closing = False
        self._said = Meter(1000, 1000)
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()
        if not self._ready.wait(START_SECONDS):
            self.close()
            said = self._said.head.decode("utf-8", "replace").strip()[-300:]
            raise SandboxError(
                f"The way out of the set-up container did not open: {said or 'it was too slow'}.",
                advice="The sandbox image needs python3 (deploy/sandbox/Dockerfile).",
            )

    def close(self) -> None:
        self._closing = True
        self._carrier.join()
        os.close(self._folder)

    def take(self, chunk: bytes) -> None:
        """What the door has written: whole frames are handed on."""
        self._raw += chunk
        while len(self._raw) >= HEAD.size:
            number, size = HEAD.unpack_from(self._raw)
            if len(self._raw) < HEAD.size + size:
                return
            data = bytes(self._raw[HEAD.size : HEAD.size + size])
            del self._raw[: HEAD.size + size]
            if number == 0:
                self._ready.set()
            else:
                self._from_box(number, data)

    def _from_box(self, number: int, data: bytes) -> None:
        guest = self._guests.get(number)
        if guest is None:
            guest = self._meet(number)
        if guest is None:
            return
        guest.out += data
        guest.box_done = guest.box_done or not data
        self._to_proxy(number, guest)

    def _meet(self, number: int) -> _Guest | None:
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(f"/proc/self/fd/{self._folder}/{SOCKET}")  # a socket's path has at most 107 bytes
        except OSError:
            made.close()
            self._out += HEAD.pack(number, 0)
            return None
        made.setblocking(False)
        self._guests[number] = _Guest(made)
        return self._guests[number]

    def _carry(self) -> None:
        try:
            while not self._closing and not self._stream.ended:
                self._turn()
        except OSError:
            pass  # the container is gone: its commands say so
        finally:
            for guest in self._guests.values():
                guest.proxy.close()
            self._stream.close()

    def _turn(self) -> None:
        """Wait for anything to move, and move it. A box that does not read holds up nobody but itself."""
        poll = select.poll()
        # Where the proxy takes it slower than the box gives it, the box has to wait too.
        hears = sum(len(guest.out) for guest in self._guests.values()) < FULL
        poll.register(
            self._stream.fileno(), (select.POLLIN if hears else 0) | (select.POLLOUT if self._out else 0)
        )
        numbers = {}
        for number, guest in self._guests.items():
            reads = not guest.proxy_done and len(self._out) < FULL
            events = (select.POLLIN if reads else 0) | (select.POLLOUT if guest.out else 0)
            if events:
                poll.register(guest.proxy.fileno(), events)
                numbers[guest.proxy.fileno()] = number
        for fd, happened in poll.poll(LOOK_MS):
            if fd in numbers:
                self._serve(numbers[fd], happened)
                continue
            if happened & select.POLLOUT:
                del self._out[: self._stream.send(self._out)]
            if happened & ~select.POLLOUT:
                self._stream.step(0, self, self._said)

    def _serve(self, number: int, happened: int) -> None:
        guest = self._guests.get(number)
        if guest is None:
            return
        if happened & select.POLLOUT:
            self._to_proxy(number, guest)
        if happened & ~select.POLLOUT and not guest.proxy_done:
            self._from_proxy(number, guest)

    def _to_proxy(self, number: int, guest: _Guest) -> None:
        try:
            if guest.out:
                del guest.out[: guest.proxy.send(guest.out)]
            if guest.box_done and not guest.out:
                guest.proxy.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            guest.out.clear()
        self._part(number, guest)

    def _from_proxy(self, number: int, guest: _Guest) -> None:
        try:
            data = guest.proxy.recv(PART)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._out += HEAD.pack(number, len(data)) + data
        guest.proxy_done = not data
        self._part(number, guest)

    def _part(self, number: int, guest: _Guest) -> None:
        if guest.box_done and guest.proxy_done and not guest.out:
            guest.proxy.close()
            self._guests.pop(number, None)
