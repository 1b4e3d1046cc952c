"""GraphQL: the mutations that Dayhand sends, many in one request, checked against GitHub's own types.

https://docs.github.com/graphql/reference/mutations
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import graphql as gql

from dayhand.localhub.errors import ApiError
from dayhand.localhub.payloads.issues import node_id
from dayhand.localhub.rest.api import Api
from dayhand.localhub.rest.checks import create_check_run, edit_check_run
from dayhand.localhub.rest.issues import edit_comment
from dayhand.localhub.rest.pulls import edit_pull
from dayhand.localhub.state.models import CheckRun, Comment, Issue, Reaction, Repository, User
from dayhand.localhub.tokens import Grant

REACTIONS = {
    "CONFUSED": "confused", "EYES": "eyes", "HEART": "heart", "HOORAY": "hooray", "LAUGH": "laugh", "ROCKET": "rocket",
    "THUMBS_DOWN": "-1", "THUMBS_UP": "+1",
}  # fmt: skip
# The types of GitHub's schema that these mutations use, with the fields that Dayhand sends and reads.
SCHEMA = gql.build_schema(
    """
scalar URI
scalar GitObjectID
enum CheckConclusionState { ACTION_REQUIRED CANCELLED FAILURE NEUTRAL SKIPPED STALE SUCCESS TIMED_OUT }
enum RequestableCheckStatusState { COMPLETED IN_PROGRESS PENDING QUEUED WAITING }
enum PullRequestUpdateState { CLOSED OPEN }
input CheckRunAction { label: String! description: String! identifier: String! }
input CheckRunOutput { title: String! summary: String! text: String }
input CreateCheckRunInput { clientMutationId: String repositoryId: ID! name: String! headSha: GitObjectID! detailsUrl: URI
  externalId: String status: RequestableCheckStatusState conclusion: CheckConclusionState output: CheckRunOutput
  actions: [CheckRunAction!] }
input UpdateCheckRunInput { clientMutationId: String repositoryId: ID! checkRunId: ID! name: String detailsUrl: URI
  externalId: String status: RequestableCheckStatusState conclusion: CheckConclusionState output: CheckRunOutput
  actions: [CheckRunAction!] }
input UpdatePullRequestInput { clientMutationId: String pullRequestId: ID! baseRefName: String title: String body: String
  state: PullRequestUpdateState maintainerCanModify: Boolean }
