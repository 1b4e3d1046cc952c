"""The commands. Each picks its half of Dayhand when it runs, so that ``web`` never loads what can run code."""

from __future__ import annotations

import argparse
import io
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from dayhand.errors import DayhandError
from dayhand.settings import read_settings
from dayhand.untrusted_text import clean

FORESEEN, UNEXPECTED, INTERRUPTED = 1, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0 done, 1 a failure that has a name, 3 a fault of ours."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a terminal without UTF-8 shows "?" for what it does not have
            stream.reconfigure(errors="replace")
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except DayhandError as error:
        print(clean(f"dayhand: {error}"), file=sys.stderr)  # it may repeat what a repository or a server said
        if error.advice:
            print(clean(f"  → {error.advice}"), file=sys.stderr)
        return FORESEEN
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the command line's edge: the one place where the unexpected is told
        traceback.print_exc()
        print(
            "dayhand: this is a fault in Dayhand itself; please report it with the lines above.",
            file=sys.stderr,
        )
        return UNEXPECTED


def parser() -> argparse.ArgumentParser:
    """The whole command line, in one place to read."""
    top = argparse.ArgumentParser(
        prog="dayhand", description="Label an issue, walk away, come back to a tested pull request."
    )
    top.add_argument("--version", action="version", version=f"dayhand {version('dayhand')}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="three issues become three pull requests on a local GitHub")
    demo.add_argument("--once", action="store_true", help="end when they are done; non-zero if any failed")
    demo.add_argument("--json", action="store_true", help="print one object a task")
    demo.add_argument(
        "--case", action="append", default=[], metavar="NAME", help="only this case (repeatable)"
    )
    demo.set_defaults(run=_demo)

    up = commands.add_parser("up", help="web, workers and, if need be, Redis, in one command")
    up.set_defaults(run=_up)
    web = commands.add_parser("web", help="the webhook's receiver and the dashboard")
    web.set_defaults(run=_web)
    work = commands.add_parser("work", help="the workers")
    work.add_argument("--burst", action="store_true", help="end when the queue is empty")
    work.set_defaults(run=_work)

    run = commands.add_parser("run", help="the same journey on a local repository; leaves a branch")
    run.add_argument(
        "--repo", type=Path, default=Path(), metavar="PATH", help="the repository (default: here)"
    )
    run.add_argument("words", help="what to do")
    run.set_defaults(run=_run)

    environment = commands.add_parser(
        "environment", help="what can be installed and run of a local repository, and what would fix the rest"
    )
    environment.add_argument(
        "repo", type=Path, nargs="?", default=Path(), metavar="PATH", help="the repository (default: here)"
    )
    environment.add_argument("--json", action="store_true", help="print one object")
    environment.set_defaults(run=_environment)

    doctor = commands.add_parser("doctor", help="can this machine do what its settings ask for?")
    doctor.add_argument("--json", action="store_true", help="print one list")
    doctor.set_defaults(run=_doctor)

    bench = commands.add_parser("bench", help="what Dayhand itself costs, as ratios measured in one run")
    bench.add_argument("what", nargs="?", choices=["sandbox", "environment", "agent"], default="sandbox")
    bench.add_argument("--json", action="store_true", help="print one object")
    bench.add_argument(
        "--real", action="store_true", help="with environment: published repositories, checks included"
    )
    bench.set_defaults(run=_bench)
    return top


def _demo(arguments: argparse.Namespace) -> int:
    from dayhand.demo.run import run_demo

    return run_demo(read_settings(), once=arguments.once, as_json=arguments.json, cases=arguments.case)


def _up(_: argparse.Namespace) -> int:
    from dayhand.commands.up import up

    return up(read_settings())


def _web(_: argparse.Namespace) -> int:
    from dayhand.web import serve

    serve(read_settings())
    return 0


def _work(arguments: argparse.Namespace) -> int:
    from dayhand.worker.pool import work

    work(read_settings(), burst=arguments.burst)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from dayhand.commands.run import run_locally

    return run_locally(read_settings(), arguments.repo, arguments.words)


def _environment(arguments: argparse.Namespace) -> int:
    from dayhand.commands.run import examine_locally

    return examine_locally(read_settings(), arguments.repo, as_json=arguments.json)


def _doctor(arguments: argparse.Namespace) -> int:
    from dayhand.commands.doctor import examine

    return examine(read_settings(), as_json=arguments.json)


def _bench(arguments: argparse.Namespace) -> int:
    if arguments.what == "environment" and arguments.real:
        from dayhand.bench.real_repositories import bench_real

        return bench_real(as_json=arguments.json)
    if arguments.what == "environment":
        from dayhand.bench.environment import bench_environment

        return bench_environment(as_json=arguments.json)
    if arguments.what == "agent":
        from dayhand.bench.agent import bench_agent

        return bench_agent(as_json=arguments.json)
    from dayhand.bench.sandbox import bench_sandbox

    return bench_sandbox(read_settings(), as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
