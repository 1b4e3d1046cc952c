"""Versions of languages that a box does not have itself: from folders that the operator names, or Node from npm's registry.

The folders are those of rustup, nvm, pyenv, asdf, mise, SDKMAN and uv, or any with a version's ``bin`` below. Boxes see them
read-only (``Sandbox.toolchains``); nothing is ever installed into them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from dayhand.environment.base import Log
from dayhand.environment.ecosystems import node, python
from dayhand.environment.ecosystems.base import Fetch, Runtime, SetupPlan, Step
from dayhand.environment.setup.steps import PROBE, reason
from dayhand.environment.version_pins import Pin, fits
from dayhand.sandbox.base import Sandbox
from dayhand.startup.records import dataclass

PROGRAMS: Mapping[str, str] = {
    "python3": "python",
    "node": "node",
    "go": "go",
    "rustc": "rust",
    "ruby": "ruby",
    "php": "php",
    "javac": "java",
    "dotnet": "dotnet",
}
# Where version managers keep a version's programs, from the folder that the operator names.
PLACES = (
    "bin",
    "*/bin",
    "versions/*/bin",  # pyenv, rbenv, nodenv
    "versions/node/*/bin",  # nvm
    "toolchains/*/bin",  # rustup
    "installs/*/*/bin",  # asdf, mise
    "installs/*/*/go/bin",
    "candidates/*/*/bin",  # SDKMAN
)
OTHER_IMPLEMENTATIONS = re.compile(r"pypy|graal|jruby|truffle|nightly|\dt(-|/)", re.IGNORECASE)
FIND = """
for folder in {folders}; do
  for bin in {places}; do
    for program in {programs}; do
      test -x "$bin/$program" || continue
      case "$program" in rustc) shown=$("$bin/rustc" --version 2>/dev/null) ;; *) shown="" ;; esac
      printf '%s\\t%s\\t%s\\n' "$program" "$bin" "$shown"
    done
  done
done
"""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One version of a language in the operator's folders."""

    language: str  # ``Language.key``
    version: str
    bin: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a repository gets besides what the box has."""

    toolchains: tuple[Toolchain, ...] = ()
    python: str = ""  # a version, or a program, that the virtual environment is made with
    node: str = ""  # a version from npm's registry
    python_build: str = ""  # a version that uv downloads
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the box and these, by language

    @property
    def provided(self) -> frozenset[str]:
        """The languages of which set-up downloads the version that is asked for."""
        downloads = {"node": self.node, "python": self.python_build}
        return frozenset(language for language, version in downloads.items() if version)


def find_toolchains(sandbox: Sandbox, log: Log) -> tuple[Toolchain, ...]:
    """What the operator's folders hold, as a box sees them; a folder without anything is named."""
    if not sandbox.toolchains:
        return ()
    script = FIND.format(
        folders=shlex.join(sandbox.toolchains),
        places=" ".join(f'"$folder"/{place}' for place in PLACES),
        programs=" ".join(PROGRAMS),
    )
    with sandbox.open() as box:
        found = read_toolchains(box.run(script, cwd="/", limits=PROBE).text())
    for folder in sandbox.toolchains:
        if not any(each.bin.startswith(f"{folder}/") for each in found):
            log.line(
                "error",
                f"DAYHAND_TOOLCHAINS: a box sees no toolchain in {folder}. The folder has to exist, every user has to be able "
                "to read it, and it has to be one of rustup, nvm, pyenv, asdf, mise, SDKMAN or uv.",
            )
    return found


def read_toolchains(printed: str) -> tuple[Toolchain, ...]:
    """The toolchains in what ``FIND`` printed, the newest of each language first."""
    found = []
    for line in printed.splitlines():
        program, bin_folder, shown = (*line.split("\t"), "", "")[:3]
        name = shown or bin_folder.removesuffix("/bin").removesuffix("/go").rpartition("/")[2]
        version = re.search(r"\d+(\.\d+)*", name)
        if version and program in PROGRAMS and not OTHER_IMPLEMENTATIONS.search(f"{bin_folder}/"):
            found.append(Toolchain(PROGRAMS[program], version[0], bin_folder))
    return tuple(sorted(found, key=lambda each: _numbers(each.version), reverse=True))


def with_toolchains(
    box: Mapping[str, tuple[str, ...]], found: tuple[Toolchain, ...]
) -> dict[str, tuple[str, ...]]:
    """All versions by language: the box's own first."""
    return {
        language: (*own, *(each.version for each in found if each.language == language))
        for language, own in box.items()
    }


def without_broken(sandbox: Sandbox, chosen: tuple[Toolchain, ...], log: Log) -> tuple[Toolchain, ...]:
    """Those that start in a box: a program may need libraries of another machine. The others are named."""
    if not chosen:
        return ()
    programs = {language: program for program, language in PROGRAMS.items()}
    words = {
        each: f"{each.bin}/{programs[each.language]} {'version' if each.language == 'go' else '--version'}"
        for each in chosen
    }
    starting = []
    with sandbox.open() as box:
        for each, command in words.items():
            result = box.run(command, cwd="/", env={"PATH": f"{each.bin}:/usr/bin:/bin"}, limits=PROBE)
            if result.passed:
                starting.append(each)
            else:
                log.line("error", f"{command} does not start in a box: {reason(result.text())}")
    return tuple(starting)


