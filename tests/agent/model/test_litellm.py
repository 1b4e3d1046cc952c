"""The loop through a real LiteLLM proxy, the bridge to servers of other kinds, by both of its APIs.

Only where one is installed, as in CI: it has too many dependencies to be one of ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.agent.loop import solve
from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.remote import RemoteModel
from dayhand.agent.model.retry import RetryPolicy
from dayhand.agent.model.server_features import Feature
from dayhand.agent.tools.schema import TOOLS
from dayhand.child_process import reserved_port
from dayhand.errors import ModelError
from dayhand.sandbox.base import Box
from dayhand.scripted_model.moves import Finish, Patch, Say, Script, Shell
from dayhand.scripted_model.server import CHAT, ScriptedServer
from tests.agent.conftest import Journal, ListenerRecorder, Log
from tests.agent.model.test_llama import Lacking
from tests.agent.test_loop import PATCH, TASK

PROGRAM = shutil.which(os.environ.get("LITELLM", "litellm")) or ""
pytestmark = [
    pytest.mark.skipif(
        not PROGRAM, reason="no LiteLLM proxy is installed here (uv tool install 'litellm[proxy]')"
    ),
]
TURNS = (
    [Say("I look."), Shell("cat src/app.py"), Shell("pwd")],
    [Patch(PATCH)],
    [Finish("Say hello", "It said hi.")],
)
START_SECONDS = 500.0


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A proxy that asks the scripted model by Chat Completions, under the name ``m``."""
    folder = tmp_path_factory.mktemp("litellm")
    script = Script("any", lambda _prompt: True, lambda state: TURNS[min(state.turn, 2)])
    with (
        reserved_port() as port,
        ScriptedServer([script], endpoint=CHAT) as upstream,
        (folder / "log").open("w") as log,
    ):
        parameters = {"model": "deepseek/scripted", "api_base": upstream.base_url, "api_key": "x"}
        settings = {"disable_cooldowns": True}
        general = {"dangerously_permit_weak_or_unset_master_key": True}
        models = [{"model_name": "m", "litellm_params": parameters}]
        config = folder / "config.yaml"
        config.write_text(
            json.dumps({"model_list": models, "router_settings": settings, "general_settings": general})
        )
        command = [PROGRAM, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1,localhost"}
        with subprocess.Popen(command, env=env, stdout=log, stderr=log) as process:
            try:
                _await(f"http://127.0.0.1:{port}/health/liveliness", process, folder / "log")
                yield f"http://127.0.0.1:{port}/v1"
            finally:
                process.send_signal(signal.SIGKILL)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                answer.read()
                return
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
            assert process.poll() is None, log.read_text()[-2000:]
    raise AssertionError(log.read_text()[-2000:])


@pytest.mark.parametrize("lacks", [(), (Feature.RESPONSES_API,)], ids=["responses", "chat"])
def test_a_task_goes_through_the_proxy(
    proxy: str, box: Box, journal: Journal, log: Log, lacks: tuple[str, ...]
) -> None:
    with ModelClient(proxy, "x") as client:
        model = RemoteModel(
            client, "m", retry_policy=RetryPolicy(max_attempts=1), feature_store=Lacking(lacks)
        )
        solution = solve(TASK, box, model, briefing="", journal=journal, log=log)
    assert (solution.title, solution.usage.turns) == ("Say hello", 3)
    assert solution.usage.input_tokens > 0
    assert box.run("python3 src/app.py").text() == "hello\n"
    assert [text for kind, text in log.lines if kind == "error"] == []


def test_a_model_that_the_proxy_does_not_have_is_named(proxy: str, recorder: ListenerRecorder) -> None:
    ask = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    with ModelClient(proxy, "x") as client, pytest.raises(ModelError, match="has no such model"):
        RemoteModel(client, "nope").reply([ask], TOOLS, cache_key="k", listener=recorder.listener)
