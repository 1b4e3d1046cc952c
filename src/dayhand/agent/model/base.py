"""The interface between the loop and a model: items go in, a reply comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from dayhand.startup.records import dataclass
from dayhand.usage import Switch, Usage

# One item of the Responses format. It is kept and sent back unchanged, because the prompt cache depends on it.
Item = dict[str, Any]
Body = Mapping[str, Any]  # of a request, with the fields of the Responses format
Event = Mapping[str, Any] | None  # of a stream; None for the ``[DONE]`` at its end


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the model."""

    id: str  # the call_id that the output refers to
    name: str
    arguments: str  # raw: JSON for a function tool, free text for a custom tool
    custom: bool = False  # whether it calls a custom tool; its output then has the matching type
    cut: bool = False  # whether the reply was cut off inside it, at a token limit


@dataclass(frozen=True, slots=True)
class Reply:
    """One turn of the model."""

    items: tuple[Item, ...]  # every output item, unchanged
    calls: tuple[Call, ...]
    text: str  # its messages to people; "" if it only calls tools
    usage: Usage
    truncated: bool = False  # cut at a token limit


@dataclass(frozen=True, slots=True)
class Listener:
    """Callbacks that run while a reply is received. What they wait for delays the reply."""

    on_text: Callable[[str], None]  # a piece of text, as it is streamed
    on_fault: Callable[[str], None]  # a sentence: what went wrong and when the request is retried
    on_wait: Callable[[], None]  # called every few seconds while waiting; may raise to stop
    on_reply: Callable[[Reply], object] = bool  # keeps the whole reply, before anything else is done


# Values of ``tool_choice``: any tool or no tool, and no tool. Otherwise it is the name of a tool.
AUTO, NONE = "auto", "none"


class Model(Protocol):
    """Something that takes turns. Raises ``ModelError`` once its own retries have failed."""

    @property
    def name(self) -> str:
        """The model in use."""

    @property
    def scripted(self) -> bool:
        """Whether its turns were written in advance."""

    @property
    def supports_images(self) -> bool:
        """Whether it accepts images; true until it has rejected one."""

    @property
    def switches(self) -> tuple[Switch, ...]:
        """The models that failed, and the ones that replaced them."""

    @property
    def window(self) -> int:
        """The context window of the model in use, in tokens; 0 if it is not known."""

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
        """Ask for the next turn. ``cache_key`` identifies the task to the prompt cache. ``effort`` is the repository's.

        A server may not support ``tool_choice``: it is then ignored. Raises ``ContextOverflow`` if the items do not
        fit in the context window.
        """


class WireFormat(Protocol):
    """How requests and replies look on the wire: the modules ``responses`` and ``chat``."""

    @property
    def PATH(self) -> str:  # noqa: N802 - a module's constant
        """The endpoint, after the base URL."""

    def encode(self, body: Body, /) -> Body:
        """The body to send."""

    def read_stream(self, events: Iterable[Event], on_text: Callable[[str], None], /) -> Body:
        """Read a stream to its end, and return it as a response in the Responses format. Raises ``ModelFault``."""

    def read_whole(self, response: Body, on_text: Callable[[str], None], /) -> Body:
        """The same for a reply that was not streamed."""