def choose_toolchains(
    pins: Iterable[Pin],
    box: Mapping[str, tuple[str, ...]],
    found: tuple[Toolchain, ...],
    *,
    downloads_python: bool = False,
) -> Choice:
    """For each language the version that its first pin asks for: the box's own, else the operator's, else a download."""
    wanted: dict[str, str] = {}
    for pin in pins:
        wanted.setdefault(pin.language.key, pin.wanted)
    chosen: list[Toolchain] = []
    python_version = python_build = node_version = ""
    for language in dict.fromkeys((*wanted, *(each.language for each in found))):
        request, own = wanted.get(language, ""), box.get(language, ())
        here = next((version for version in own if fits(request, version) is True), "") if request else ""
        usual = own[:1]
        if (usual and not request) or here in usual or (request and fits(request, "0") is None and usual):
            continue
        if here and language == "python":
            python_version = ".".join(here.split(".")[:2])
            continue
        offered = (each for each in found if each.language == language)
        fitting = next((each for each in offered if not request or fits(request, each.version) is True), None)
        if fitting:
            chosen.append(fitting)
            if language == "python":
                python_version = f"{fitting.bin}/python3"
        elif language == "node" and usual:
            node_version = request
        elif language == "python" and downloads_python:
            python_version, python_build = f"{python.HOME}/bin/python3", request
    versions = with_toolchains(box, tuple(chosen))
    return Choice(tuple(chosen), python_version, node_version, python_build, versions)


def use_toolchains(plans: tuple[SetupPlan, ...], choice: Choice) -> tuple[SetupPlan, ...]:
    """The plans with the chosen versions in their PATH, after what set-up installs itself."""
    changed = []
    for plan in plans:
        steps = plan.steps
        if choice.python:
            steps = tuple(_with_python(step, choice.python) if step.always else step for step in steps)
            plan = replace(plan, fetch=_fetch_with_python(plan.fetch, choice.python))  # noqa: PLW2901
        runtime = plan.runtime
        if choice.node and runtime and runtime.name == node.RUNTIME:
            runtime = node_from_npm(choice.node)
        if choice.python_build and plan.client == python.CLIENT and any(step.always for step in steps):
            runtime = python_from_uv(choice.python_build)
        changed.append(replace(plan, steps=steps, runtime=runtime))
    if not choice.toolchains:
        return tuple(changed)
    env = {"PATH": ":".join(each.bin for each in choice.toolchains)}
    for each in choice.toolchains:
        if each.language == "java":
            env["JAVA_HOME"] = each.bin.removesuffix("/bin")
    return (*changed, SetupPlan("the operator's toolchains", (), (), env, ()))


def _with_python(step: Step, wanted: str) -> Step:
    first = f"uv venv --quiet --allow-existing --python {shlex.quote(wanted)} {python.VENV}"
    return replace(step, commands=(first, *step.commands))


def _fetch_with_python(fetch: Fetch | None, wanted: str) -> Fetch | None:
    """Wheels for the Python that the virtual environment is made with."""
    if fetch is None:
        return None
    first = f'{python.MAKE_ONCE} {shlex.quote(wanted)} "$once" || {python.MAKE_ONCE} '
    commands = tuple(command.replace(f"{python.MAKE_ONCE} ", first) for command in fetch.step.commands)
    return replace(fetch, step=replace(fetch.step, commands=commands))


def node_from_npm(wanted: str) -> Runtime:
    """Node of a version, as npm's registry has it for each system: https://www.npmjs.com/package/node."""
    home = f"{node.HOME}/npm"
    spec = re.sub(r"\bv(?=\d)", "", wanted)
    major = re.search(r"\d+", spec)
    link = (
        f"ln -sf ../npm/node_modules/$package/bin/node {node.HOME}/bin/node && {node.HOME}/bin/node --version"
    )
    clear = f"rm -rf {home}/node_modules/$package/include {home}/node_modules/$package/share"

    def get(version: str) -> str:
        install = f'npm install --prefix {home} --no-save --ignore-scripts "$package"@{shlex.quote(version)}'
        return f'package="node-linux-$(node -p process.arch)"; mkdir -p {home} {node.HOME}/bin && {install} && {clear} && {link}'

    versions = dict.fromkeys((spec, major[0] if major else spec))
    step = Step(f"get Node {wanted}", tuple(map(get, versions)))
    return Runtime(f"Node {wanted}", f"test -x {node.HOME}/bin/node", step, node.CLIENT)


def python_from_uv(wanted: str) -> Runtime:
    """Python of a version, as uv downloads it: https://docs.astral.sh/uv/guides/install-python/."""
    numbers = re.search(r"\d+(\.\d+)?", wanted)
    specifiers = (
        wanted if re.fullmatch(r"[\d.,<>=!~* ]+", wanted) else ""
    )  # Poetry's ^3.12 is not one of uv's

    def get(version: str) -> str:
        spec, home = shlex.quote(version), python.HOME
        install = f"UV_PYTHON_DOWNLOADS=manual uv python install --no-bin {spec}"
        find = f"UV_PYTHON_DOWNLOADS=never uv python find --managed-python --no-project {spec}"
        link = f'ln -sf "$({find})" {home}/bin/python3 && {home}/bin/python3 --version'
        return f"unset VIRTUAL_ENV; export UV_PYTHON_INSTALL_DIR={home}; mkdir -p {home}/bin && {install} && {link}"

    versions = dict.fromkeys(filter(None, (specifiers, numbers[0] if numbers else "")))
    step = Step(f"get Python {wanted}", tuple(map(get, versions)))
    return Runtime(f"Python {wanted}", f"test -x {python.HOME}/bin/python3", step, python.CLIENT)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
