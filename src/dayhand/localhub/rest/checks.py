"""REST: check runs, with GitHub's limits on their content.

https://docs.github.com/rest/checks/runs
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError, invalid
from dayhand.localhub.rest.api import Api, paginate, request_body
from dayhand.localhub.state.directory import now
from dayhand.localhub.state.models import CheckRun, Repository
from dayhand.localhub.tokens import Grant

MAX_TEXT_BYTES = 65_535
MAX_ANNOTATIONS = 50
STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")
ANNOTATION_FIELDS = ("path", "start_line", "end_line", "annotation_level", "message")
MAX_ANNOTATION_TITLE_CHARS = 255
ANNOTATION_LEVELS = ("notice", "warning", "failure")
MAX_ACTION_CHARS = {"label": 20, "description": 40, "identifier": 20}


def checks(blueprint: Blueprint, api: Api) -> None:
    """Add the endpoints for check runs."""
    payloads = api.payloads
    path = "/repos/<owner>/<name>/check-runs"

    @blueprint.post(path)
    def create(owner: str, name: str) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "checks", level="write")
        run = create_check_run(api, repo, grant, body=request_body())
        return jsonify(payloads.check_run(repo, run)), 201

    @blueprint.get(f"{path}/<int:number>")
    def get(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "checks", level="read")
        return jsonify(payloads.check_run(repo, _find(repo, number)))

    @blueprint.patch(f"{path}/<int:number>")
    def edit(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "checks", level="write")
        run = edit_check_run(api, repo, grant, run=_find(repo, number), body=request_body())
        return jsonify(payloads.check_run(repo, run))

    @blueprint.get("/repos/<owner>/<name>/commits/<sha>/check-runs")
    def list_for_commit(owner: str, name: str, sha: str) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "checks", level="read")
        name_filter = request.args.get("check_name", "")
        runs = [run for run in repo.checks.values() if run.suite.sha == sha and name_filter in ("", run.name)]
        if request.args.get("filter", "latest") == "latest":
            runs = list({(run.suite.id, run.name): run for run in runs}.values())
        return paginate([payloads.check_run(repo, run) for run in runs], key="check_runs")


def create_check_run(api: Api, repo: Repository, grant: Grant, *, body: dict[str, Any]) -> CheckRun:
    """Create a check run from the fields of a request. Raises ``ApiError``."""
    for field in ("name", "head_sha"):
        if not body.get(field):
            raise invalid("CheckRun", field, "missing_field")
    if not repo.store.has(body["head_sha"]):
        raise ApiError(422, f"No commit found for SHA: {body['head_sha']}")
    if "output" in body and not {"title", "summary"} <= set(body["output"]):
        raise invalid("CheckRun", "output", "missing_field")
    run = _new_run(api, repo, grant, body=body)
    _update(run, body)
    api.actions.save_check_run(repo, run, "created", by=grant.user)
    return run


def edit_check_run(
    api: Api, repo: Repository, grant: Grant, *, run: CheckRun, body: dict[str, Any]
) -> CheckRun:
    """Change the fields of a request. Raises ``ApiError``."""
    if run.suite.app is not grant.installation.app:
        raise ApiError(
            403, "Invalid app_id: check run can only be modified by the GitHub App that created it."
        )
    if "head_sha" in body:
        raise ApiError(422, "head_sha is not a permitted key.")
    if "output" in body and "summary" not in body["output"]:
        raise invalid("CheckRun", "output", "missing_field")
    before = run.status
    _update(run, body)
    done = run.status == "completed" and before != "completed"
    api.actions.save_check_run(repo, run, "completed" if done else "created", by=grant.user)
    return run


def _new_run(api: Api, repo: Repository, grant: Grant, *, body: dict[str, Any]) -> CheckRun:
    return CheckRun(
        id=api.actions.next_id(),
        name=body["name"],
        suite=api.actions.check_suite(repo, grant.installation.app, body["head_sha"]),
        external_id="",
        details_url=f"{api.payloads.web}/apps/{grant.installation.app.slug}",
        status="queued",
        conclusion=None,
        started=now(),
        completed=None,
    )


def _update(run: CheckRun, body: dict[str, Any]) -> None:
    """Set the fields, or raise ``ApiError`` before any is set."""
    status, conclusion = body.get("status", run.status), body.get("conclusion")
    if status not in STATUSES:
        raise invalid("CheckRun", "status")
    if conclusion is not None and conclusion not in CONCLUSIONS:
        raise invalid("CheckRun", "conclusion")
    if status == "completed" and not (conclusion or run.conclusion):
        raise invalid("CheckRun", "conclusion", "missing_field")
    output, actions = body.get("output") or {}, body.get("actions") or []
    _check_output(output)
    _check_actions(actions)
    run.name = body.get("name", run.name)
    run.external_id = body.get("external_id", run.external_id)
    run.details_url = body.get("details_url", run.details_url)
    run.status, run.actions = ("completed" if conclusion else status), actions or run.actions
    if conclusion:
        run.conclusion = conclusion
        run.completed = _parse_time(body.get("completed_at"))
    run.title = output.get("title", run.title)
    run.summary = output.get("summary", run.summary)
    run.text = output.get("text", run.text)
    run.annotations += output.get("annotations") or []


def _check_output(output: dict[str, Any]) -> None:
    for field in ("summary", "text"):
        size = len(
            (output.get(field) or "").encode()
        )  # GitHub counts bytes, although its documentation says characters
        if size > MAX_TEXT_BYTES:
            raise ApiError(
                422, f"Only {MAX_TEXT_BYTES} characters are allowed; {size} were supplied for {field}."
            )
    annotations = output.get("annotations") or []
    if len(annotations) > MAX_ANNOTATIONS:
        raise ApiError(422, f"No more than {MAX_ANNOTATIONS} annotations are allowed in one request.")
    for annotation in annotations:
        missing = next((field for field in ANNOTATION_FIELDS if field not in annotation), "")
        if missing:
            raise invalid("CheckRun", f"annotations.{missing}", "missing_field")
        if (
            annotation["annotation_level"] not in ANNOTATION_LEVELS
            or len(annotation.get("title", "")) > MAX_ANNOTATION_TITLE_CHARS
        ):
            raise invalid("CheckRun", "annotations")


def _check_actions(actions: list[dict[str, str]]) -> None:
    if len(actions) > 3:
        raise ApiError(422, "No more than 3 actions are allowed.")
    for action in actions:
        for field, limit in MAX_ACTION_CHARS.items():
            if not 0 < len(action.get(field, "")) <= limit:
                raise invalid("CheckRun", f"actions.{field}")


def _parse_time(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else now()


def _find(repo: Repository, number: int) -> CheckRun:
    if number not in repo.checks:
        raise ApiError(404, "Not Found")
    return repo.checks[number]
