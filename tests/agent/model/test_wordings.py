"""How servers word their failures: the collected sentences, one a line, and what they are taken for."""

from __future__ import annotations

import pytest

from dayhand.agent.model.retry import FaultKind, from_event, from_status

OVERFLOW, NO_CREDIT, GONE = FaultKind.CONTEXT_OVERFLOW, FaultKind.NO_CREDIT, FaultKind.UNAVAILABLE
RATE, FATAL, ENDPOINT, ERROR = (
    FaultKind.RATE_LIMIT,
    FaultKind.FATAL,
    FaultKind.NO_ENDPOINT,
    FaultKind.SERVER_ERROR,
)

WORDINGS = [
    (OVERFLOW, "OpenAI", 400, "Your input exceeds the context window of this model. Please adjust your input and try again.", "context_length_exceeded"),
    (OVERFLOW, "OpenAI, the old", 400, "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.", None),
    (OVERFLOW, "vLLM V0", 400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", 400),
    (OVERFLOW, "vLLM V1", 400, "The decoder prompt (length 40000) is longer than the maximum model length of 32768. Make sure that `max_model_len` is no smaller than the number of text tokens.", 400),
    (OVERFLOW, "vLLM 2026", 400, "You passed 32001 input tokens and requested 768 output tokens. However, the model's context length is only 32768 tokens, resulting in a maximum input length of 32000 tokens.", 400),
    (OVERFLOW, "SGLang", 400, "The input (40000 tokens) is longer than the model's context length (32768 tokens).", 400),
    (OVERFLOW, "SGLang 2", 400, "Requested token count exceeds the model's maximum context length of 32768 tokens.", 400),
    (OVERFLOW, "llama.cpp", 400, "the request exceeds the available context size, try increasing it", "exceed_context_size_error"),
    (OVERFLOW, "llama.cpp, text only", 400, "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it", 400),
    (OVERFLOW, "Ollama", 400, "prompt too long; exceeded max context length by 120 tokens", None),
    (OVERFLOW, "Ollama 2", 400, "the input length exceeds the context length", None),
    (OVERFLOW, "LM Studio", 400, "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens", None),
    (OVERFLOW, "LM Studio 2", 400, "The number of tokens to keep from the initial prompt is greater than the context length.", None),
    (OVERFLOW, "LiteLLM", 400, "litellm.ContextWindowExceededError: litellm.BadRequestError: ...", 400),
    (OVERFLOW, "Gemini", 400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", 400),
    (OVERFLOW, "Anthropic", 400, "prompt is too long: 210000 tokens > 200000 maximum", None),
    (OVERFLOW, "Anthropic 2", 400, "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again", None),
    (OVERFLOW, "OpenRouter", 400, "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens.", 400),
    (OVERFLOW, "Bedrock", 400, "Input is too long for requested model.", None),
    (OVERFLOW, "Bedrock 2", 400, "The model returned the following errors: Input is too long", None),
    (OVERFLOW, "Mistral", 400, "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length", None),
    (OVERFLOW, "Groq", 400, "Please reduce the length of the messages or completion.", "context_length_exceeded"),
    (OVERFLOW, "xAI", 400, "This model's maximum prompt length is 131072 but the request contains 150000 tokens.", None),
    (OVERFLOW, "Moonshot", 400, "Invalid request: Your request exceeded model token limit: 131072", None),
    (OVERFLOW, "Zhipu", 400, "Prompt exceeds max length", "1261"),
    (OVERFLOW, "Zhipu, its code alone", 400, "", "1261"),
    (OVERFLOW, "DashScope", 400, "Range of input length should be [1, 129024]", None),
    (OVERFLOW, "TGI", 400, "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000", None),
    (OVERFLOW, "TGI 2", 400, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096.", None),
    (OVERFLOW, "Together", 400, "The input token count exceeds the model's maximum", None),
    (OVERFLOW, "Copilot", 400, "prompt token count of 150000 exceeds the limit of 128000", "model_max_prompt_tokens_exceeded"),
    (OVERFLOW, "Codex' 413", 400, "Payload Too Large", None),
    (OVERFLOW, "nginx", 413, "<html><h1>413 Request Entity Too Large</h1></html>", None),
    (OVERFLOW, "any 413", 413, "", None),
    (OVERFLOW, "a proxy's prefix", 500, "upstream error 400: prompt is too long: 210000 tokens > 200000 maximum", None),
    (NO_CREDIT, "OpenAI", 429, "You exceeded your current quota", "insufficient_quota"),
    (NO_CREDIT, "OpenRouter", 402, "Insufficient credits", 402),
    (NO_CREDIT, "DeepSeek", 402, "Insufficient Balance", None),
    (NO_CREDIT, "any 402", 402, "", None),
    (NO_CREDIT, "Anthropic", 400, "Your credit balance is too low to access the Anthropic API.", None),
    (NO_CREDIT, "Moonshot", 429, "Your account is suspended, please check your plan and billing details", "exceeded_current_quota_error"),
    (NO_CREDIT, "xAI", 403, "Your team has run out of credits", None),
    (NO_CREDIT, "OpenAI's limit", 400, "Billing hard limit has been reached", "billing_hard_limit_reached"),
    (NO_CREDIT, "Gemini", 429, "You exceeded your current quota, please check your plan and billing details. Please retry in 12.5s.", 429),
    (ENDPOINT, "FastAPI", 404, "Not Found", None),
    (ENDPOINT, "FastAPI, empty", 404, "", None),
    (ENDPOINT, "FastAPI 405", 405, "Method Not Allowed", None),
    (ENDPOINT, "not implemented", 501, "Not implemented", None),
    (ENDPOINT, "Chat Completions only", 400, "'messages' is required", None),
    (ENDPOINT, "HTML", 404, "<html><h1>404 Not Found</h1></html>", None),
    (GONE, "LiteLLM", 400, "Invalid model name passed in model=m", None),
    (GONE, "Bedrock", 400, "The provided model identifier is invalid.", None),
    (GONE, "Azure", 400, "The API deployment for this resource does not exist", "DeploymentNotFound"),
    (GONE, "Gemini", 400, "* GenerateContentRequest.model: unexpected model name format", None),
    (GONE, "OpenAI, its code", 404, "", "model_not_found"),
    (GONE, "OpenAI", 404, "The model `m` does not exist or you do not have access to it.", "model_not_found"),
    (GONE, "Ollama", 404, 'model "m" not found, try pulling it first', None),
    (GONE, "OpenRouter", 404, "No endpoints found for m/m.", 404),
    (GONE, "Gemini's key", 400, "API key not valid. Please pass a valid API key.", None),
    (GONE, "OpenAI's key", 401, "Incorrect API key provided: (key)", "invalid_api_key"),
    # What only resembles one of these.
    (RATE, "tokens a minute", 429, "Request too large for gpt-6.1-sol on tokens per min (TPM): Limit 30000, Requested 40000. The input must be reduced.", "rate_limit_exceeded"),
    (RATE, "a limit that counts the context", 429, "Rate limit: maximum context length per minute exceeded", None),
    (FATAL, "too long an answer", 400, "max_tokens is too large: 200000. This model supports at most 128000 completion tokens.", None),
    (FATAL, "too long a key", 400, "Invalid 'prompt_cache_key': string too long. Expected a string with maximum length 64.", None),
    (FATAL, "too many tools", 400, "Invalid 'tools': array too long. Expected an array with maximum length 128.", None),
    (FATAL, "an image", 400, "image exceeds the maximum size of 20 MB", None),
    (FATAL, "a policy", 400, "no", "content_policy_violation"),
    (ERROR, "busy", 503, "The model is overloaded. Please try again later.", "server_error"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status", "message", "code"),
    [(kind, *rest) for kind, _, *rest in WORDINGS],
    ids=[f"{kind}: {who}" for kind, who, *_ in WORDINGS],
)
def test_a_wording_is_taken_for_what_it_means(
    kind: FaultKind, status: int, message: str, code: str | int | None
) -> None:
    error = {"message": message, "code": code, "type": "BadRequestError"}
    if code == "1261":
        error.pop("type")
    assert from_status(status, error, {}, server="here", now=0.0).kind is kind
    if kind in (OVERFLOW, NO_CREDIT) and status not in (402, 413):
        assert from_event({**error, "message": message}).kind is kind, "in a stream, too"


def test_an_empty_account_is_named_with_its_server() -> None:
    fault = from_status(402, {"message": "Insufficient Balance"}, {}, server="api.deepseek.com", now=0.0)
    assert str(fault) == "The account at api.deepseek.com has no credit left: Insufficient Balance"
