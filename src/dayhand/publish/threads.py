"""Answers each thread of the review that asked, with the commit that settles it."""

from __future__ import annotations

from collections.abc import Callable

from dayhand.errors import HubError, HubUnavailable
from dayhand.hub.comments import hidden_marker
from dayhand.hub.repository import RepositoryHub
from dayhand.ledger.journal import reviews_read
from dayhand.ledger.ledger import Ledger
from dayhand.startup.records import dataclass
from dayhand.task import Task

MAX_REPLIES = 20  # of one task: GitHub allows 80 comments a minute, for everybody together
MORE = "The {} other threads are not answered one by one: my comment on the pull request covers them."


@dataclass(frozen=True, slots=True)
class ReviewThreads:
    """The threads of the review that asked, and of those that the task read while it ran."""

    hub: RepositoryHub
    ledger: Ledger
    task: Task

    def answer(self, reply: Callable[[str], str]) -> None:
        """Reply once in each thread; ``reply`` says what happened to the file. Raises ``HubUnavailable``.

        A thread that GitHub refuses (deleted meanwhile, or locked) is passed by, and so are those beyond ``MAX_REPLIES``:
        the task's comment says the same.
        """
        reviews = set(reviews_read(self.ledger.redis, self.task.id))
        if self.task.ask.review:
            reviews.add((self.task.number, self.task.ask.review))
        for number in sorted({number for number, _ in reviews}):
            self._answer_on(number, {review for pull, review in reviews if pull == number}, reply)

    def _answer_on(self, number: int, reviews: set[int], reply: Callable[[str], str]) -> None:
        said, marker = self.hub.conversation(number), f"task:{self.task.id}"
        mark = hidden_marker(marker)
        answered = {one.thread for one in said if one.ours and one.text.rstrip().endswith(mark)}
        threads = {one.thread: one for one in said if one.review in reviews and not one.ours}
        rest = len(threads) - MAX_REPLIES
        for count, one in enumerate([*threads.values()][:MAX_REPLIES], start=1):
            if one.thread in answered:
                continue
            text = reply(one.place.rpartition(":")[0] or one.place)
            if count == MAX_REPLIES and rest > 0:
                text = f"{text}\n\n{MORE.format(rest)}"
            try:
                self.hub.reply_in_thread(number, one.thread, text, marker=marker)
            except HubUnavailable:
                raise
            except HubError:
                continue
