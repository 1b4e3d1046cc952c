"""What a model is to the loop: items go in, a reply comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dayhand.usage import Switch, Usage

Item = dict[
    str, Any
]  # one Responses item, kept and sent back exactly as it came: the prompt cache needs that


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the model."""

    id: str  # call_id: the output goes back under it
    name: str
    arguments: str  # raw: JSON for a function tool, free text for a custom tool
    custom: bool = False  # a custom tool's call: its output goes back as one, too
    cut: bool = False  # the reply ended within it, at a token limit


@dataclass(frozen=True, slots=True)
class Reply:
    """One turn of the model."""

    items: tuple[Item, ...]  # every output item, unchanged
    calls: tuple[Call, ...]
    text: str  # what it says to people, "" where it only calls
    usage: Usage
    truncated: bool = False  # cut at a token limit


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears a reply while it comes."""

    on_text: Callable[[str], None]  # words, as they stream
    on_fault: Callable[[str], None]  # what went wrong and how long we wait, in a sentence
    on_wait: Callable[[], None]  # every few seconds while nothing else happens; may raise to end it all


AUTO, NONE = "auto", "none"  # what may be called: anything, nothing; else the name of the one tool


class Model(Protocol):
    """Something that takes turns. Raises ``ModelError`` where it cannot, after its own retries."""

    @property
    def name(self) -> str:
        """The one at work."""

    @property
    def scripted(self) -> bool:
        """Whether its turns were written in advance."""

    @property
    def images(self) -> bool:
        """Whether it can be shown images, as far as is known."""

    @property
    def switches(self) -> tuple[Switch, ...]:
        """The models that could not go on, and who took over."""

    @property
    def window(self) -> int:
        """Tokens that the one at work can read at once; 0 where that is not known."""

    def reply(
        self,
        items: Sequence[Item],
        tools: Sequence[Item],
        *,
        key: str,
        listener: Listener,
        choice: str = AUTO,
    ) -> Reply:
        """Ask for the next turn. ``key`` is the prompt cache's, ``choice`` says what may be called.

        Raises ``ContextOverflow`` where the items are longer than it can read. A server may not know ``choice``.
        """
