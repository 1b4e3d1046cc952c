"""Several models in order: where one cannot be had, the next one goes on in the same history."""

from __future__ import annotations

from collections.abc import Sequence

from dayhand.agent.model.base import (
    AUTO,
    Item,
    Listener,
    Reply,
)
from dayhand.agent.model.responses import ResponsesModel
from dayhand.errors import ModelUnavailable
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.usage import Switch


class FallbackModels:
    """The model at work, of those that are set. A task never goes back to one that could not go on."""

    def __init__(self, models: Sequence[ResponsesModel], task_facts: Facts) -> None:
        self._models = models
        self._facts = task_facts
        self._taken = [*(task_facts.get(facts.MODEL_SWITCHES) or ())]

    @property
    def switches(self) -> tuple[Switch, ...]:
        return tuple(switch for switch, _ in self._taken)

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def scripted(self) -> bool:
        return self._model.scripted

    @property
    def images(self) -> bool:
        return self._model.images

    @property
    def window(self) -> int:
        return self._model.window

    @property
    def _model(self) -> ResponsesModel:
        """The one that took over last; the first where none did, or where that one is set no more."""
        name = self._taken[-1][0].successor if self._taken else ""
        return next((model for model in self._models if model.name == name), self._models[0])

    def reply(
        self,
        items: Sequence[Item],
        tools: Sequence[Item],
        *,
        key: str,
        listener: Listener,
        choice: str = AUTO,
    ) -> Reply:
        """Ask the model at work, and the next one where it cannot be had.

        Raises ``ModelUnavailable`` where none can, ``ModelError`` where one can and its answer ends the task.
        """
        while True:
            foreign = self._foreign(len(items))
            try:
                return self._model.reply(
                    items, tools, key=key, listener=listener, choice=choice, foreign=foreign
                )
            except ModelUnavailable as error:
                self._hand_over(error, len(items))
                listener.on_fault(f"{error} {self._model.name} goes on.")

    def _hand_over(self, error: ModelUnavailable, items: int) -> None:
        """Write down who goes on from here, before it is asked. Raises ``ModelUnavailable`` where nobody is left."""
        model = self._model
        left = self._models[self._models.index(model) + 1 :]
        if not left:
            raise self._nobody(error) from error
        self._taken.append((Switch(model.name, left[0].name, str(error)), items))
        self._record()

    def _foreign(self, items: int) -> int:
        """In how many of so many items, from the front, another model had a part.

        A history that is shorter than when this one took over was compacted since: that left none of theirs.
        """
        switch, foreign = self._taken[-1] if self._taken else (None, 0)
        if switch is None or items >= foreign:
            return foreign
        self._taken[-1] = (switch, 0)
        self._record()
        return 0

    def _record(self) -> None:
        self._facts.put(facts.MODEL_SWITCHES, tuple(self._taken))

    def _nobody(self, error: ModelUnavailable) -> ModelUnavailable:
        if not self._taken:
            return error
        before = " ".join(f"{switch.model}: {switch.reason}" for switch in self.switches)
        return ModelUnavailable(
            f"None of the {len(self._taken) + 1} models can go on. {before} {self.name}: {error}",
            advice=error.advice,
        )
