"""A real llama.cpp server beside us, and models for it that say what a test wants.

``python llama.py MODEL CONTEXT`` serves a GGUF file until its standard input ends. The models are real to the server,
with a vocabulary, a layer and weights; the weights are such that each token is followed by one other. Which reply is
played follows from a token that the chat template puts last: the number of replies before.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

TEMPLATE = """\
{%- set steps = namespace(n=0) %}
{%- if tools %}
{{- '<tools>\\n' }}
{%- for tool in tools %}
{{- tool | tojson + '\\n' }}
{%- endfor %}
{{- '</tools>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}
{%- set steps.n = steps.n + 1 %}
{{- '<|assistant|>' + (message.content or '') }}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- (call.function.arguments | tojson) + '}\\n</tool_call>' }}
{%- endfor %}
{{- '\\n' }}
{%- else %}
{{- '<|' + message.role + '|>' + (message.content or '') + '\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|assistant|>' }}
{%- if tools %}{{- '<|step-' ~ steps.n ~ '|>' }}{%- endif %}
{%- endif %}
"""
BYTES = 256
END = 2  # the token that ends a reply
HEAD = 64  # the size of the one attention head, which attends to nothing
SURE = 10.0  # the weight that makes one token follow another


def why_no_server() -> str:
    """Why llama.cpp's server cannot run here; "" where it can. Its wheel wants libraries of the system."""
    if not (find_spec("xllamacpp") and find_spec("gguf")):
        return "no llama.cpp server is installed here (uv sync --group servers)"
    tried = subprocess.run(
        [sys.executable, "-c", "import xllamacpp"], capture_output=True, text=True, check=False
    )
    last = tried.stderr.strip().splitlines()[-1:]
    return f"llama.cpp's server cannot be loaded here: {' '.join(last)}" if tried.returncode else ""


def call(name: str, **arguments: object) -> str:
    """A tool call as the template spells it."""
    return f"\n<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def write_model(path: Path, replies: Sequence[Sequence[str]]) -> Path:
    """Write a model whose reply number n, counted by the template, is made of the n-th pieces."""
    import numpy as np
    from gguf import GGUFWriter, TokenType

    texts = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(BYTES))]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *[TokenType.BYTE] * BYTES]
    follows = dict.fromkeys(range(len(texts)), END)
    for number, pieces in enumerate(replies):
        for n, text in enumerate((f"<|step-{number}|>", *pieces)):
            if n:
                follows[len(texts) - 1] = len(texts)
            texts.append(text)
            kinds.append(TokenType.USER_DEFINED if n else TokenType.CONTROL)
        follows[len(texts) - 1] = END
    tokens = len(texts)
    width = -(-tokens // HEAD) * HEAD
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(65_536)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(HEAD)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(tokens)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(texts)
    writer.add_token_scores([0.0] * tokens)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    following = np.zeros((tokens, width), np.float32)
    for token, next_one in follows.items():
        following[next_one, token] = SURE
    writer.add_tensor("token_embd.weight", np.eye(tokens, width, dtype=np.float32))
    writer.add_tensor("output.weight", following)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up"):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((HEAD, width), np.float32))
    for name in ("attn_output", "ffn_down"):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((width, HEAD), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@contextmanager
def llama_server(model: Path, *, context: int) -> Iterator[str]:
    """Serve a model with that many tokens of context; gives the base URL that a client wants."""
    with (
        (model.parent / "llama.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            [sys.executable, __file__, str(model), str(context)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            assert address, Path(log.name).read_text(encoding="utf-8")[-2000:]
            yield f"{address}/v1"
        finally:
            server.stdin.close()
            server.kill()  # its own end waits for threads of its own


def _serve(model: str, context: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = context
    params.n_parallel = 1
    params.n_predict = 512
    params.cpuparams.n_threads = 1
    params.sampling.temp = 0.0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
