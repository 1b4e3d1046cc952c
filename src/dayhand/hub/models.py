"""The parts of GitHub's objects that Dayhand uses, as plain data without a client."""

from __future__ import annotations

from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class Bot:
    """The App's bot user: the author of its commits. ``id`` is the user's, not the App's.

    https://github.com/actions/create-github-app-token#configure-git-cli-for-an-apps-bot-user
    """

    id: int
    login: str

    @property
    def name(self) -> str:
        return self.login

    @property
    def email(self) -> str:
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue or pull request as text."""

    number: int
    title: str
    body: str
    author: str
    is_pull: bool
    is_open: bool
    head_branch: str = ""  # of a pull request
    head_repository: str = ""  # of a pull request: "owner/name"; "" if that repository was deleted


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    url: str
    body: str
    node: str = ""  # its id in GraphQL, as below


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request; ``state`` is "open" or "closed"."""

    number: int
    url: str
    head: str  # commit
    branch: str
    draft: bool
    state: str
    merged: bool = False
    node: str = ""
    repository_node: str = ""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One of our check runs. ``task`` is its external id; ``conclusion`` is "" while it runs."""

    id: int
    url: str
    task: str = ""
    conclusion: str = ""
    node: str = ""
