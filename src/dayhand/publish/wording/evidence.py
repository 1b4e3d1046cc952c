"""The lines of output that prove the verification table, and the places that the model cites."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from dayhand.publish.markdown.escape import code, literal
from dayhand.publish.markdown.sanitize import line
from dayhand.task import Proof
from dayhand.untrusted_text import clean
from dayhand.verification import Finding, Verification

QUOTE_CHARS = 300
LINE_CHARS = 160


def evidence(
    verification: Verification, proofs: Iterable[Proof], repository_url: str, *, task_url: str
) -> str:
    """Both, folded away; "" if there is nothing to show."""
    outputs = [_output(finding, task_url) for finding in verification.findings]
    citations = [citation(proof, repository_url) for proof in proofs]
    lines = [f"- {entry}" for entry in (*outputs, *citations) if entry]
    if not lines:
        return ""
    return "\n".join(["<details>", "<summary>Evidence</summary>", "", *lines, "", "</details>"])


def log_address(task_url: str, number: int) -> str:
    """The address of a line in a task's log: its page shows some lines at a time, and these around that one."""
    return f"{task_url}?line={number}#L{number}"


def citation(proof: Proof, repository_url: str) -> str:
    """A citation with what the worker found there; struck through if it found something else."""
    location = f"{proof.citation.path}:{proof.citation.line}"
    if not proof.found:
        return f"~~{code(location)}~~ not confirmed: {line(proof.text)}"
    quoted = code(clean(proof.text).strip()[:QUOTE_CHARS])
    if not repository_url:
        return f"{code(location)}: {quoted}"
    path = quote(proof.citation.path)  # a file's name may contain what ends a link
    address = f"{repository_url}/blob/{proof.commit}/{path}#L{proof.citation.line}"
    return f"[{code(location)}]({address}): {quoted}"


def last_line(output: str) -> str:
    """The last line of a command's output that says something: "12 passed in 0.31s"."""
    for text in reversed(clean(output).splitlines()):
        plain = text.strip(" =-*_\t")
        if any(char.isalnum() for char in plain):
            return plain[:LINE_CHARS]
    return ""


def _output(finding: Finding, task_url: str) -> str:
    run = finding.head
    if run is None:
        return ""
    text = last_line(run.output) or f"exit code {run.code}"
    return f"{code(finding.command)}: [{literal(text)}]({log_address(task_url, run.line)})"
