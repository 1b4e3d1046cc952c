"""Check suites and check runs, with the buttons that people click on them.

https://docs.github.com/rest/guides/using-the-rest-api-to-interact-with-checks
"""

from __future__ import annotations

from dayhand.localhub.errors import ApiError
from dayhand.localhub.state.directory import now
from dayhand.localhub.state.events import Events
from dayhand.localhub.state.models import App, CheckRun, CheckSuite, Repository, User


class CheckRuns(Events):
    """Saves check runs, and sends the events of them."""

    def check_suite(self, repo: Repository, app: App, sha: str, *, branch: str = "") -> CheckSuite:
        """The App's check suite of a commit; created if there is none."""
        for suite in repo.suites:
            if (suite.app, suite.sha) == (app, sha):
                return suite
        name = branch or next((name for name, tip in repo.store.branches().items() if tip == sha), "")
        repo.suites.append(CheckSuite(self.next_id(), app, sha, name, now()))
        return repo.suites[-1]

    def save_check_run(self, repo: Repository, run: CheckRun, action: str, *, by: User) -> None:
        with self.lock:
            repo.checks[run.id] = run
            self.send_run_event(repo, run, action, by=by)

    def click(self, repo: Repository, run: CheckRun, identifier: str, *, by: User) -> None:
        """Click a button of a finished check run. The App gets its identifier, and nothing else changes."""
        self._require_write(repo, by)
        if run.status != "completed" or identifier not in (one["identifier"] for one in run.actions):
            raise ApiError(404, f"The check run has no button “{identifier}”.")
        wanted = {"identifier": identifier}
        self.send_run_event(repo, run, "requested_action", by=by, requested_action=wanted)

    def rerun(self, repo: Repository, run: CheckRun, *, by: User) -> None:
        """“Re-run” of one finished check run: it is not reset, its App must do that."""
        self._require_write(repo, by)
        if run.status != "completed":
            raise ApiError(422, "This check run is not completed, so it cannot be run again.")
        self.send_run_event(repo, run, "rerequested", by=by)

    def rerun_all(self, repo: Repository, suite: CheckSuite, *, by: User) -> None:
        """“Re-run all checks”: one event for the App's whole suite."""
        self._require_write(repo, by)
        self.send_suite_event(repo, suite, "rerequested", by=by)

    def _require_write(self, repo: Repository, by: User) -> None:
        if not self.has_role(repo, by.login, "write"):
            raise ApiError(403, f"{by.login} needs the write role on {repo.full_name} to do this.")
