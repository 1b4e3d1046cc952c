"""A task's whole life, stage by stage: START READING HERE.

``worker.py`` claims a task and calls ``travel``; ``wiring.py`` chose the ``Tools``. A first fix and a follow-up,
on GitHub or on a local repository, take this one road.
"""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.agent.loop import solve
from dayhand.agent.model import Model
from dayhand.checkout.repository import Base, Checkout
from dayhand.environment.base import Environment
from dayhand.environment.prepare import prepare
from dayhand.ledger.memory import Memory
from dayhand.ledger.notes import Say
from dayhand.publish.base import Publication
from dayhand.sandbox.base import Sandbox
from dayhand.task import Answered, Kind, Outcome, Proposed, Solution, Stage, Task
from dayhand.verify.checks import verify


@dataclass(frozen=True, slots=True)
class Tools:
    """What a journey needs, chosen once in ``wiring.py``."""

    checkout: Checkout
    sandbox: Sandbox
    model: Model
    publication: Publication
    memory: Memory  # this task's journal and checkpoints: where a killed worker's successor goes on


def travel(task: Task, tools: Tools, say: Say) -> Outcome:
    """Take one task from its ask to its outcome.

    May be called again for the same task after a crash, on any worker: each stage finds what is already there.
    Raises ``DayhandError`` where a stage cannot go on; the caller tells the person (``Publication.fail``).
    """
    with say.stage(Stage.FETCH):
        base = tools.checkout.fetch(task)  # a commit in a bare mirror
    if task.ask.kind is Kind.FIX:
        with say.stage(Stage.OPEN):  # people see at once that it is under way
            tools.publication.open(task, tools.checkout.begin(task, base))
    with say.stage(Stage.PREPARE):
        place = prepare(base.files, tools.sandbox, tools.checkout.bundle(base.commit), say)
    with say.stage(Stage.SOLVE), tools.sandbox.open(origin=place.snapshot) as box:
        tools.checkout.clone_into(box, base)
        solution = solve(task, box, tools.model, place, tools.memory, say)
        with say.stage(Stage.TAKE):
            change = tools.checkout.take(box, base, task)  # one pack, taken in strictly, checked by policy
    if change is None:
        return Answered(_publish_answer(task, tools, base, solution, say))
    with say.stage(Stage.CHECK):
        verification = verify(change, base, place, tools, say)  # clean boxes: the repository's own checks
    with say.stage(Stage.PUBLISH):
        head = tools.checkout.push(task, change, solution.title)
        url = tools.publication.propose(task, change, head, solution, verification, place)
    return Proposed(url, head, verification, solution)
