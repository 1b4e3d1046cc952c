"""The command line. Each command imports its part of Dayhand when it runs, so that ``web`` loads nothing that can run code."""

from __future__ import annotations

import argparse
import errno
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from dayhand.errors import EXIT_MEANINGS, DayhandError, ExitCode, SettingsError
from dayhand.settings.table import Settings, read_settings
from dayhand.startup.loading import loading
from dayhand.startup.terminal import write_ascii_where_needed
from dayhand.untrusted_text import clean

Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name
REPOSITORY: Mapping[str, Any] = {
    "type": Path,
    "default": Path(),
    "metavar": "PATH",
    "help": "the repository; the current folder if it is left out",
}
BENCHES = ("sandbox", "environment", "truth", "agent", "run", "web", "chaos", "fleet", "growth")
CHAOS = (
    ("kills", int, "how often something is killed, stalled or away (default: 200)"),
    ("seed", int, "the seed of a run to repeat"),
    ("slow", float, "the seconds that GitHub's slowest call takes (default: 25)"),
)
CODES = "\n".join(f"  {code:<4} {meaning}" for code, meaning in EXIT_MEANINGS.items())
EPILOG = f"""\
exit codes:
{CODES}

Settings come from the environment or from .env in the current folder: see docs/settings.md.
"""


class ShowVersion(argparse.Action):
    """Print the version. Only then is it looked up: that takes as long as everything else in this module."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        parser.exit(message=f"dayhand {version('dayhand')}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its ``ExitCode``."""
    write_ascii_where_needed(sys.stdout, sys.stderr)
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except DayhandError as error:
        _print_error(f"dayhand: {error}")
        if error.advice:
            _print_error(f"  → {error.advice}")
        return ExitCode.SETTINGS if isinstance(error, SettingsError) else ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _fault()
        _print_error(
            f"dayhand: No space is left on the disk{f' of {error.filename}' if error.filename else ''}."
        )
        _print_error("  → Free some space, or set TMPDIR or DAYHAND_DATA to a folder on another disk.")
        return ExitCode.FAILED
    except Exception:  # noqa: BLE001 - the command line's edge: the unexpected is reported here and nowhere else
        return _fault()


def _fault() -> ExitCode:
    traceback.print_exc()
    _print_error("dayhand: this is a fault in Dayhand itself; please report it with the lines above.")
    return ExitCode.FAULT


def parser() -> argparse.ArgumentParser:
    """The whole command line, in one place to read."""
    top = argparse.ArgumentParser(
        prog="dayhand",
        description="Label a GitHub issue, and get a tested pull request.",
        epilog=EPILOG,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
            prog, max_help_position=16, width=100
        ),
    )
    top.add_argument("--version", action=ShowVersion, nargs=0, help="show program's version number and exit")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = _command(
        commands, "demo", _demo, text="turn three issues into three pull requests on a local GitHub"
    )
    demo.add_argument("--once", action="store_true", help="exit when they are done, with 1 if a task failed")
    demo.add_argument("--json", action="store_true", help="print one JSON object for each task")
    demo.add_argument(
        "--case", action="append", default=[], metavar="NAME", help="run only this case; can be repeated"
    )

    _add_setup(commands)
    _add_servers(commands)
    run = _command(commands, "run", _run, text="do one task on a local repository, and leave a branch in it")
    run.add_argument("--repo", **REPOSITORY)
    run.add_argument("--branch", default="", metavar="NAME", help="the branch to make; otherwise dayhand/…")
    run.add_argument("--dirty", action="store_true", help="start from the uncommitted changes too")
    run.add_argument("--json", action="store_true", help="print one JSON object")
    run.add_argument("words", metavar="TASK", help="what to do, in words")

    environment = _command(
        commands,
        "environment",
        _environment,
        text="show which checks of a local repository can run, and how to fix the rest",
    )
    environment.add_argument("repo", nargs="?", **REPOSITORY)
    environment.add_argument("--json", action="store_true", help="print one JSON object")

    doctor = _command(commands, "doctor", _doctor, text="check everything from GitHub to the sandbox")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")

    bench = _command(commands, "bench", _bench, text="measure what Dayhand itself costs")
    bench.add_argument("what", nargs="?", choices=BENCHES, default="sandbox")
    bench.add_argument(
        "folder", nargs="?", help="with truth: a folder of cases (default: those that come with Dayhand)"
    )
    bench.add_argument("--json", action="store_true", help="print one JSON object")
    bench.add_argument(
        "--real",
        action="store_true",
        help="with environment: set up published repositories and run their checks",
    )
    bench.add_argument("--labels", type=int, metavar="N", help="with fleet: how many issues (default: 50)")
    bench.add_argument("--large", action="store_true", help="with growth: 100,000 files, 10,000 commits too")
    for name, kind, text in CHAOS:
        bench.add_argument(f"--{name}", type=kind, metavar="N", help=f"with chaos: {text}")
    return top


