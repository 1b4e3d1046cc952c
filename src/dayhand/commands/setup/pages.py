"""The local pages of a set-up: the form that goes to GitHub, and how far the set-up has come."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from threading import Event, Lock

from dayhand.commands.doctor.codes import Health
from dayhand.commands.setup.plan import AppPlan
from dayhand.commands.setup.record import SetupRecord
from dayhand.commands.setup.result import StepResult

MARKS = {Health.GOOD: "✓", Health.WEAK: "!", Health.BAD: "✗"}
REFRESH = '<meta http-equiv="refresh" content="2">'
STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --dim: #59636e; --line: #d1d9e0; --soft: #f6f8fa; --blue: #0969da; --bg: #fff; --green: #1a7f37; --red: #cf222e; --amber: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --text: #f0f6fc; --dim: #9198a1; --line: #3d444d; --soft: #151b23; --blue: #4493f8; --bg: #0d1117; --green: #3fb950; --red: #f85149; --amber: #d29922; } }
* { box-sizing: border-box; } body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--text); background: var(--bg); }
main { max-width: 680px; margin: 0 auto; padding: 2rem 1.2rem; } h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .8rem; }
a { color: var(--blue); } code { background: var(--soft); padding: .1em .35em; border-radius: 5px; overflow-wrap: anywhere; font-size: .9em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .55rem 1.2rem; border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1.2rem 0; }
dt { color: var(--dim); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; } .note { color: var(--dim); font-size: .92em; }
button, .button { display: inline-block; font: 600 16px system-ui; padding: .6rem 1.2rem; border: 0; border-radius: 6px; background: #1f883d; color: #fff; cursor: pointer; text-decoration: none; }
ol { list-style: none; padding: 0; margin: 1.2rem 0; } li { display: grid; grid-template-columns: 1.6rem 1fr; padding: .6rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; } li p { grid-column: 2; margin: .3rem 0; }
.good { color: var(--green); } .weak { color: var(--amber); } .bad { color: var(--red); } .wait { color: var(--dim); } :focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
@media (max-width: 560px) { dl { grid-template-columns: 1fr; gap: .1rem; } dd { margin-bottom: .6rem; } button, .button { width: 100%; text-align: center; } }
"""


@dataclass(slots=True)
class Progress:
    """What was found so far, shared by the terminal and the page."""

    label: str
    results: list[StepResult] = field(default_factory=list)
    waiting: str = ""  # for what a person does
    install_page: str = ""  # where, if it is the installation
    ended: bool = False
    end_was_shown: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def add(self, result: StepResult) -> None:
        with self.lock:
            self.results.append(result)
            self.waiting = self.install_page = ""

    def wait_for(self, what: str, install_page: str = "") -> None:
        with self.lock:
            self.waiting, self.install_page = what, install_page

    @property
    def good(self) -> bool:
        """Whether nothing is left to do."""
        return all(each.health is not Health.BAD for each in self.results)


def start_page(record: SetupRecord) -> str:
    """What will be registered, and the button that takes it to GitHub."""
    plan = record.plan
    manifest = json.loads(plan.manifest(record.redirect_url))
    rows = (
        ("Owner", escape(plan.organization) if plan.organization else "your own account"),
        ("Name", f"{_code(plan.name)} <span class=note>GitHub's page lets you change it</span>"),
        ("Webhook", _webhook(plan)),
        (
            "Permissions",
            _codes(f"{name}: {level}" for name, level in manifest["default_permissions"].items()),
        ),
        ("Events", _codes(manifest["default_events"])),
    )
    body = (
        "<h1>Register Dayhand's GitHub App</h1>"
        f"<p>GitHub shows you the App at {_code(plan.web_url)} and asks you to confirm it. Its private key comes back to this machine, "
        "into a file that only you can read.</p>"
        f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in rows)}</dl>"
        f'<form method="post" action="{escape(plan.form_address(record.state))}">'
        f'<input type="hidden" name="manifest" value="{escape(plan.manifest(record.redirect_url))}">'
        '<button id="register">Continue on GitHub</button></form>'
    )
    return page("Register the App", body)


def _webhook(plan: AppPlan) -> str:
    address = _code(f"{plan.url}/webhook")
    if not plan.poll:
        return address
    return (
        f"{address}, where nothing needs to answer: Dayhand reads GitHub's list of the events that it tried to send. "
        "<span class=note>If GitHub refuses this address, run <code>dayhand setup --no-public-address --url</code> with "
        "one of yours.</span>"
    )


def status_page(progress: Progress) -> str:
    """The steps so far, the next one, and at the end what to do."""
    with progress.lock:
        items = [
            f'<li><span class="{each.health}">{MARKS[each.health]}</span><span>{escape(each.text)}</span>'
            + (f"<p class=note>{escape(each.advice)}</p>" if each.advice else "")
            for each in progress.results
        ]
        ended, waiting, install = progress.ended, progress.waiting, progress.install_page
    if not ended:
        items.append(f'<li><span class="wait">…</span><span>{escape(waiting or "Working")}</span>')
    if install:
        items.append(
            f'<p><a class="button" id="install" target="_blank" rel="noopener" href="{escape(install)}">Install on GitHub</a></p>'
        )
    heading, end = "Setting up Dayhand", ""
    if ended and progress.good:
        heading, end = "Dayhand is set up", f"<p>Label an issue {_code(progress.label)}.</p>"
    elif ended:
        heading = "Something is left to do"
        end = f"<p>Do what is named above, then run {_code('dayhand setup')} again: it goes on from here.</p>"
    body = f"<h1>{heading}</h1><ol>{''.join(items)}</ol>{end}"
    return page(heading, body, head="" if ended else REFRESH)


def error_page(what: str, advice: str) -> str:
    return page(
        "This did not work", f"<h1>This did not work</h1><p>{escape(what)}</p><p>{escape(advice)}</p>"
    )


def page(title: str, body: str, *, head: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><title>{escape(title)} · Dayhand</title>{head}<style>{STYLE}</style></head><body><main>{body}</main>'
        "</body></html>"
    )


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _codes(texts: Iterable[str]) -> str:
    return " ".join(map(_code, texts))
