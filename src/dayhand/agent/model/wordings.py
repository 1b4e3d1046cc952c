"""How servers word what went wrong: patterns by kind, because statuses and codes are not the same everywhere.

``tests/agent/model/test_wordings.py`` lists the collected sentences, one a line, with what each must not be taken for.
"""

from __future__ import annotations

import re

from dayhand.startup.regex import regex


def _any(*patterns: str) -> re.Pattern[str]:
    return regex("|".join(patterns), re.IGNORECASE)


# The request is longer than the context window.
OVERFLOW = _any(
    r"context[ _-]?(length|window|size|limit)[^.]{0,60}(exceed|only|maximum)",
    r"(exceed|longer than|greater than|larger than|maximum)[^.]{0,60}context[ _-]?(length|window|size|limit)",
    r"context_?window_?exceeded",
    r"context[^.]{0,20}overflow",
    r"(prompt|input)( is| was)? too long",
    r"maximum (model|prompt|input) length",
    r"(prompt|input) exceeds max length",
    r"(input|prompt) token count[^.]{0,40}exceeds",
    r"exceeded model token limit",
    r"range of input length should be",
    r"`?inputs`?( tokens \+ `max_new_tokens`)? must (have less than|be <=)",
    r"too large for model with \d+ maximum context",
    r"reduce the length of the (messages|prompt|input)",
    r"payload too large|request entity too large",
)
OVERFLOW_CODES = (
    "context_length_exceeded",
    "exceed_context_size_error",  # llama.cpp
    "model_max_prompt_tokens_exceeded",  # Copilot
    "1261",  # Zhipu
)

# The account has no credit left, which waiting does not change.
NO_CREDIT = _any(
    r"exceeded your current quota",
    r"insufficient[ _](credit|balance|funds|quota)",
    r"credit balance is too low",
    r"(run|ran) out of credit|no credits? (left|remaining)",
    r"billing hard limit|billing details",
)
NO_CREDIT_CODES = ("insufficient_quota", "exceeded_current_quota_error", "billing_hard_limit_reached")

# The server does not have the model.
NO_MODEL = _any(
    r"invalid model name",
    r"unexpected model name",
    r"model[^.]{0,80}(does not exist|not found|is not available|is not supported)",
    r"model identifier is invalid",
    r"deployment for this resource does not exist",
    r"no endpoints found for",
)
NO_MODEL_CODES = ("model_not_found", "DeploymentNotFound")

BAD_KEY = _any(r"api[ _]key (is )?(not valid|invalid)|(invalid|incorrect) api[ _]key")

# The server speaks Chat Completions only, and takes the request for one of those.
NO_ENDPOINT = _any(
    r"['\"`]?messages['\"`]? (is|field is|are) (a )?required", r"missing[^.]{0,30}['\"`]messages['\"`]"
)