input MarkPullRequestReadyForReviewInput { clientMutationId: String pullRequestId: ID! }
input ConvertPullRequestToDraftInput { clientMutationId: String pullRequestId: ID! }
input RequestReviewsInput { clientMutationId: String pullRequestId: ID! userIds: [ID!] teamIds: [ID!] union: Boolean = false }
input UpdateIssueCommentInput { clientMutationId: String id: ID! body: String! }
enum ReactionContent { CONFUSED EYES HEART HOORAY LAUGH ROCKET THUMBS_DOWN THUMBS_UP }
input AddReactionInput { clientMutationId: String subjectId: ID! content: ReactionContent! }
type AddReactionPayload { clientMutationId: String }
type CheckRun { id: ID! databaseId: Int url: URI! }
type IssueComment { id: ID! databaseId: Int url: URI! }
type PullRequest { id: ID! number: Int! isDraft: Boolean! url: URI! }
type CreateCheckRunPayload { clientMutationId: String checkRun: CheckRun }
type UpdateCheckRunPayload { clientMutationId: String checkRun: CheckRun }
type UpdatePullRequestPayload { clientMutationId: String pullRequest: PullRequest }
type MarkPullRequestReadyForReviewPayload { clientMutationId: String pullRequest: PullRequest }
type ConvertPullRequestToDraftPayload { clientMutationId: String pullRequest: PullRequest }
type RequestReviewsPayload { clientMutationId: String pullRequest: PullRequest }
type UpdateIssueCommentPayload { clientMutationId: String issueComment: IssueComment }
type Query { viewer: PullRequest }
type Mutation {
  addReaction(input: AddReactionInput!): AddReactionPayload
  createCheckRun(input: CreateCheckRunInput!): CreateCheckRunPayload
  updateCheckRun(input: UpdateCheckRunInput!): UpdateCheckRunPayload
  updatePullRequest(input: UpdatePullRequestInput!): UpdatePullRequestPayload
  markPullRequestReadyForReview(input: MarkPullRequestReadyForReviewInput!): MarkPullRequestReadyForReviewPayload
  convertPullRequestToDraft(input: ConvertPullRequestToDraftInput!): ConvertPullRequestToDraftPayload
  requestReviews(input: RequestReviewsInput!): RequestReviewsPayload
  updateIssueComment(input: UpdateIssueCommentInput!): UpdateIssueCommentPayload
}
"""
)
TYPES = {403: "FORBIDDEN", 404: "NOT_FOUND"}
Input = dict[str, Any]


def run_mutations(api: Api, grant: Grant, body: dict[str, Any]) -> dict[str, Any]:
    """Run mutations in their order; one that fails does not undo or stop the others."""
    query = str(body.get("query", ""))
    result = gql.graphql_sync(SCHEMA, query, Mutations(api, grant), variable_values=body.get("variables"))
    response: dict[str, Any] = {"data": result.data}
    if result.errors:
        response["errors"] = [_error(error) for error in result.errors]
    return response


def _error(error: gql.GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    kind = TYPES.get(cause.status, "UNPROCESSABLE") if isinstance(cause, ApiError) else ""
    errors: Any = (cause.errors or []) if isinstance(cause, ApiError) else []
    details = [str(one.get("message", one)) for one in errors]
    named = {"type": kind} if kind else {}
    return {**named, "path": error.path, "message": " ".join([error.message, *details])}


class Mutations:
    """One method for each mutation: graphql-core calls the one of the field's name."""

    def __init__(self, api: Api, grant: Grant) -> None:
        self.api = api
        self.grant = grant

    def addReaction(self, _info: object, input: Input) -> Input:  # noqa: A002, N802
        for repo in self._repositories():
            for issue in repo.issues.values():
                if (reactions := _reactions_of(issue, input["subjectId"])) is not None:
                    self.grant.require(repo, "pull_requests" if issue.pull else "issues", "write")
                    self.api.actions.require_unlocked(repo, issue, self.grant.user, what="reaction")
                    self.api.actions.react(reactions, self.grant.user, REACTIONS[input["content"]])
                    return {}
        raise _unresolved(input["subjectId"])

    def createCheckRun(self, _info: object, input: Input) -> Input:  # noqa: A002, N802
        repo = self._repository(input["repositoryId"], "checks")
        fields = {"name": input["name"], "head_sha": input["headSha"], **_check_fields(input)}
        return self._check_run(create_check_run(self.api, repo, self.grant, body=fields), repo)

    def updateCheckRun(self, _info: object, input: Input) -> Input:  # noqa: A002, N802
        repo = self._repository(input["repositoryId"], "checks")
        run = self._find("CheckRun", input["checkRunId"], repo.checks.values())
        return self._check_run(
            edit_check_run(self.api, repo, self.grant, run=run, body=_check_fields(input)), repo
        )

    def updatePullRequest(self, _info: object, input: Input) -> Input:  # noqa: A002, N802
        repo, issue = self._pull(input)
        fields: Input = {name: input[name] for name in ("title", "body") if name in input}
        if state := input.get("state"):
            fields["state"] = state.lower()
        edit_pull(self.api, repo, issue, body=fields, by=self.grant.user)
        return self._pull_request(repo, issue)

    def markPullRequestReadyForReview(self, _info: object, input: Input) -> Input:  # noqa: A002, N802
        return self._set_draft(input, draft=False)

    def convertPullRequestToDraft(self, _info: object, input: Input) -> Input:  # noqa: A002, N802
        return self._set_draft(input, draft=True)

    def requestReviews(self, _info: object, input: Input) -> Input:  # noqa: A002, N802
        repo, issue = self._pull(input)
        people = [
            self._find("User", one, self.api.actions.users.values()) for one in input.get("userIds", [])
        ]
        self.api.actions.request_review(repo, issue, [user.login for user in people], by=self.grant.user)
        return self._pull_request(repo, issue)

    def updateIssueComment(self, _info: object, input: Input) -> Input:  # noqa: A002, N802
        for repo in self._repositories():
            for issue in repo.issues.values():
                for comment in issue.comments:
                    if _number("IssueComment", input["id"]) == comment.id:
                        self.grant.require(repo, "issues", "write")
                        edit_comment(
                            self.api, repo, issue, comment=comment, text=input["body"], by=self.grant.user
                        )
                        payload = self.api.payloads.comment(repo, issue, comment)
                        return {"issueComment": _node(payload)}
        raise _unresolved(input["id"])

    def _set_draft(self, fields: Input, *, draft: bool) -> Input:
        repo, issue = self._pull(fields)
        self.api.actions.set_draft(repo, issue, self.grant.user, draft=draft)
        return self._pull_request(repo, issue)

    def _pull_request(self, repo: Repository, issue: Issue) -> Input:
        payload = self.api.payloads.pull(repo, issue)
        return {"pullRequest": {**_node(payload), "number": issue.number, "isDraft": payload["draft"]}}

    def _check_run(self, run: CheckRun, repo: Repository) -> Input:
        return {"checkRun": _node(self.api.payloads.check_run(repo, run))}

    def _repositories(self) -> list[Repository]:
        return [self.api.actions.repositories[name] for name in self.grant.repositories]

    def _repository(self, node: str, permission: str) -> Repository:
        repo: Repository = self._find("Repository", node, self._repositories())
        self.grant.require(repo, permission, "write")
        return repo

    def _pull(self, fields: Input) -> tuple[Repository, Issue]:
        for repo in self._repositories():
            for issue in repo.pulls():
                if issue.pull and _number("PullRequest", fields["pullRequestId"]) == issue.pull.id:
                    self.grant.require(repo, "pull_requests", "write")
                    return repo, issue
        raise _unresolved(fields["pullRequestId"])

    def _find(self, kind: str, node: str, among: Any) -> Any:
        number = _number(kind, node)
        found: Repository | CheckRun | Comment | User | None = next(
            (one for one in among if one.id == number), None
        )
        if found is None:
            raise _unresolved(node)
        return found


