"""The loop against a real third-party server: llama.cpp, which offers both APIs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from dayhand.agent.guard import WorkLimits
from dayhand.agent.loop import solve
from dayhand.agent.model.base import Item
from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.remote import RemoteModel
from dayhand.agent.model.retry import RetryPolicy
from dayhand.agent.model.server_features import Feature
from dayhand.agent.tools.schema import TOOLS
from dayhand.errors import ModelError
from dayhand.sandbox.base import Box
from tests.agent.conftest import Journal, ListenerRecorder, Log
from tests.agent.model.llama import call, llama_server, why_no_server, write_model
from tests.agent.test_loop import PATCH, TASK

LACKS = why_no_server()
pytestmark = pytest.mark.skipif(bool(LACKS), reason=LACKS)
CONTEXT = 32_768
STORY = (
    ("I look first.", call("update_plan", plan=[{"step": "look", "status": "in_progress"}]), call("shell", command="cat src/app.py")),
    ("It says hi.", call("apply_patch", input=PATCH)),
    (call("shell", command="python3 src/app.py"),),
    (call("finish", title="Say hello", summary="It said hi.", citations=[{"path": "src/app.py", "line": 1, "quote": 'print("hello")'}]),),
)  # fmt: skip
ASK = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello."}]}
Serve = Callable[..., RemoteModel]


class Lacking(frozenset[str]):
    """What a server is known to lack."""

    def recall(self) -> frozenset[str]:
        return self

    def learn(self, names: Iterable[str]) -> None:
        """Keep nothing."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(
            replies: Sequence[Sequence[str]], *, context: int = CONTEXT, lacks: tuple[str, ...] = ()
        ) -> RemoteModel:
            file = write_model(tmp_path / "model.gguf", replies)
            url = stack.enter_context(llama_server(file, context=context))
            client = stack.enter_context(ModelClient(url))
            return RemoteModel(
                client, "llama", retry_policy=RetryPolicy(max_attempts=1), feature_store=Lacking(lacks)
            )

        yield start


@pytest.mark.parametrize("lacks", [(), (Feature.RESPONSES_API,)], ids=["responses", "chat"])
def test_a_task_goes_from_the_ask_to_an_accepted_finish(
    serve: Serve, box: Box, journal: Journal, log: Log, lacks: tuple[str, ...]
) -> None:
    solution = solve(
        TASK, box, serve(STORY, lacks=lacks), briefing="python3 is there", journal=journal, log=log
    )
    assert solution.title == "Say hello"
    assert solution.usage.turns == 4
    assert solution.usage.input_tokens > solution.usage.cached_tokens > 0, (
        "the server's own prompt cache hits"
    )
    assert box.run("python3 src/app.py").text() == "hello\n"
    assert [text for kind, text in log.lines if kind == "error"] == []
    assert ("model", "It says hi.") in log.lines


def test_a_model_that_only_talks_ends_as_that(serve: Serve, box: Box, journal: Journal, log: Log) -> None:
    model = serve([(f"I would say {word}.",) for word in ("hello", "hi", "good day", "good night")])
    with pytest.raises(ModelError, match="stopped calling tools and did not finish"):
        solve(TASK, box, model, briefing="", journal=journal, log=log, limits=WorkLimits(turns=10))


def test_a_prompt_that_is_too_long_is_called_so(serve: Serve, recorder: ListenerRecorder) -> None:
    model = serve([("Hello",)], context=512)
    with pytest.raises(ModelError, match="does not fit in the model's context window"):
        model.reply([ASK], TOOLS, cache_key="k", listener=recorder.listener)


def test_a_reply_that_the_server_cannot_end_says_why(serve: Serve, recorder: ListenerRecorder) -> None:
    model = serve([("I call ", call("frobnicate"))])
    with pytest.raises(ModelError, match="grammar"):
        model.reply([ASK], TOOLS, cache_key="k", listener=recorder.listener)


OTHERS = {
    "a custom tool's call": (
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "apply_patch", "input": PATCH, "status": "completed"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "Success."},
    ),
    "reasoning that it cannot read": (
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hm."}]},
    ),
    "arguments that are not JSON": (
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "shell", "arguments": '{"command": "ls', "status": "completed"},
        {"type": "function_call_output", "call_id": "c1", "output": "The arguments of shell are not JSON."},
    ),
    "an image": (
        {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("items", OTHERS.values(), ids=OTHERS.keys())
def test_a_history_that_it_does_not_support_is_sent_in_another_form(
    serve: Serve, recorder: ListenerRecorder, items: tuple[Item, ...]
) -> None:
    model = serve([("Hello",), ("Hello again",)])
    reply = model.reply([ASK, *items, ASK], TOOLS, cache_key="k", listener=recorder.listener)
    assert reply.text.startswith("Hello")
    assert recorder.faults == []