def _add_setup(commands: Subcommands) -> None:
    rehearse = _command(
        commands, "rehearse", _rehearse, text="start a local GitHub and a model to rehearse set-up with"
    )
    rehearse.add_argument(
        "--port", type=int, default=8000, metavar="N", help="its port (default: 8000); the model has the next"
    )
    setup = _command(
        commands, "setup", _setup, text="register the GitHub App, and test that everything answers"
    )
    owner = setup.add_mutually_exclusive_group()
    owner.add_argument("--org", metavar="NAME", help="the organization that owns the App")
    owner.add_argument(
        "--user", action="store_const", const="", dest="org", help="the App belongs to your own account"
    )
    setup.add_argument("--name", default="", help="the App's name, unique on GitHub; otherwise dayhand-…")
    setup.add_argument("--url", default="", help="the public address where GitHub reaches this machine")
    setup.add_argument(
        "--no-public-address",
        action="store_const",
        const=False,
        dest="public",
        help="GitHub cannot reach this machine: read its list of events instead",
    )
    setup.add_argument(
        "--enterprise-url",
        default="",
        metavar="URL",
        help="GitHub Enterprise, such as https://github.example.org",
    )
    setup.add_argument("--port", default="", help="the port of the local page; otherwise a free one")


def _add_servers(commands: Subcommands) -> None:
    """The processes of an installation, which run until they are told to stop, and what they leave to read."""
    servers = "the web server, dispatchers, workers and, unless REDIS_URL is set, Redis"
    _command(commands, "up", _up, text=f"run {servers}")
    _command(commands, "web", _web, text="run the web server: the webhook and the dashboard")
    _command(commands, "dispatch", _dispatch, text="turn webhook deliveries into tasks and replies")
    work = _command(commands, "work", _work, text="run the workers")
    work.add_argument("--burst", action="store_true", help="exit when the queue is empty")
    audit = _command(
        commands, "audit", _audit, text="show who asked for what, and what was pushed with which rights"
    )
    audit.add_argument(
        "--since", default="", metavar="TIME", help="an age (30m, 12h, 7d) or a date (2026-11-28)"
    )
    audit.add_argument("--json", action="store_true", help="print one JSON object for each entry")


def _command(
    commands: Subcommands, name: str, run: Callable[[argparse.Namespace], int], *, text: str
) -> argparse.ArgumentParser:
    """Add a command. It has ``text`` as its line in the list and as the first line of its own help."""
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    command.set_defaults(run=run)
    return command


def _settings() -> Settings:
    return read_settings(notify=lambda notice: _print_error(f"dayhand: {notice}"))


def _served() -> Settings:
    """The settings of a process that writes a log."""
    from dayhand.settings.secret_values import start_log

    settings = _settings()
    start_log(settings)
    return settings