def _reactions_of(issue: Issue, node: str) -> list[Reaction] | None:
    """Those of the issue, or of a comment or review on it, that this node id names."""
    pull = issue.pull
    things: list[tuple[str, int, list[Reaction]]] = [("Issue", issue.id, issue.reactions)]
    things += [("IssueComment", one.id, one.reactions) for one in issue.comments]
    if pull:
        things += [("PullRequest", pull.id, issue.reactions)]
        things += [("PullRequestReview", one.id, one.reactions) for one in pull.reviews]
    return next((found for kind, number, found in things if node_id(kind, number) == node), None)


def _check_fields(fields: Input) -> Input:
    """The fields of a check run as REST names them."""
    names: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "detailsUrl": ("details_url", str),
        "externalId": ("external_id", str),
        "status": ("status", str.lower),
        "conclusion": ("conclusion", str.lower),
        "output": ("output", dict),
        "actions": ("actions", list),
    }
    return {rest: convert(fields[name]) for name, (rest, convert) in names.items() if name in fields}


def _node(payload: Input) -> Input:
    return {"id": payload["node_id"], "databaseId": payload["id"], "url": payload["html_url"]}


def _number(kind: str, node: str) -> int:
    """The number in a node id of this kind; -1 for any other id."""
    try:
        name, _, number = base64.b64decode(node).decode().partition(":")
        return int(number) if name == kind else -1
    except ValueError:
        return -1


def _unresolved(node: str) -> ApiError:
    return ApiError(404, f"Could not resolve to a node with the global id of '{node}'")
