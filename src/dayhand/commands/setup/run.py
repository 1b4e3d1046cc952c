"""``dayhand setup``: registers a GitHub App, stores its credentials, waits for its installation and tries what it needs."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dayhand.commands.doctor.codes import Health
from dayhand.commands.doctor.webhook import is_local
from dayhand.commands.setup.credentials import CredentialFiles
from dayhand.commands.setup.pages import MARKS, Progress, start_page
from dayhand.commands.setup.plan import AppPlan, enterprise_api, make_plan
from dayhand.commands.setup.private_file import write_private
from dayhand.commands.setup.record import (
    FORM,
    SetupRecord,
    new_record,
    only_one,
    read_record,
    remove_record,
    save_record,
)
from dayhand.commands.setup.registration_server import Registration, page_server
from dayhand.commands.setup.result import StepResult
from dayhand.commands.setup.steps import Pace, ask_model, receive_ping, wait_for_installation
from dayhand.errors import DayhandError, ExitCode, SettingsError
from dayhand.hub.app_record import read_app_record
from dayhand.hub.auth import AppAuth
from dayhand.settings.required import app_key, require_app
from dayhand.settings.table import DOTENV, Settings, read_settings
from dayhand.settings.value_types import PORT, WrongText
from dayhand.startup.records import dataclass
from dayhand.untrusted_text import clean

INSTALL = "Install the App on the repositories that it may work on."
START = (
    "Start Dayhand in another terminal: `dayhand up`, or your containers. Set-up waits two minutes for it."
)
LAST_PAGE_SECONDS = 5.0  # for the browser to show how it ended


@dataclass(frozen=True, slots=True)
class SetupOptions:
    """What the command line says; None and "" are asked for."""

    organization: str | None = None  # "": the person's own account
    name: str = ""
    url: str = ""
    public: bool | None = None
    enterprise_url: str = ""
    port: str = ""

    @property
    def chosen(self) -> bool:
        """Whether anything about the App is chosen."""
        return (
            self.organization is not None
            or any((self.name, self.url, self.enterprise_url))
            or self.public is False
        )


def set_up(settings: Settings, options: SetupOptions, pace: Pace | None = None) -> int:
    """Do what is left to do in the current folder; 0 if an issue can be labelled then, else 1."""
    files = CredentialFiles(DOTENV, os.environ)
    progress = Progress(settings.label)
    with only_one(Path()):
        port = _read_port(options.port)
        record = read_record(Path())
        if record and record.credentials:
            Registration(record, files, progress).store()
            _print_results(progress, 0)
        if files.has_app():
            remove_record(Path())
            if options.chosen:
                print(f"An App is set in {files.dotenv} already; the set-up goes on with it.", flush=True)
            return _finish(progress, pace or Pace())
        if record is None or options.chosen:
            plan = _plan(settings, options)
            record = None
        else:
            plan = record.plan
            print("The set-up that was broken off here goes on.", flush=True)
        files.check(plan)
        return _register(plan, record, files=files, progress=progress, port=port, pace=pace or Pace())


def _read_port(text: str) -> int:
    """The port of the local page; 0 if none is chosen. Raises ``SettingsError``."""
    try:
        return PORT.read(text) if text else 0
    except WrongText as error:
        raise SettingsError(
            f"--port must be {PORT.caption}, not “{text}”.", advice="Leave it out for a free one."
        ) from error


def _plan(settings: Settings, options: SetupOptions) -> AppPlan:
    """The choices of the command line, the settings, and a person at the terminal."""
    api_url = enterprise_api(options.enterprise_url) if options.enterprise_url else settings.api_url
    url, public = options.url, options.public
    if not url and public is None and not is_local(settings.url):
        url = settings.url
    if not url and public is None:
        url = _ask(
            "Public address of this machine, such as https://dayhand.example.org (empty: it has none): ",
            otherwise="Give --url https://HOST, or --no-public-address.",
        )
    organization = options.organization
    if organization is None:
        organization = _ask("Organization that owns the App (empty: your own account): ", otherwise="")
    poll = public is False or not url
    return make_plan(api_url, organization=organization, name=options.name, url=url, poll=poll)


def _ask(question: str, *, otherwise: str) -> str:
    """The answer of the person at the terminal; without one, "" or ``SettingsError`` with the advice ``otherwise``."""
    if sys.stdin.isatty():
        print(question, end="", flush=True)
        return sys.stdin.readline().strip()
    if otherwise:
        raise SettingsError("It is not known whether GitHub can reach this machine.", advice=otherwise)
    return ""


def _register(
    plan: AppPlan,
    record: SetupRecord | None,
    *,
    files: CredentialFiles,
    progress: Progress,
    port: int,
    pace: Pace,
) -> int:
    """Serve the pages until the App is registered, and until its last page was shown."""
    folder = Path()
    with page_server(port or (record.port if record else 0)) as server:
        port = int(server.server_address[1])  # another one, if that is taken
        record = replace(record, port=port) if record else new_record(plan, port)
        save_record(folder, record)
        write_private(folder / FORM, start_page(record))
        registration = server.registration = Registration(record, files, progress)
        _print_start(record)
        threading.Thread(target=_read_pasted, args=(registration,), name="setup-paste", daemon=True).start()
        if has_browser(os.environ):
            with suppress(webbrowser.Error):
                webbrowser.open(record.start_page)
        registration.done.wait()
        _print_results(progress, 0)
        code = _finish(progress, pace)
        progress.end_was_shown.wait(LAST_PAGE_SECONDS)
        return code


def has_browser(environ: Mapping[str, str]) -> bool:
    """Whether a browser of this machine has a screen."""
    if environ.get("BROWSER"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")) and not environ.get(
        "SSH_CONNECTION"
    )


def _read_pasted(registration: Registration) -> None:
    """Take addresses that a person pastes into the terminal."""
    for line in sys.stdin:
        if registration.done.is_set():
            return
        if not line.strip():
            continue
        try:
            registration.accept(line.strip())
        except DayhandError as error:
            print(clean(f"{error}\n  → {error.advice}"), flush=True)


def _print_start(record: SetupRecord) -> None:
    plan = record.plan
    owner = f"the organization {plan.organization}" if plan.organization else "your own account"
    events = "are read from GitHub's list" if plan.poll else f"are sent to {plan.url}/webhook"
    print(
        f"This registers the GitHub App {plan.name} at {plan.web_url} for {owner}. Events {events}.\n\n"
        f"Open this page in a browser:\n  {record.start_page}\n\n"
        "If the browser is on another machine, run this there first, with this machine's name:\n"
        f"  ssh -L {record.port}:127.0.0.1:{record.port} HOST\n"
        f"Or copy the file {FORM} there and open it. When GitHub has registered the App, the browser ends on an address\n"
        f"that begins with {record.redirect_url} and does not load: paste it here.\n\n"
        "Waiting for GitHub (Ctrl-C to stop; `dayhand setup` goes on from there) …",
        flush=True,
    )


def _finish(progress: Progress, pace: Pace) -> int:
    """Everything after the registration, with the settings that are stored now."""
    try:
        settings = read_settings()
        require_app(settings)
        auth = AppAuth(settings.api_url, settings.app_id, app_key(settings))
        app, _ = read_app_record(auth)
        install_page = f"{app.page}/installations/new"

        def ask_for_installation() -> None:
            progress.wait_for(INSTALL, install_page)
            print(f"… {INSTALL}\n  {install_page}", flush=True)

        def ask_for_server() -> None:
            progress.wait_for(START)
            print(f"… {START}", flush=True)

        _add(progress, lambda: [wait_for_installation(auth, pace, waiting=ask_for_installation)])
        _add(progress, lambda: [receive_ping(settings, auth, pace, waiting=ask_for_server)])
        _add(progress, lambda: ask_model(settings))
    except DayhandError as error:
        progress.add(StepResult(Health.BAD, str(error), error.advice))
        _print_results(progress, len(progress.results) - 1)
    progress.ended = True
    if progress.good:
        print(f"\nDayhand is set up. Label an issue `{progress.label}`.", flush=True)
        return ExitCode.OK
    print("\nDo what is named above, then run `dayhand setup` again: it goes on from here.", flush=True)
    return ExitCode.FAILED


def _add(progress: Progress, step: Callable[[], Iterator[StepResult] | list[StepResult]]) -> None:
    for result in step():
        progress.add(result)
        _print_results(progress, len(progress.results) - 1)


def _print_results(progress: Progress, first: int) -> None:
    for each in progress.results[first:]:
        print(clean(f"{MARKS[each.health]} {each.text}"), flush=True)
        if each.advice:
            print(clean(f"  → {each.advice}"), flush=True)
