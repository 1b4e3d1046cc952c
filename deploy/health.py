"""Whether a container of the image works: ``health web``, ``dispatch``, ``work`` or ``valkey`` then exits with 0.

A dispatcher or a worker works if one of its RQ workers has sent a heartbeat; they do so only while Redis answers. RQ's own
classes would say the same, but importing them takes most of a second, and this runs all the time.
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.request

from dayhand.ledger.redis_server import connect

QUEUES = {"dispatch": "dayhand-dispatch", "work": "dayhand"}
VALKEY = ("127.0.0.1", 6379)
SECONDS = 5


def find_fault(process: str) -> str:
    """What is wrong with the process of this container; "" if nothing is. Raises what the connection raises."""
    if process == "web":
        address = f"http://127.0.0.1:{os.environ.get('DAYHAND_PORT') or 8080}/readyz"
        urllib.request.urlopen(address, timeout=SECONDS).close()
        return ""
    if process == "valkey":
        with socket.create_connection(VALKEY, SECONDS) as client:
            client.sendall(b"PING\r\n")
            answer = client.recv(64).decode()
        return "" if answer.startswith("+PONG") else answer  # it says so while it reads its file
    redis = connect(os.environ["REDIS_URL"], quick=True)
    workers = redis.smembers(f"rq:workers:{QUEUES[process]}")
    if any(redis.hget(worker, "hostname") == socket.gethostname() for worker in workers):
        return ""
    return "no worker of this container has sent a heartbeat"


if __name__ == "__main__":
    fault = find_fault(sys.argv[1])
    if fault:
        sys.exit(f"{sys.argv[1]}: {fault}")
