"""Credentials, hidden characters and terminal codes: what each cleaner takes out, and what it leaves alone."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid

import pytest

from dayhand.sandbox.base import Reason, Result
from dayhand.sandbox.output import LiveOutput
from dayhand.untrusted_text import (
    CREDENTIALS,
    ZERO_WIDTH_SPACE,
    clean,
    decode_output,
    find_credentials,
    let_ci_run,
    mark_hidden,
    redact,
    redact_output,
    strip_hidden,
    unfinished_key,
)

BASE64 = "MIIEpAIBAAKCAQEA" + "x1Y2" * 12
# Each is put together here, so that scanners of this repository find none.
EXAMPLES = {
    "ghp": "gh" + "p_" + "A1b2" * 9,
    "gho": "gh" + "o_" + "A1b2" * 9,
    "ghu": "gh" + "u_" + "A1b2" * 9,
    "ghr": "gh" + "r_" + "A1b2" * 19,
    "installation": "gh" + "s_" + "A1b2" * 9,
    "stateless": "gh" + "s_" + "12345_eyJhbGciOi." + "eyJpc3M-_iOiIx" * 20 + ".c2ln-bmF0dXJl_",
    "fine-grained": "github" + "_pat_" + "11ABCDE" + "a1B2_" * 15,
    "openai": "sk" + "-" + "aB3" * 16,
    "openai-project": "sk" + "-proj-" + "aB3_-" * 30,
    "anthropic": "sk" + "-ant-api03-" + "aB3_-" * 18 + "AA",
    "aws": "AK" + "IA" + "IOSFODNN7EXAMPLE",
    "aws-session": "AS" + "IA" + "IOSFODNN7EXAMPLE",
    "google": "AI" + "za" + "SyA-bC_d1" + "x" * 26,
    "slack-bot": "xox" + "b-" + "123456789012-123456789012-" + "aB3d" * 6,
    "slack-user": "xox" + "p-" + "123456789012-" * 3 + "0a1b" * 8,
    "gitlab": "gl" + "pat-" + "aB3_-xYz9" * 3,
    "npm": "npm" + "_" + "aB3d" * 9,
    "pypi": "pypi" + "-AgEI" + "cHlwaS5vcmc" + "CJDk-_1" * 12,
    "stripe": "sk" + "_live_" + "51Aa2" * 6,
    "stripe-restricted": "rk" + "_live_" + "51Aa2" * 6,
    "pem": f"-----BEGIN RSA PRIVATE {'KEY'}-----\n{BASE64}\n{BASE64}\n-----END RSA PRIVATE {'KEY'}-----",
    "pkcs8": f"-----BEGIN PRIVATE {'KEY'}-----\n{BASE64}\n-----END PRIVATE {'KEY'}-----",
    "openssh": f"-----BEGIN OPENSSH PRIVATE {'KEY'}-----\n{BASE64}\n-----END OPENSSH PRIVATE {'KEY'}-----",
    "pem-in-json": f"-----BEGIN PRIVATE {'KEY'}-----\\n{BASE64}\\n-----END PRIVATE {'KEY'}-----",
}
EVERY_EXAMPLE = pytest.mark.parametrize("secret", EXAMPLES.values(), ids=list(EXAMPLES))
TOKENS = pytest.mark.parametrize(
    "secret", [text for text in EXAMPLES.values() if "PRIVATE" not in text], ids=[k for k, v in EXAMPLES.items() if "PRIVATE" not in v]
)  # fmt: skip
PRIVATE_KEY = EXAMPLES["pem"]
UNFINISHED = PRIVATE_KEY[: PRIVATE_KEY.index("-----END")]


def test_every_shape_has_an_example() -> None:
    for shape in CREDENTIALS:
        for prefix in shape.prefixes:
            assert any(text.startswith(prefix) for text in EXAMPLES.values()) or shape.name == "a Slack token"


@EVERY_EXAMPLE
def test_what_the_policy_refuses_is_also_redacted(secret: str) -> None:
    assert find_credentials(f"\xff = '{secret}'\n".encode("latin-1"))
    for text in (secret, f"key={secret}", f"'{secret}'", f"a://u:{secret}@host", f"KEY: {secret}, and more"):
        for cleaner in (redact, redact_output, mark_hidden, clean):
            assert "[redacted]" in cleaner(text)
            assert secret[8:24] not in cleaner(text)
    assert redact(f"before {secret} after") == "before [redacted] after"


@EVERY_EXAMPLE
@pytest.mark.parametrize(
    "between", ["\u200b", "\u2060", "\u202e", "\ufe0f", "\U000e0041", "\x1b[1m", "\u200d"]
)
def test_hidden_characters_and_colours_do_not_save_a_credential(secret: str, between: str) -> None:
    parted = secret[:3] + between + secret[3:12] + between + secret[12:]
    for cleaner in (redact_output, mark_hidden, clean):
        assert secret[12:24] not in cleaner(f"key {parted}")


@TOKENS
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_both_halves_of_a_credential_that_a_cut_parts_are_taken_out(secret: str, share: float) -> None:
    at = max(int(len(secret) * share), 10)
    result = Result(0, f"key {secret[:at]}".encode(), f"{secret[at:]} end".encode(), 9999, Reason.EXIT, 1.0)
    shown = redact(result.text())
    assert secret[at - 3 : at] not in shown
    assert secret[at:] not in shown
    assert "bytes cut" in shown
    assert shown.endswith(" end")


@pytest.mark.parametrize(
    "text",
    [
        hashlib.sha1(b"a", usedforsecurity=False).hexdigest(),
        hashlib.sha256(b"a").hexdigest(),
        f"index {'0123abc'}..{'4567def'} 100644",
        "sha512-" + base64.b64encode(hashlib.sha512(b"a").digest()).decode(),
        str(uuid.UUID(int=2**127 + 12345)),
        "sk-toggleable__label-arrow sk-estimator-doc-link-fitted",
        "task-0123456789abcdef-0123456789abcdef",
        "dayhand/12-ask-for-a-name-that-is-long-enough",
        "npm_config_registry npm_lifecycle_event npm_package_json",
        "AKIAAAA ASIANFOODSTORES gh_pages ghp_short xoxb- glpat-x AIzaShort",
        "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
        "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----",
        f"-----BEGIN PUBLIC {'KEY'}-----\nMIID\n-----END PUBLIC {'KEY'}-----",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF0f a@b",
    ],
)
def test_what_only_looks_like_a_credential_is_left_alone(text: str) -> None:
    assert redact(text) == redact_output(text) == clean(text) == mark_hidden(text) == text
    assert find_credentials(text.encode()) == []


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.b32encode])
def test_encoded_bytes_are_left_alone(encode: type) -> None:
    raw = random.Random(7).randbytes(300_000)
    image = f"data:image/png;base64,{encode(raw).decode()}"
    assert redact(image) == image
    assert find_credentials(raw) == []


def test_a_private_key_without_an_end_takes_what_follows() -> None:
    assert redact(f"a\n{UNFINISHED}") == "a\n[redacted]"
    assert redact(f"{PRIVATE_KEY}\nb\n{PRIVATE_KEY}\nc") == "[redacted]\nb\n[redacted]\nc"
    assert redact(UNFINISHED + "x" * 30_000).endswith("x" * 9_000)


def test_the_policy_reads_a_private_keys_first_line() -> None:
    found = find_credentials(PRIVATE_KEY.encode())
    assert found == [(PRIVATE_KEY.splitlines()[0].encode(), "a private key")]


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
@EVERY_EXAMPLE
def test_a_credential_is_told_whole_however_its_output_arrives(secret: str, chunk: int) -> None:
    now, entries = 0.0, []

    def tell(text: str) -> None:
        entries.append(redact_output(text))

    live = LiveOutput(tell, 10_000, lambda: now)
    output = f"before\n{secret}\nafter\n".encode()
    for start in range(0, len(output), chunk):
        now += 1.5
        live.write(output[start : start + chunk])
    live.finish(Result(0, output, b"", len(output), Reason.EXIT, now))
    assert "".join(entries) == "before\n[redacted]\nafter\n"


def test_output_that_only_begins_like_a_key_is_not_held_for_ever() -> None:
    start = f"-----BEGIN RSA PRIVATE {'KEY'}-----\n".encode()
    assert unfinished_key(b"a\n" + start + b"MII\n") == 2
    assert unfinished_key(PRIVATE_KEY.encode()) == -1
    assert unfinished_key(PRIVATE_KEY.encode() + b"\n" + start) == len(PRIVATE_KEY) + 1
    assert unfinished_key(b"-----BEGIN CERTIFICATE-----\n") == -1
    assert unfinished_key(start + b"x" * 30_000) == -1


HIDDEN = [
    "\x00", "\x07", "\x08", "\x0b", "\x7f", "\x85", "\x9f", "\u00ad", "\u034f", "\u061c", "\u115f", "\u1160", "\u17b4", "\u180e",
    "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2060", "\u2066", "\u2069", "\u206f",
    "\u3164", "\ufe00", "\ufe0f", "\ufeff", "\uffa0", "\ufff9", "\ud800", "\ue000", "\U0001d173", "\U000e0001", "\U000e0041",
    "\U000e0100", "\U000f0000",
]  # fmt: skip


@pytest.mark.parametrize("char", HIDDEN, ids=[f"{ord(char):04X}" for char in HIDDEN])
def test_hidden_characters_are_taken_out_or_named(char: str) -> None:
    assert strip_hidden(f"a{char}b") == clean(f"a{char}b") == "ab"
    assert mark_hidden(f"a{char}b") == f"a⟨U+{ord(char):04X}⟩b"


@pytest.mark.parametrize(
    "text",
    [
        "tab\tand\nline",
        "naïve café ñ Ω я 家 한국어 日本語 ไทย",
        "می\u200cخواهم",  # Persian
        "ක්\u200dර",  # Sinhala
        "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 1\ufe0f\u20e3 👍🏽",
        "→ ✓ ⚠\ufe0f … “quoted”",
    ],
)
def test_what_a_reader_sees_is_left_alone(text: str) -> None:
    assert strip_hidden(text) == mark_hidden(text) == clean(text) == decode_output(text.encode()) == text


@pytest.mark.parametrize(
    "text",
    ["a\ufe00\ufe01\ufe02b", "a\U000e0061\U000e0062b", "a\u200c\u200d\u200cb", "か\u200d\u200d\u200dき"],
)
def test_runs_that_carry_text_are_taken_out(text: str) -> None:
    assert len(strip_hidden(text)) == 2


CODES = [
    "\x1b[31m", "\x1b[0m", "\x1b[38;5;200m", "\x1b[2K", "\x1b[?25l", "\x9b31m",
    "\x1b]0;title\x07", "\x1b]8;;https://evil.example\x1b\\", "\x9d0;title\x9c", "\x1b]52;c;ZXZpbA==\x07",
    "\x1bP1$r0m\x1b\\", "\x1b_app\x1b\\", "\x1b^pm\x1b\\", "\x1bXsos\x1b\\",
    "\x1b(B", "\x1b#8", "\x1b=", "\x1b7", "\x1bc", "\x1bM",
]  # fmt: skip


@pytest.mark.parametrize("code", CODES, ids=[ascii(code) for code in CODES])
def test_terminal_codes_are_taken_out_whole(code: str) -> None:
    assert strip_hidden(f"a{code}b") == clean(f"a{code}b") == mark_hidden(f"a{code}b") == "ab"
    assert decode_output(f"a{code}b".encode()) == "ab"


@pytest.mark.parametrize("code", ["\x1b]0;", "\x1bP", "\x1b[", "\x1b"])
def test_a_code_without_an_end_does_not_swallow_the_next_line(code: str) -> None:
    assert decode_output(f"a{code}\nFAILED".encode()).endswith("\nFAILED")
    assert strip_hidden(f"a{code}\nFAILED").endswith("\nFAILED")


def test_the_model_reads_output_with_its_hidden_characters() -> None:
    assert decode_output("if admin\u202e:\u200b\r\n\x07".encode()) == "if admin\u202e:\u200b\n"
    assert decode_output(b"caf\xc3\xa9 \xff") == "café �"


@pytest.mark.parametrize(
    "text",
    ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "[SKIP CI]", "[ skip ci ]", "***NO_CI***", "skip-checks: true",
     "Skip-Checks:true", "skip-checks : true", "[skip travis]", "[travis skip]", "[azurepipelines skip]", "[skip azp]", "[ci-skip]", "[skip-ci]",
     "`[skip ci]`", "Sort\n\n[skip ci]\n", "> [no ci]"],
)  # fmt: skip
def test_no_word_in_a_message_skips_ci(text: str) -> None:
    quieted = let_ci_run(text)
    assert quieted != text
    assert quieted.replace(ZERO_WIDTH_SPACE, "") == text
    assert let_ci_run(quieted) == quieted


@pytest.mark.parametrize(
    "text", ["[api] fix", "[x](y)", "- [ ] skip", "[skipped]", "***bold***", "do not skip checks", "NO_CI"]
)
def test_other_words_in_a_message_stay(text: str) -> None:
    assert let_ci_run(text) == text
