"""The check runs of one repository."""

from __future__ import annotations

from collections.abc import Sequence

from github.CheckRun import CheckRun as GitHubCheckRun
from github.GithubObject import NotSet

from dayhand.hub.connection import RepositoryConnection
from dayhand.hub.errors import hub_errors
from dayhand.hub.models import CheckRun
from dayhand.hub.requester import AWAITED, PROGRESS, Urgency


class CheckRuns(RepositoryConnection):
    """Reads and writes check runs. Raises ``HubError``."""

    def find_check(self, name: str, head_sha: str, external_id: str) -> CheckRun | None:
        """Our check run on a commit with this name and external id."""
        with hub_errors(f"reading the check runs on {head_sha[:8]}"):
            runs = self._repo().get_commit(head_sha).get_check_runs(check_name=name, filter="all")
            for run in runs:  # "latest", GitHub's default, hides all but one of a name
                if run.external_id == external_id and run.app.id == self.auth.app_id:
                    return CheckRun(run.id, run.html_url, node=run.node_id)
            return None

    def find_late_check(self, name: str, external_id: str, *, head_sha: str) -> CheckRun | None:
        """The same once no request of a killed process that creates it can be carried out any more."""

        def find() -> CheckRun | None:
            return self.find_check(name, head_sha, external_id)

        return find() or self._found_late(check_creation(name, head_sha, external_id), find)

    def create_check(
        self,
        name: str,
        head_sha: str,
        external_id: str,
        *,
        details_url: str,
        output: dict[str, str],
        look: bool = True,
        urgency: Urgency = AWAITED,
    ) -> CheckRun:
        """Start a check run on a commit, or return the one with this name and external id.

        Without ``look`` none was started before.

        ``output`` has ``title``, ``summary`` and ``text``, each at most 65,535 characters.
        """

        def make() -> CheckRun:
            with hub_errors(f"creating a check run on {head_sha[:8]}"):
                made = self._repo(urgency).create_check_run(
                    name,
                    head_sha,
                    details_url=details_url,
                    external_id=external_id,
                    status="in_progress",
                    output=output,  # type: ignore[arg-type] # PyGithub's type does not allow plain text
                )
                return CheckRun(made.id, made.html_url, node=made.node_id)

        def find() -> CheckRun | None:
            return self.find_check(name, head_sha, external_id)

        return (find() if look else None) or self._made(
            check_creation(name, head_sha, external_id), make, find
        )

    def update_check(
        self,
        check: int,
        *,
        output: dict[str, str],
        conclusion: str = "",
        buttons: Sequence[dict[str, str]] = (),
        retries: bool = True,
    ) -> None:
        """Replace the text of a check run, and complete it, with its buttons, if there is a ``conclusion``.

        Without ``retries`` it is tried once, with a short timeout: the next update contains the same text.
        """
        with hub_errors("updating the check run"):
            run: GitHubCheckRun = self._repo(AWAITED if retries else PROGRESS).get_check_run(check)
            run.edit(
                output=output,
                conclusion=conclusion or NotSet,
                status="completed" if conclusion else NotSet,
                actions=list(buttons) if conclusion else NotSet,
            )

    def retitle_check(self, check: int, title: str, conclusion: str, *, note: str) -> None:
        """Change the conclusion of a completed check run, and its title. Its text stays, below a note."""
        with hub_errors("changing the check run"):
            run = self._repo().get_check_run(check)
            summary = f"{note}\n\n{run.output.summary}"
            output = {"title": title, "summary": summary, "text": run.output.text or " "}
            run.edit(output=output, conclusion=conclusion, status="completed")

    def checks_on(self, number: int) -> tuple[CheckRun, ...]:
        """Our check runs on the head of a pull request."""
        with hub_errors(f"reading the check runs of #{number}"):
            head = self._repo().get_pull(number).head.sha
            runs = self._repo().get_commit(head).get_check_runs(filter="all")
            return tuple(
                CheckRun(run.id, run.html_url, run.external_id, run.conclusion or "")
                for run in runs
                if run.app.id == self.auth.app_id
            )


def check_creation(*parts: str) -> str:
    """The name of a check run's creation, by its name, commit and external id."""
    return " ".join(("check", *parts))
