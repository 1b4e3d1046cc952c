"""REST: check runs, with GitHub's limits on what they may hold.

https://docs.github.com/rest/checks/runs
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, jsonify, request

from dayhand.localhub.directory import now
from dayhand.localhub.errors import Refused
from dayhand.localhub.rest import Answer, Api, body, invalid, page
from dayhand.localhub.state import CheckRun, Repository
from dayhand.localhub.tokens import Grant

TEXT_BYTES = 65_535
MAX_ANNOTATIONS = 50
STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")
ANNOTATION = ("path", "start_line", "end_line", "annotation_level", "message")
ANNOTATION_TITLE_CHARS = 255
LEVELS = ("notice", "warning", "failure")
ACTION_CHARS = {"label": 20, "description": 40, "identifier": 20}


def checks(blueprint: Blueprint, api: Api) -> None:
    """Add the endpoints on check runs."""
    shapes = api.shapes
    path = "/repos/<owner>/<name>/check-runs"

    @blueprint.post(path)
    def create(owner: str, name: str) -> Answer:
        repo, grant = api.open(owner, name, "checks", level="write")
        given = body()
        for field in ("name", "head_sha"):
            if not given.get(field):
                raise invalid("CheckRun", field, "missing_field")
        if not repo.store.has(given["head_sha"]):
            raise Refused(422, f"No commit found for SHA: {given['head_sha']}")
        if "output" in given and not {"title", "summary"} <= set(given["output"]):
            raise invalid("CheckRun", "output", "missing_field")
        run = _begin(api, repo, grant, given=given)
        _apply(run, given)
        api.actions.keep_check(repo, run, "created", by=grant.user)
        return jsonify(shapes.check_run(repo, run)), 201

    @blueprint.get(f"{path}/<int:number>")
    def get(owner: str, name: str, number: int) -> Answer:
        repo, _ = api.open(owner, name, "checks", level="read")
        return jsonify(shapes.check_run(repo, _find(repo, number)))

    @blueprint.patch(f"{path}/<int:number>")
    def edit(owner: str, name: str, number: int) -> Answer:
        repo, grant = api.open(owner, name, "checks", level="write")
        run, given = _find(repo, number), body()
        if run.suite.app is not grant.installation.app:
            raise Refused(
                403, "Invalid app_id: check run can only be modified by the GitHub App that created it."
            )
        if "head_sha" in given:
            raise Refused(422, "head_sha is not a permitted key.")
        if "output" in given and "summary" not in given["output"]:
            raise invalid("CheckRun", "output", "missing_field")
        before = run.status
        _apply(run, given)
        done = run.status == "completed" and before != "completed"
        api.actions.keep_check(repo, run, "completed" if done else "created", by=grant.user)
        return jsonify(shapes.check_run(repo, run))

    @blueprint.get("/repos/<owner>/<name>/commits/<sha>/check-runs")
    def of_commit(owner: str, name: str, sha: str) -> Answer:
        repo, _ = api.open(owner, name, "checks", level="read")
        wanted = request.args.get("check_name", "")
        found = [run for run in repo.checks.values() if run.suite.sha == sha and wanted in ("", run.name)]
        if request.args.get("filter", "latest") == "latest":
            found = list({(run.suite.id, run.name): run for run in found}.values())
        return page([shapes.check_run(repo, run) for run in found], inside="check_runs")


def _begin(api: Api, repo: Repository, grant: Grant, *, given: dict[str, Any]) -> CheckRun:
    return CheckRun(
        id=api.actions.next_id(),
        name=given["name"],
        suite=api.actions.suite(repo, grant.installation.app, given["head_sha"]),
        external_id="",
        details_url=f"{api.shapes.web}/apps/{grant.installation.app.slug}",
        status="queued",
        conclusion=None,
        started=now(),
        completed=None,
    )


def _apply(run: CheckRun, given: dict[str, Any]) -> None:
    """Take the fields in, or refuse them all."""
    status, conclusion = given.get("status", run.status), given.get("conclusion")
    if status not in STATUSES:
        raise invalid("CheckRun", "status")
    if conclusion is not None and conclusion not in CONCLUSIONS:
        raise invalid("CheckRun", "conclusion")
    if status == "completed" and not (conclusion or run.conclusion):
        raise invalid("CheckRun", "conclusion", "missing_field")
    output, actions = given.get("output") or {}, given.get("actions") or []
    _check_output(output)
    _check_actions(actions)
    run.name = given.get("name", run.name)
    run.external_id = given.get("external_id", run.external_id)
    run.details_url = given.get("details_url", run.details_url)
    run.status, run.actions = ("completed" if conclusion else status), actions or run.actions
    if conclusion:
        run.conclusion = conclusion
        run.completed = _time(given.get("completed_at"))
    run.title = output.get("title", run.title)
    run.summary = output.get("summary", run.summary)
    run.text = output.get("text", run.text)
    run.annotations += output.get("annotations") or []


def _check_output(output: dict[str, Any]) -> None:
    for field in ("summary", "text"):
        size = len((output.get(field) or "").encode())  # bytes, whatever the documentation calls them
        if size > TEXT_BYTES:
            raise Refused(422, f"Only {TEXT_BYTES} characters are allowed; {size} were supplied for {field}.")
    annotations = output.get("annotations") or []
    if len(annotations) > MAX_ANNOTATIONS:
        raise Refused(422, f"No more than {MAX_ANNOTATIONS} annotations are allowed in one request.")
    for one in annotations:
        missing = next((field for field in ANNOTATION if field not in one), "")
        if missing:
            raise invalid("CheckRun", f"annotations.{missing}", "missing_field")
        if one["annotation_level"] not in LEVELS or len(one.get("title", "")) > ANNOTATION_TITLE_CHARS:
            raise invalid("CheckRun", "annotations")


def _check_actions(actions: list[dict[str, str]]) -> None:
    if len(actions) > 3:
        raise Refused(422, "No more than 3 actions are allowed.")
    for action in actions:
        for field, most in ACTION_CHARS.items():
            if not 0 < len(action.get(field, "")) <= most:
                raise invalid("CheckRun", f"actions.{field}")


def _time(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else now()


def _find(repo: Repository, number: int) -> CheckRun:
    if number not in repo.checks:
        raise Refused(404, "Not Found")
    return repo.checks[number]
