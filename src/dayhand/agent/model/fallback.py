"""Several models in order: if one is unavailable, the next one continues with the same history."""

from __future__ import annotations

from collections.abc import Sequence

from dayhand.agent.model.base import (
    AUTO,
    Item,
    Listener,
    Reply,
)
from dayhand.agent.model.remote import RemoteModel
from dayhand.errors import ModelUnavailable
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.usage import Switch


class FallbackModels:
    """The configured models, one of which is in use. A task never goes back to a model that failed."""

    def __init__(self, models: Sequence[RemoteModel], task_facts: Facts) -> None:
        self._models = models
        self._facts = task_facts
        # Each switch, and how many items of the history date from the models before it.
        self._switches = [*(task_facts.get(facts.MODEL_SWITCHES) or ())]

    @property
    def switches(self) -> tuple[Switch, ...]:
        return tuple(switch for switch, _ in self._switches)

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def scripted(self) -> bool:
        return self._model.scripted

    @property
    def supports_images(self) -> bool:
        return self._model.supports_images

    @property
    def window(self) -> int:
        return self._model.window

    @property
    def _model(self) -> RemoteModel:
        """The model that took over last, or the first one if none did or it is no longer configured."""
        name = self._switches[-1][0].successor if self._switches else ""
        return next((model for model in self._models if model.name == name), self._models[0])

    def reply(
        self,
        items: Sequence[Item],
        tools: Sequence[Item],
        *,
        cache_key: str,
        listener: Listener,
        tool_choice: str = AUTO,
        effort: str = "",
    ) -> Reply:
        """Ask the model in use, and the next one if it is unavailable.

        Raises ``ModelUnavailable`` if no model is left, ``ModelError`` if a model gave an answer that ends the task.
        """
        while True:
            try:
                return self._model.reply(
                    items,
                    tools,
                    cache_key=cache_key,
                    listener=listener,
                    tool_choice=tool_choice,
                    effort=effort,
                    foreign_items=self._foreign_items(len(items)),
                )
            except ModelUnavailable as error:
                self._switch(error, len(items))
                listener.on_fault(f"{error} Continuing with {self._model.name}.")

    def _switch(self, error: ModelUnavailable, items: int) -> None:
        """Record the next model before it is asked. Raises ``ModelUnavailable`` if there is none."""
        model = self._model
        remaining = self._models[self._models.index(model) + 1 :]
        if not remaining:
            raise self._all_failed(error) from error
        self._switches.append((Switch(model.name, remaining[0].name, str(error)), items))
        self._record()

    def _foreign_items(self, items: int) -> int:
        """How many of the first ``items`` items date from another model's turns.

        If the history is shorter than it was at the switch, it was compacted since, and none of theirs are left.
        """
        switch, foreign_items = self._switches[-1] if self._switches else (None, 0)
        if switch is None or items >= foreign_items:
            return foreign_items
        self._switches[-1] = (switch, 0)
        self._record()
        return 0

    def _record(self) -> None:
        self._facts.put(facts.MODEL_SWITCHES, tuple(self._switches))

    def _all_failed(self, error: ModelUnavailable) -> ModelUnavailable:
        if not self._switches:
            return error
        earlier = " ".join(f"{switch.model}: {switch.reason}" for switch in self.switches)
        return ModelUnavailable(
            f"All {len(self._switches) + 1} models failed. {earlier} {self.name}: {error}",
            advice=error.advice,
        )
