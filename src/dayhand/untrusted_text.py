"""Text that anybody may have written: terminal codes, hidden characters and credentials, and one cleaner per purpose.

| text | cleaner |
|---|---|
| what a command wrote, on its way to the model and the log | ``decode_output`` |
| what a person wrote, on its way to the model | ``visible_text.markdown.visible``, which begins with ``strip_hidden`` |
| an entry of the log | ``redact_output`` |
| what a page shows | ``mark_hidden``, and ``name_hidden`` for the whole page |
| what goes to GitHub or a terminal | ``clean`` |
| what we composed from cleaned pieces | ``redact`` |
| a title or a commit message, after ``clean`` | ``quiet`` |
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dayhand.startup.records import dataclass
from dayhand.startup.regex import regex

REDACTED = "[redacted]"
MAX_KEY_CHARS = 20_000  # of a private key: a 16384-bit one in PEM has 13,000
ZERO_WIDTH_SPACE = "\u200b"
BYTE_ORDER_MARK = "\ufeff"
CLEAR_LINE = "\r\x1b[K"  # of a terminal

# ECMA-48: CSI sequences; strings for the terminal (titles, links, graphics), which end with BEL or ST and never go
# beyond a line here; then the short ones. In 7 bits, and as the C1 characters that mean the same.
# https://ecma-international.org/publications-and-standards/standards/ecma-48/
TERMINAL_CODES = regex(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|\x1b[\\]PX^_][^\x07\n\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?|[\x90\x98\x9d-\x9f][^\x07\n\x1b\x9c]*(?:\x07|\x9c)"
    "|\x1b[ -/]*[0-~]"
)
CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1, but for tab and line feed
_CONTROL = regex(f"[{CONTROLS}]")
# What a reader does not see. A joiner between two characters of a script that joins them, or in an emoji, is seen by
# its effect, and so is one variation selector after a symbol; in Latin words and in runs they carry text.
# https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point https://trojansource.codes
HIDDEN = regex(
    rf"[{CONTROLS}"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, Hangul and Mongolian fillers
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, direction
    "\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\ue000-\uf8ff"  # halves of characters, private use
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"  # tags, more selectors, private use
    "|(?<![\u0600-\u1fff\u2190-\u2bff\u2e80-\U0001faff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\u1fff\u2190-\u2bff\u2e80-\U0001faff])"
    "|[\ufe00-\ufe0f]{2,}|(?<![\u00a9-\U0001faff])[\ufe00-\ufe0f](?!\u20e3)"
)


@dataclass(frozen=True, slots=True)
class CredentialShape:
    """A kind of credential: what it begins with, what it consists of, and how long it is."""

    name: str  # "a GitHub token"
    prefixes: tuple[str, ...]
    characters: str = "[A-Za-z0-9_-]"
    count: str = "{20,}"
    needs: str = ""  # what must stand somewhere in it

    @property
    def pattern(self) -> str:
        """A regular expression that finds it."""
        return f"{self._start}{self.needs}{self.characters}{self.count}"

    @property
    def cut_pattern(self) -> str:
        """The same where output was cut in the middle of it, as ``sandbox.base.Result.text`` cuts."""
        return f"{self._start}{self.characters}*(\n… \\d+ bytes cut …\n){self.characters}*"

    @property
    def _start(self) -> str:
        return f"(?<![A-Za-z0-9_])(?:{'|'.join(self.prefixes)})"


ALPHANUMERIC, END = "[A-Za-z0-9]", "(?![A-Za-z0-9_])"
CREDENTIALS = (
    # Stateless installation tokens hold dots and, being base64url, dashes.
    CredentialShape("a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), "[A-Za-z0-9._-]", "{36,}"),
    CredentialShape("a GitHub token", ("github_pat_",), "[A-Za-z0-9_]", "{22,}"),
    # With a digit: `sk-toggleable__label-arrow` is a class of scikit-learn's pages.
    CredentialShape("a model provider's key", ("sk-",), needs="(?=[A-Za-z_-]*[0-9])"),
    CredentialShape("a cloud access key", ("AKIA", "ASIA"), "[0-9A-Z]", f"{{16}}{END}"),
    CredentialShape("a cloud API key", ("AIza",), count=f"{{35}}{END}"),
    CredentialShape("a Slack token", ("xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"), "[A-Za-z0-9-]"),
    CredentialShape("a GitLab token", ("glpat-",)),
    CredentialShape("an npm token", ("npm_",), ALPHANUMERIC, f"{{36}}{END}"),
    CredentialShape("a PyPI token", ("pypi-AgEI",), count="{40,}"),
    CredentialShape("a payment provider's key", ("sk_live_", "rk_live_"), ALPHANUMERIC),
)
# How the words begin that tell GitHub and other CI systems to skip a commit.
_SKIPS_CI = regex(
    r"\[(?=\s*(?:(?:skip|no|ci|actions)\b|[\w-]+[ -]skip\s*\]))|\*\*\*(?=NO_CI)|\bskip(?=-checks\s*:)",
    re.IGNORECASE,
)
PRIVATE_KEY = "a private key"
_KEY_START = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"
_KEY_END = _KEY_START.replace("BEGIN", "END")
_KEY = regex(
    f"{_KEY_START}(?:.{{0,{MAX_KEY_CHARS}}}?{_KEY_END}|.{{0,{MAX_KEY_CHARS}}})",
    re.DOTALL,  # without an end, all that follows may belong to it
)
_PATTERNS = {shape: regex(shape.pattern) for shape in CREDENTIALS}
_CUT_PATTERNS = {shape: regex(shape.cut_pattern) for shape in CREDENTIALS}


def decode_output(raw: bytes) -> str:
    r"""What a command wrote, without anything that steers a terminal.

    Hidden characters stay: the model must be able to see and to edit a file as it is.

    >>> decode_output(b"\x1b[31mred\x1b[0m\r\n\x07caf\xc3\xa9 \xff")
    'red\ncafé �'
    """
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    return _CONTROL.sub("", TERMINAL_CODES.sub("", text))


def strip_hidden(text: str) -> str:
    r"""Without terminal codes and hidden characters: what is left is what a reader sees.

    >>> strip_hidden("\x1b[31mred\x1b[0m a\u202eb\r\nc\u200bd")
    'red ab\ncd'
    """
    return _hidden_in(text).sub("", _plain_lines(text))


def mark_hidden(text: str) -> str:
    r"""For a page: without terminal codes and credentials, and with a name in place of each hidden character.

    >>> mark_hidden("\x1b[31mred\x1b[0m a\u202eb"), mark_hidden("10 %\r20 %")
    ('red a⟨U+202E⟩b', '10 %\n20 %')
    """
    return name_hidden(redact_output(text))


def name_hidden(text: str) -> str:
    r"""Without terminal codes, and with a name in place of each hidden character.

    >>> name_hidden("<p>a\U000e0041b</p>")
    '<p>a⟨U+E0041⟩b</p>'
    """
    return _hidden_in(text).sub(_named, _plain_lines(text))


def clean(text: str) -> str:
    """For GitHub and terminals: without hidden characters, then without credentials, which they may have parted."""
    return redact(strip_hidden(text))


def quiet(text: str) -> str:
    """Text without mentions, issue references and links, whatever surrounds it: they have no effect on GitHub."""
    text = re.sub(r"@(?=\w)", f"@{ZERO_WIDTH_SPACE}", text)
    text = re.sub(r"(#|(?<![^\W_])GH-)(?=\d)", rf"\1{ZERO_WIDTH_SPACE}", text, flags=re.IGNORECASE)
    text = re.sub(r"www\.", f"www{ZERO_WIDTH_SPACE}.", text, flags=re.IGNORECASE)
    return text.replace("://", f":{ZERO_WIDTH_SPACE}//")


def let_ci_run(text: str) -> str:
    r"""Text in which no word tells a CI system to skip a commit: it may become the message of a merge.

    https://docs.github.com/actions/managing-workflow-runs/skipping-workflow-runs. Any line of a message counts, and so
    does code, since it is not read as Markdown.

    >>> let_ci_run("Fix [skip ci] and [x](y)\n\nskip-checks: true").replace(ZERO_WIDTH_SPACE, "·")
    'Fix [·skip ci] and [x](y)\n\nskip·-checks: true'
    """
    return _SKIPS_CI.sub(rf"\g<0>{ZERO_WIDTH_SPACE}", text)


def redact(text: str) -> str:
    """Without credentials."""
    for shape in _possible(text):
        if " bytes cut …\n" in text:
            text = _CUT_PATTERNS[shape].sub(rf"{REDACTED}\1", text)
        text = _PATTERNS[shape].sub(REDACTED, text)
    return _KEY.sub(REDACTED, text) if "PRIVATE KEY-----" in text else text


def redact_output(text: str) -> str:
    """Without credentials, also those that hidden characters or colours part; else as it was written."""
    known = redact(text)
    seen = strip_hidden(known)
    safe = redact(seen)
    return known if safe == seen else safe


def find_credentials(content: bytes) -> list[tuple[bytes, str]]:
    """What looks like a credential in a file, with its kind. Of a private key it is the first line."""
    text = content.decode("latin-1")  # byte for byte: the file may be binary
    found = [(match, shape.name) for shape in _possible(text) for match in _PATTERNS[shape].finditer(text)]
    found += [(match, PRIVATE_KEY) for match in re.finditer(_KEY_START, text)]
    return [(match.group().encode("latin-1"), name) for match, name in found]


def unfinished_key(output: bytes) -> int:
    """Where in output that still grows a private key begins whose end has not come; -1 where there is none."""
    *_, last = [None, *re.finditer(_KEY_START.encode(), output)]
    if last is None or len(output) - last.start() > MAX_KEY_CHARS:
        return -1
    return -1 if re.search(_KEY_END.encode(), output[last.start() :]) else last.start()


def _possible(text: str) -> Iterable[CredentialShape]:
    """The shapes whose beginning stands in the text: looking for fixed words costs next to nothing."""
    return (shape for shape in CREDENTIALS if any(prefix in text for prefix in shape.prefixes))


def _plain_lines(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return lines if lines.isascii() and "\x1b" not in lines else TERMINAL_CODES.sub("", lines)


def _hidden_in(text: str) -> re.Pattern[str]:
    return _CONTROL if text.isascii() else HIDDEN  # the same for ASCII, and much faster


def _named(hidden: re.Match[str]) -> str:
    return "".join(f"⟨U+{ord(char):04X}⟩" for char in hidden.group())