def _print_error(line: str) -> None:
    """On standard error, without control characters: it may repeat what a repository or a server said."""
    print(clean(line), file=sys.stderr)


def _demo(arguments: argparse.Namespace) -> int:
    from dayhand.demo.run import run_demo

    return run_demo(_settings(), once=arguments.once, as_json=arguments.json, cases=arguments.case)


def _rehearse(arguments: argparse.Namespace) -> int:
    from dayhand.demo.rehearsal import rehearse

    return rehearse(arguments.port)


def _setup(arguments: argparse.Namespace) -> int:
    from dayhand.commands.setup.run import SetupOptions, set_up

    options = SetupOptions(
        arguments.org,
        arguments.name,
        url=arguments.url,
        public=arguments.public,
        enterprise_url=arguments.enterprise_url,
        port=arguments.port,
    )
    return set_up(_settings(), options)


def _up(_: argparse.Namespace) -> int:
    from dayhand.commands.up import up

    return up(_served())


def _web(_: argparse.Namespace) -> int:
    from dayhand.web import serve

    serve(_served())
    return 0


def _work(arguments: argparse.Namespace) -> int:
    from dayhand.worker.tasks import work

    work(_served(), burst=arguments.burst)
    return 0


def _dispatch(_: argparse.Namespace) -> int:
    from dayhand.worker.dispatcher import run_dispatchers

    run_dispatchers(_served())
    return 0


def _run(arguments: argparse.Namespace) -> int:
    with loading():
        from dayhand.commands.run import RunOptions, run_locally
    options = RunOptions(
        arguments.repo, arguments.words, arguments.branch, dirty=arguments.dirty, json=arguments.json
    )
    return run_locally(_settings(), options)


def _environment(arguments: argparse.Namespace) -> int:
    with loading():
        from dayhand.commands.environment import examine_locally
    return examine_locally(_settings(), arguments.repo, as_json=arguments.json)


def _doctor(arguments: argparse.Namespace) -> int:
    with loading():
        from dayhand.commands.doctor.doctor import examine, report_wrong_setting
    try:
        settings = _settings()
    except SettingsError as error:
        if not arguments.json:
            raise
        return report_wrong_setting(error)
    return examine(settings, as_json=arguments.json)


def _audit(arguments: argparse.Namespace) -> int:
    from dayhand.commands.audit import show_audit

    return show_audit(_settings(), arguments.since, as_json=arguments.json)


def _bench(arguments: argparse.Namespace) -> int:
    bench: Callable[..., int]
    options: dict[str, Any] = {}
    match arguments.what:
        case "environment" if arguments.real:
            from dayhand.bench.real_repositories import bench_real as bench
        case "environment":
            from dayhand.bench.environment import bench_environment as bench
        case "agent":
            from dayhand.bench.agent import bench_agent as bench
        case "run":
            from dayhand.bench.local_run.bench import bench_run as bench
        case "web":
            from dayhand.bench.web import bench_web as bench
        case "truth":
            from dayhand.bench.truth.run import bench_truth as bench

            options = {"folder": arguments.folder}
        case "chaos":
            from dayhand.bench.chaos.run import Chaos
            from dayhand.bench.chaos.run import bench_chaos as bench

            given = {name: getattr(arguments, name) for name, _, _ in CHAOS}
            options = {"chaos": Chaos(**{name: value for name, value in given.items() if value is not None})}
        case "fleet":
            from dayhand.bench.fleet.run import Fleet
            from dayhand.bench.fleet.run import bench_fleet as bench

            options = {"fleet": Fleet(labels=arguments.labels) if arguments.labels else Fleet()}
        case "growth":
            from dayhand.bench.growth.run import Growth
            from dayhand.bench.growth.run import bench_growth as bench

            options = {"growth": Growth().with_large() if arguments.large else Growth()}
        case _:
            from dayhand.bench.sandbox import bench_sandbox as bench

            options = {"settings": _settings()}
    return bench(**options, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
