"""The pages of a set-up on this machine's own address: the form for GitHub, and the redirect that comes back from it."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from dayhand.commands.doctor.codes import Health
from dayhand.commands.setup.credentials import CredentialFiles
from dayhand.commands.setup.pages import Progress, error_page, start_page, status_page
from dayhand.commands.setup.record import SetupRecord, remove_record, save_record
from dayhand.commands.setup.result import StepResult
from dayhand.errors import DayhandError, HubError, HubUnavailable, SettingsError
from dayhand.hub.registration import redeem

HOST = "127.0.0.1"
POLL_SECONDS = 0.1  # between two looks whether the server should stop
# A form may go to GitHub and from there to its login, so where it goes is not limited.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)


class Registration:
    """Takes GitHub's redirect, from the browser or from the terminal, and stores what it leads to once."""

    def __init__(self, record: SetupRecord, files: CredentialFiles, progress: Progress) -> None:
        self.record = record
        self.progress = progress
        self.done = threading.Event()
        self._files = files
        self._lock = threading.Lock()

    def accept(self, address: str) -> None:
        """Exchange the code in this address and store the credentials. Raises ``DayhandError``; nothing is lost then."""
        query = parse_qs(urlsplit(address).query)
        state, code = query.get("state", [""])[0], query.get("code", [""])[0]
        if not hmac.compare_digest(state.encode(), self.record.state.encode()):
            raise SettingsError(
                "This address does not belong to this set-up: its “state” is missing or another one.",
                advice="Begin at the address that `dayhand setup` printed, and use the whole address that GitHub sends you to.",
            )
        if not code:
            raise SettingsError(
                "GitHub sent no code, so the App was not registered.",
                advice="Begin again at the address that `dayhand setup` printed.",
            )
        with self._lock:
            if not self.done.is_set():  # else it is the same redirect again
                self._redeem(code)
                self.done.set()

    def _redeem(self, code: str) -> None:
        plan, folder = self.record.plan, self._files.dotenv.parent
        self._files.check(plan)
        try:
            credentials = redeem(plan.api_url, code)
        except HubUnavailable:
            raise
        except HubError as error:
            error.advice = (
                f"If the new App is listed at {plan.apps_page}, delete it there: its key is not stored here. Then begin again at "
                "the address that `dayhand setup` printed."
            )
            raise
        self.record = replace(self.record, credentials=credentials)
        save_record(folder, self.record)
        self.store()

    def store(self) -> None:
        """Write the credentials that were received to their files. Raises ``SettingsError``."""
        credentials = self.record.credentials
        if credentials is None:
            return
        key = self._files.write(self.record.plan, credentials)
        remove_record(self._files.dotenv.parent)
        self.progress.add(StepResult(Health.GOOD, f"registered: {credentials.slug}, {credentials.page}"))
        self.progress.add(StepResult(Health.GOOD, f"stored: {self._files.dotenv} and {key.name}, mode 600"))


class PageServer(ThreadingHTTPServer):
    """Serves the pages of one registration."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        super().__init__((HOST, port), SetupRequestHandler)
        self.registration: Registration | None = None


@contextmanager
def page_server(port: int) -> Iterator[PageServer]:
    """A server on this port, or on a free one if the port is 0 or taken."""
    try:
        server = PageServer(port)
    except OSError:
        server = PageServer(0)
    thread = threading.Thread(
        target=server.serve_forever, args=(POLL_SECONDS,), name="setup-pages", daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class SetupRequestHandler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = 20  # seconds

    def do_GET(self) -> None:
        registration = self.server.registration
        host = self.headers.get("Host", "").rpartition(":")[0]
        if registration is None or host not in (HOST, "localhost"):  # a page could point its own name here
            self._send(404, _not_found())
            return
        path, page = urlsplit(self.path).path, registration.record.page
        if path == "/done":
            self._take_redirect(registration)
        elif hmac.compare_digest(path.encode(), f"/start/{page}".encode()):
            if registration.done.is_set():
                self._redirect(f"/status/{page}")
            else:
                self._send(200, start_page(registration.record))
        elif hmac.compare_digest(path.encode(), f"/status/{page}".encode()):
            self._send(200, status_page(registration.progress))
            if registration.progress.ended:
                registration.progress.end_was_shown.set()
        else:
            self._send(404, _not_found())

    def _take_redirect(self, registration: Registration) -> None:
        try:
            registration.accept(self.path)
        except DayhandError as error:
            self._send(400, error_page(str(error), error.advice))
        else:
            self._redirect(f"/status/{registration.record.page}")  # so that the code leaves the address

    def _redirect(self, path: str) -> None:
        self.send_response(303)
        self.send_header("Location", path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, page: str) -> None:
        body = page.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing: the terminal shows the steps."""


def _not_found() -> str:
    return error_page("There is no such page.", "Open the address that `dayhand setup` printed.")
