"""How tests look in languages without a parser here: their names, what they assert, what keeps them from running.

These rules on text are coarser than a parser, so results are only compared with the version before.
"""

from __future__ import annotations

import re

from dayhand.startup.records import dataclass
from dayhand.startup.regex import regex

NEVER = regex(r"(?!)")


def _rule(*alternatives: str) -> re.Pattern[str]:
    return regex("|".join(alternatives), re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LanguageRules:
    """The rules of one language. The first group that matches in ``named`` or ``groups`` is the name."""

    named: re.Pattern[str]  # the beginning of a test, or of a function that could be one
    asserts: re.Pattern[str]
    exact: re.Pattern[str]  # assertions that compare with a value
    skips: re.Pattern[str]
    groups: re.Pattern[str] = NEVER  # the beginning of a group: skipping it skips all its tests
    focuses: re.Pattern[str] = NEVER  # keeps all other tests from running
    inverts: re.Pattern[str] = NEVER  # passes if the tested code fails
    marks: re.Pattern[str] = NEVER  # above a function: makes it a test
    unmarked: re.Pattern[str] = NEVER  # the names of functions that are tests without a mark
    excludes_file: re.Pattern[str] = NEVER  # a line that excludes the whole file
    comment: str = r"//[^\n]*|/\*.*?(?:\*/|\Z)"


_QUOTED = r"""(?:"([^"\n]+)"|'([^'\n]+)'|`([^`]+)`)"""
_CHAIN = r"(?:\.\w+)*\s*(?:\([^()]*\)\s*|`[^`]*`\s*)?\(\s*"  # .each([1, 2])(
SCRIPT = LanguageRules(
    named=_rule(rf"(?<![\w.])[xf]?(?:it|test|specify){_CHAIN}{_QUOTED}"),
    groups=_rule(rf"(?<![\w.])[xf]?(?:describe|context|suite){_CHAIN}{_QUOTED}"),
    asserts=_rule(
        r"\bexpect(?:\.soft|TypeOf)?\s*[(<]", r"\bassert\w*\b\s*[.(]", r"\bshould\b",
        r"\bt\.(?:is|not|true|false|throws|deepEqual|like|regex|equal|same)\w*\(",
    ),
    exact=_rule(
        r"\.(?:toEqual|toBe|toStrictEqual|toMatch\w*|toThrow\w*|toHave\w+|eql?|\w*[dD]eepEqual|strictEqual|equal|throws"
        r"|rejects|is)\("
    ),
    skips=_rule(
        r"(?<![\w.])(?:it|test|describe|suite|context|specify)(?:\.\w+)*\.(?:skip|skipIf|runIf|todo|failing|fails|fixme)\b",
        r"(?<![\w.])x(?:it|test|describe|specify|context)\s*\(", r"\b(?:this|t|ctx|context|test)\.(?:skip|todo)\s*\(",
        r"(?<![\w.])pending\s*\(", r"[{,]\s*(?:skip|todo):\s*(?:true\b|[\"'`])",
    ),
    focuses=_rule(
        r"(?<![\w.])(?:it|test|describe|suite|context|specify)(?:\.\w+)*\.only\b", r"(?<![\w.])f(?:it|describe)\s*\(",
        r"[{,]\s*only:\s*true",
    ),
)  # fmt: skip
GO = LanguageRules(
    named=_rule(r"^func (?:\([^)]*\) )?(\w+)\("),
    unmarked=_rule(r"(?:Test|Fuzz|Example)(?![a-z])"),
    asserts=_rule(r"\bt\.(?:Error|Fatal|Fail)\w*\(", r"\b(?:require|assert|is)\.\w+\("),
    exact=_rule(
        r"\b(?:require|assert|is)\.(?:Equal|EqualValues|Exactly|JSONEq|ElementsMatch|ErrorIs|Same)\w*\("
    ),
    skips=_rule(r"\b[tb]\.Skip(?:Now|f)?\("),
    excludes_file=_rule(r"^//\s*(?:go:build|\+build)\b.*"),
)
RUST = LanguageRules(
    named=_rule(r"^[ \t]*(?:pub(?:\([^)]*\))? )?(?:const )?(?:async )?(?:unsafe )?fn (\w+)"),
    marks=_rule(r"#\[(?:\w+::)*(?:test|rstest|test_case|quickcheck|wasm_bindgen_test)\b"),
    asserts=_rule(r"\b(?:debug_|prop_)?assert\w*!", r"\bpanic!", r"\.unwrap_err\("),
    exact=_rule(r"\bassert(?:_eq|_matches)!", r"\bprop_assert_eq!"),
    skips=_rule(r"#\[(?:cfg_attr\([^\]]*)?ignore\b", r"#\[cfg\((?!test)"),
    inverts=_rule(r"#\[should_panic\b"),
    excludes_file=_rule(r"^#!\[cfg\(.*"),
)
JAVA = LanguageRules(  # and Kotlin, and C#
    named=_rule(r"\b(?:void|fun|Task)\s+(?:`([^`]+)`|(\w+))\s*\("),
    groups=_rule(r"^[^\n\"]*\bclass\s+(\w+)"),
    marks=_rule(
        r"@(?:\w+\.)*(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Property)\b",
        r"\[(?:Fact|Theory|Test|TestCase|TestMethod)\b",
    ),
    unmarked=_rule(r"test(?=[A-Z_])"),
    asserts=_rule(
        r"\b[aA]ssert\w*\s*[(.<]", r"\bverify\s*\(", r"\bshould\w*\b", r"\.Should\(", r"\bfail\s*\(", r"\.andExpect\("
    ),
    exact=_rule(
        r"\bassert(?:Equals|Same|Throws\w*|ArrayEquals|IterableEquals|LinesMatch|ThatThrownBy|FailsWith)\b",
        r"\.(?:isEqualTo|isSameAs|containsExactly\w*|hasSize)\(", r"\bAssert\.(?:Equal|Same|Throws\w*|AreEqual)\b",
        r"\.Should\(\)\.(?:Be|Equal)\(",
    ),
    skips=_rule(
        r"@(?:Disabled|Ignore)\b", r"@Test\([^)]*enabled\s*=\s*false", r"\[(?:Ignore|Explicit)\b", r"\bSkip\s*=\s*\"",
        r"\bassume(?:True|False|That)\s*\(", r"\bAssumptions\.abort\(",
    ),
)  # fmt: skip
_RUBY_TEST, _RUBY_GROUP = "(?:it|specify|test|example|scenario)", "(?:describe|context|feature)"
RUBY = LanguageRules(
    named=_rule(rf"(?<![\w.:])[xf]?{_RUBY_TEST}[ (]\s*{_QUOTED}", r"\bdef (test_\w+)"),
    groups=_rule(rf"(?<![\w.:])(?:RSpec\.)?[xf]?{_RUBY_GROUP}[ (]\s*(?:[\"']([^\"'\n]+)|([A-Z][\w:]*))"),
    asserts=_rule(r"\bexpect\b", r"\bassert\w*\b", r"\brefute\w*\b", r"\b(?:must|wont)_\w+", r"\bshould\w*\b"),
    exact=_rule(
        r"\bto\s+(?:eq|eql|equal|be|match_array|contain_exactly|raise_error)\b", r"\bassert_(?:equal|same|raises)\b",
        r"\bmust_(?:equal|raise)\b",
    ),
    skips=_rule(
        rf"(?<![\w.:])x(?:{_RUBY_TEST}|{_RUBY_GROUP})\b", r"^\s*(?:skip|pending)\b(?!\s*[=.])",
        r",\s*(?:skip|pending):\s*(?:true\b|[\"'])", r",\s*:(?:skip|pending)\b",
    ),
    focuses=_rule(
        rf"(?<![\w.:])f(?:{_RUBY_TEST}|{_RUBY_GROUP})[ (]\s*[\"'A-Z]", r",\s*focus:\s*true", r",\s*:focus\b"
    ),
    comment=r"#[^\n]*",
)  # fmt: skip
PHP = LanguageRules(
    named=_rule(r"\bfunction\s+(\w+)\s*\(", rf"(?<![\w.>:$])(?:it|test)\s*\(\s*{_QUOTED}"),
    groups=_rule(r"^[^\n\"]*\bclass\s+(\w+)"),
    unmarked=_rule(r"test", r".*[^\w]"),  # Pest's test names are sentences
    marks=_rule(r"#\[(?:\w+\\)*Test\b", r"@test\b"),
    asserts=_rule(r"(?:->|::)assert\w+\(", r"\bexpect\s*\(", r"->(?:expect|should)\w+\("),
    exact=_rule(
        r"(?:->|::)assert(?:Same|Equals|Count|Json\w+)\(", r"->expectException\w*\(", r"->to(?:Be|Equal)\("
    ),
    skips=_rule(r"\bmarkTest(?:Skipped|Incomplete)\(", r"->(?:skip|todo)\("),
    focuses=_rule(r"->only\("),
    comment=r"//[^\n]*|#(?!\[)[^\n]*|/\*.*?(?:\*/|\Z)",
)
OTHER = LanguageRules(  # Elixir, C++, shells
    named=_rule(rf"(?<![\w.])(?:it|test)[ (]\s*{_QUOTED}", r"\bTEST(?:_F|_P)?\(\s*(\w+,\s*\w+)"),
    asserts=_rule(
        r"\bassert\w*\b", r"\brefute\w*\b", r"\b(?:ASSERT|EXPECT)_\w+", r"\b(?:REQUIRE|CHECK)\w*\("
    ),
    exact=_rule(r"==", r"\b(?:ASSERT|EXPECT)_(?:EQ|STREQ)\b"),
    skips=_rule(r"@(?:module)?tag :skip\b", r"\bGTEST_SKIP\b", r"\bDISABLED_\w+"),
    comment=r"^\s*(?:#|//)[^\n]*",
)
LANGUAGES: dict[str, LanguageRules] = {
    **dict.fromkeys((".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts"), SCRIPT),
    ".go": GO,
    ".rs": RUST,
    **dict.fromkeys((".java", ".kt", ".cs"), JAVA),
    ".rb": RUBY,
    ".php": PHP,
}


def language_of(path: str) -> LanguageRules:
    """The language of a file, by its suffix."""
    return LANGUAGES.get(path[path.rfind(".") :], OTHER)
