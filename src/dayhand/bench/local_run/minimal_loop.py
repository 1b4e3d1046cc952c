"""``python -m … URL PROMPT``: a minimal loop on the openai library, as its documentation shows it, in the current folder.

It runs the model's commands as they are: no sandbox, no journal, no verification.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import openai

TOOL: Any = {
    "type": "function",
    "name": "shell",
    "description": "Run a command.",
    "strict": False,
    "parameters": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
}


def main(base_url: str, prompt: str) -> None:
    """Take turns until the model calls anything but ``shell``."""
    client = openai.OpenAI(api_key="none", base_url=base_url, max_retries=0)
    history: list[Any] = [{"role": "user", "content": prompt}]
    while True:
        reply = client.responses.create(model="bench", input=history, tools=[TOOL], store=False)
        history += reply.output
        calls = [item for item in reply.output if item.type == "function_call" and item.name == "shell"]
        if not calls:
            return
        for call in calls:
            done = subprocess.run(
                ["bash", "-c", json.loads(call.arguments)["command"]],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            text = done.stdout.decode("utf-8", "replace")
            history.append({"type": "function_call_output", "call_id": call.call_id, "output": text[:40_000]})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
