"""What is known in a step of a job: its cell of the matrix, the inputs around it, and the variables in force."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import replace

from dayhand.box_paths import WORKSPACE
from dayhand.environment.declared.workflows.actions import requested_versions
from dayhand.environment.declared.workflows.expressions import Context, resolve
from dayhand.environment.declared.workflows.matrix import SYSTEM
from dayhand.environment.declared.workflows.read import Job, WorkflowStep
from dayhand.environment.yaml_file import Value
from dayhand.startup.regex import regex

# Variables that change how things look or that only CI has; a check is the same without them.
NOISE = regex(
    r"[a-z]\w*|(PIP|UV|NPM|YARN|POETRY|COVERALLS|CODECOV|ACTIONS|GITHUB|RUNNER|SCCACHE|CCACHE|HOMEBREW|TURBO|NX_CLOUD|MISE|HATCH|"
    r"COMPOSER|BUNDLE|MAVEN|GRADLE|JAVA|DOTNET|TOX)_\w+|\w+_(TOKEN|CACHE|CACHE_DIR|COLORS?)|\w+_VERSION|"
    r"CI|TERM|COLUMNS|FORCE_COLOR|NO_COLOR|CARGO_(INCREMENTAL|NET_\w+)|RUST_BACKTRACE|PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE|"
    r"DEBIAN_FRONTEND|CGO_ENABLED|GO111MODULE|TOXENV|NOX\w*|RUST(DOC)?FLAGS|LANG|LC_ALL|PATH|HOME"
)
SAFE_VALUE = regex(r"[\w./:@%+=,-]+")
ONLY_ON_GITHUB = regex(r"\$\{?(GITHUB|RUNNER|ACTIONS)_|\$\{\{")
VARIABLES = {"GITHUB_WORKSPACE": WORKSPACE, "RUNNER_OS": "Linux", "RUNNER_TEMP": "/tmp"}  # noqa: S108 - of a box


def job_context(job: Job, cell: Mapping[str, Value]) -> Context:
    """What is known in a job's own settings."""
    return context_of(
        WorkflowStep(env=job.env, scopes=job.scopes), Context(matrix=cell, services=job.services)
    )


def context_of(step: WorkflowStep, job: Context) -> Context:
    """What is known in a step: inputs from outside to inside, then variables, each with those before it."""
    known = Context(matrix=job.matrix, services=job.services)
    for scope in step.scopes:
        resolved = {name: resolve(text, known) for name, text in scope.items() if isinstance(text, str)}
        known = replace(known, inputs={name: text for name, text in resolved.items() if text is not None})
    variables: dict[str, str] = {}
    for values in step.env:
        for name, text in values.items():
            value = resolve(text, replace(known, env=variables)) if isinstance(text, str) else None
            if value is None:
                variables.pop(name, None)
            elif re.fullmatch(r"[A-Za-z_]\w*", name):
                variables[name] = value
    return replace(known, env=variables)


def resolve_all(value: Value, context: Context) -> Value:
    """A value with the expressions in its texts replaced where they are known."""
    if isinstance(value, str):
        text = resolve(value, context)
        return value if text is None else text
    if isinstance(value, list):
        return [resolve_all(item, context) for item in value]
    return {name: resolve_all(item, context) for name, item in value.items()}


def dimension_kinds(job: Job) -> dict[str, str]:
    """Which dimensions of the matrix name a system or a language's version, by where the job uses them."""
    runs_on = job.runs_on if isinstance(job.runs_on, str) else ""
    names = job.matrix if isinstance(job.matrix, dict) else {}
    found = {name: language for name in _all_names(names) if (language := _language_of(name))}
    found |= dict.fromkeys(_matrix_names(runs_on), SYSTEM)
    for step in job.steps:
        inputs = {
            name: text for scope in step.scopes for name, text in scope.items() if isinstance(text, str)
        }
        variables = [text for values in step.env for text in values.values() if isinstance(text, str)]
        for request in requested_versions(step.uses, step.inputs):
            named = [inputs.get(name, "") for name in re.findall(r"inputs\.([\w-]+)", request.text)]
            texts = (request.text, *named, *(variables if "env." in request.text else ()))
            found |= {name: request.language for text in texts for name in _matrix_names(text)}
    return found


def _all_names(matrix: Mapping[str, Value]) -> list[str]:
    """The dimensions of a matrix, with those that only an entry of ``include`` has."""
    include = matrix.get("include")
    entries = [each for each in include if isinstance(each, dict)] if isinstance(include, list) else []
    return list(dict.fromkeys((*matrix, *(name for entry in entries for name in entry))))


def _language_of(name: str) -> str:
    found = re.fullmatch(
        r"(node|python|php|ruby|go|golang|java|jdk|rust)(js)?([-_]?versions?)?", name.lower()
    )
    return {"golang": "go", "jdk": "java"}.get(found[1], found[1]) if found else ""


def used_dimensions(job: Job) -> frozenset[str]:
    """The dimensions of the matrix by which the job's commands differ."""
    texts = [text for step in job.steps for text in (step.run, step.folder)]
    for step in job.steps:
        texts += [
            text
            for scope in (*step.scopes, *step.env, step.inputs)
            for text in scope.values()
            if isinstance(text, str)
        ]
    return frozenset(name for text in texts for name in _matrix_names(text))


def _matrix_names(text: str) -> list[str]:
    return re.findall(r"matrix\.([\w-]+)", text)


def folder_of(path: str) -> str | None:
    """A folder of the repository from its top, "" for the top; None where it is none."""
    folder = posixpath.normpath(path.strip().removeprefix(WORKSPACE).lstrip("/") or ".")
    if folder.startswith("..") or "$" in folder or not folder.isprintable():
        return None
    return "" if folder == "." else folder


def with_variables(run: str, context: Context, own: Mapping[str, str], *, only_own: bool) -> str:
    """A command with CI's variables in front; "" where it uses one that only a run on GitHub has.

    ``own`` are those that stand in front of the command itself; ``only_own``: nothing else goes in front.
    """
    env = {**context.env, **own}
    known = {**env, **VARIABLES}
    text = re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda name: _value(known, name), run)
    if ONLY_ON_GITHUB.search(text):
        return ""
    kept = own if only_own else env
    return " ".join(
        (*(f"{name}={_quoted(value)}" for name, value in kept.items() if not NOISE.fullmatch(name)), text)
    )


def _value(known: Mapping[str, str], name: re.Match[str]) -> str:
    value = known.get(name[1] or name[2], "")
    return value if SAFE_VALUE.fullmatch(value) else name[0]


def _quoted(value: str) -> str:
    return value if SAFE_VALUE.fullmatch(value) else "'" + value.replace("'", "'\"'\"'") + "'"
