"""What a person does not see on GitHub is left out and listed; what a person sees stays whole."""

from __future__ import annotations

import pytest

from dayhand.visible_text.markdown import FOLDED, FORMULA, IMAGE, MAX_DROPPED, UNFOLDED, visible, visible_line

# One line per form: its kind on the task's page, and a text in which SECRET is not seen, but before and after are.
HOSTILE = [
    ("link definition", "before\n\n[//]: # (SECRET)\n\nafter"),
    ("link definition", "before\n\n[SECRET words]: https://x.example\n\nafter"),
    ("link definition", "before\n\n[a]: <https://x.example/SECRET>\n\nafter"),
    ("link definition", "before\n\n[a]: #\n  'SECRET\n  on lines'\n\nafter"),
    ("link definition", "before\n\n> [a]: # 'SECRET'\n\nafter"),
    ("link definition", "- before\n\n  [a]: # 'SECRET'\n- after"),
    ("link definition", "[before][SECRET label] after\n\n[SECRET label]: https://x.example"),
    ("link definition", "before after\n\n[a]: #\n[a]: # 'SECRET'"),
    ("link title", "[before](https://x.example 'SECRET') after"),
    ("link title", "[before][a] after\n\n[a]: https://x.example 'SECRET'"),
    ("link without a text", "before [](https://x.example/SECRET) after"),
    ("link without a text", "before [\u200b](https://x.example/SECRET) after"),
    ("long address of a link", f"[before](https://x.example/{'a' * 200}?q=SECRET{'b' * 200}) after"),
    ("image description", "before ![SECRET](https://x.example/a.png) after"),
    ("image description", "before ![SECRET][a] after\n\n[a]: a.png"),
    ("image description", "before [![SECRET](a.png)](https://x.example) after"),
    ("image title", "before ![a](a.png 'SECRET') after"),
    ("HTML comment", "before <!-- SECRET --> after"),
    ("HTML comment", "before\n\n<!--\nSECRET\n\nSECRET\n-->\n\nafter"),
    ("HTML comment", "- before\n  <!-- SECRET -->\n- after"),
    ("HTML comment", "- before\n\n  <!--\n  SECRET\n\n  -->\n\n- after"),
    ("HTML comment", "> before\n> <!-- SECRET\n> SECRET -->\n\nafter"),
    ("HTML comment", "before \\`<!-- SECRET -->\\` after"),
    ("HTML comment", "before `` ` <!-- -->`` after <!-- SECRET ` -->"),
    ("HTML comment", "before ` <!-- SECRET --> after"),
    ("HTML comment", "before after\n<!-- SECRET\nnever closed"),
    ("HTML comment", "before after\n\n   <!-- SECRET"),
    ("HTML comment", "| a | b |\n| - | - |\n| before | after <!-- SECRET --> |"),
    ("HTML comment", "before after <!--> <!-- SECRET -->"),
    ("HTML comment", "before after\n<div>\n<!-- a --!> <!-- SECRET -->\n</div>"),
    ("HTML comment", "before **after<!-- SECRET -->**"),
    ("HTML attributes", "before <span title='SECRET'>after</span>"),
    ("HTML attributes", "before <b SECRET words here>after</b>"),
    ("HTML attributes", "before <img alt='SECRET' src=x> after"),
    ("HTML attributes", "<div data-x='>SECRET'>\nbefore after\n</div>"),
    ("HTML attributes", "<div a=1 b=SECRET\n>\nbefore after\n</div>"),
    ("HTML attributes", "before <a href='https://x.example/SECRET'>after</a>"),
    ("HTML tag", "before <SECRET> after"),
    ("processing instruction", "before <?SECRET?> after"),
    ("processing instruction", "before\n\n<?php\nSECRET\n?>\n\nafter"),
    ("CDATA section", "before <![CDATA[ SECRET > SECRET ]]> after"),
    ("CDATA section", "before\n\n<![CDATA[\nSECRET\n]]>\n\nafter"),
    ("declaration", "before <!DOCTYPE SECRET> after"),
    ("declaration", "before after\n\n<!ELEMENT SECRET\n>"),
    ("hidden characters", "before \U000e0053\U000e0045 after"),
    ("hidden characters", "before \u3164\u3164\u115f\u1160\uffa0 after"),
    ("hidden characters", "before \u00ad\u200b\u2060\u034f\u180e\u17b4 after"),
    ("hidden characters", "before &#xE0053;&#xE0045; after"),
    ("hidden characters", "before <b>&#x3164;</b> after"),
    ("hidden characters", "`before \U000e0053` after"),
    ("hidden characters", "```\nbefore \u2066after\n```"),
    ("formula", "before $\\phantom{SECRET}$ after"),
    ("formula", "before $$\n\\vphantom{SECRET}\n$$ after"),
    ("formula", "before $`\\hphantom{SECRET}`$ after"),
    ("formula", "before ${\\color{white}SECRET}$ after"),
    ("formula", "before $\\textcolor{#fff}{SECRET}$ after"),
    ("formula", "before $a % SECRET\nb$ after"),
    ("formula", "before $\\def\\x{SECRET} a$ after"),
    ("formula", "before $\\alpha <!-- SECRET -->$ after"),
    ("formula", "before $\\alpha [a](x 'SECRET')$ after"),
    ("formula", "before\n\n```math\n\\phantom{SECRET}\n```\n\nafter"),
    ("unused footnote", "before after\n\n[^1]: SECRET"),
    ("unused footnote", "before after\n\n[^1]:\n    SECRET\n\n    SECRET"),
    ("unused footnote", "before after\n\n[^1]: see [^2]\n[^2]: SECRET"),
    ("unused footnote", "before ![a[^1]](x) after\n\n[^1]: SECRET"),
    ("footnote label", "before[^SECRET-SECRET-SECRET-SECRET-SECRET]\n\n[^SECRET-SECRET-SECRET-SECRET-SECRET]: after"),
    ("hidden element", "before <span hidden>SECRET</span> after"),
    ("hidden element", "before after\n\n<div hidden>\n\nSECRET\n\n- SECRET\n\n```\nSECRET\n```\n\n</div>"),
    ("hidden element", "before after\n\n<div hidden>\n\n| a |\n| - |\n| `SECRET` |\n\n# SECRET\n\n</div>"),
    ("hidden element", "before after <span hidden>\n\nSECRET"),
    ("hidden element", "before <p hidden=''><p>a</p>SECRET</p> after"),
    ("hidden element", "before <template>SECRET</template> after"),
    ("hidden element", "before <script>SECRET</script> after"),
    ("hidden element", "before after\n\n<script>\nSECRET\n\nSECRET\n</script>"),
    ("hidden element", "before <style>SECRET</style> after"),
    ("hidden element", "before <svg><text>SECRET</text></svg> after"),
    ("hidden element", "before <noscript>SECRET</noscript> after"),
    ("hidden element", "before <div hidden><script></div></script>SECRET</div> after"),
    ("hidden element", "before <div hidden><!-- </div> -->SECRET</div> after"),
    ("hidden element", "before after\n\n<div hidden>\n<b title='</div>'>SECRET</b>\n</div>"),
    ("hidden element", "before <ruby>a<rp>SECRET</rp></ruby> after"),
    ("hidden element", "before <span hidden>![a](b) <b>SECRET</b> $\\alpha$ SECRET</span> after"),
    ("words after a code block's language", "before\n\n```python SECRET\nafter\n```"),
    ("words after a code block's language", "before\n\n~~~SECRET-SECRET-SECRET-SECRET\nafter\n~~~"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), HOSTILE, ids=ascii)
def test_what_a_person_does_not_see_is_left_out_and_listed(kind: str, text: str) -> None:
    seen = visible(text)
    assert "SECRET" not in seen.text
    assert "before" in seen.text
    assert "after" in seen.text
    dropped = [one.text for one in seen.dropped if one.kind == kind]
    assert dropped, seen.dropped
    if "SECRET" in text and kind != "long address of a link":  # which is cut
        assert any("SECRET" in one for one in dropped), seen.dropped


def test_every_kind_of_the_issue_has_a_form() -> None:
    assert len({kind for kind, _ in HOSTILE}) >= 15
    assert len(HOSTILE) >= 29


HONEST = [
    "plain words, and a second line\nwith a comma",
    "# Heading\n\ntext\n\n***\n\nmore",
    "- one\n  - two\n    1. three\n    2. four\n- five",
    "1. one\n\n2. two\n\n   with a paragraph\n\n3. three",
    "- [ ] open\n- [x] done",
    "| a | b |\n| --- | --- |\n| `<!-- a -->` | **b** |\n| c \\| d | é |",
    "`<!-- shown -->` and ``a ` <!-- shown -->``",
    '```html\n<!-- shown -->\n<div hidden title="a">  \n\n\tx\n</div>\n```',
    "````text\n```\n[//]: # (shown)\n```\n````",
    "- item\n\n  ```sh\n  echo '<?php ?>'  \n\n  done\n  ```",
    "> quoted\n>\n> > twice\n>\n> ```\n> <template>\n> ```",
    "Emoji 👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 1\ufe0f\u20e3 :tada:",
    "می\u200cخواهم این را درست کنید",
    "한국어 日本語 ไทย naïve",
    "*em*, **strong**, ~~gone~~ and __init__ in a_snake_name",
    "[the file](https://github.com/ada/shop/blob/main/a.py#L3) and https://x.example/?a=b&c=d",
    "It costs $5 and $6, or $PATH:$HOME, 10% of $7",
    "$a^2 + b^2$ and $\\frac{a}{b} \\leq \\sqrt{c}$",
    "$$\n\\sum_{i=1}^{n} i\n$$",
    "a < b && c > d, x<5, HashMap<String, u64>, 3 <!= 4",
    "See[^1] and[^2]\n\n[^1]: the first\n\n[^2]: the second\n\n    with more",
    "@ann mentioned #12 in GH-3, see 0123abc",
    "before\n\n```mermaid-x\ngraph TD\n```",
    'Traceback (most recent call last):\nFile "a.py", line 1, in `<module>`',
]  # fmt: skip


@pytest.mark.parametrize("text", HONEST, ids=ascii)
def test_what_a_person_sees_stays_whole(text: str) -> None:
    seen = visible(text)
    assert seen.text == text
    assert seen.dropped == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("&lt;div&gt; &amp; \\*stars\\*", "<div> & *stars*"),
        ("Press <kbd>Ctrl</kbd>+<kbd>C</kbd><br>now", "Press Ctrl+C\nnow"),
        ("The <title> is wrong: <textarea> is too", "The <title> is wrong: <textarea> is too"),
        ("    indented\n    code", "```\nindented\ncode\n```"),
        ("+ a\n+ b", "- a\n- b"),
        ("Heading\n===", "# Heading"),
        ("a\r\nb", "a\nb"),
        ("[a](mailto:b@x.example) <https://x.example>", "[a](mailto:b@x.example) https://x.example"),
        ("```mermaid\ngraph TD\n```", "[drawn by GitHub from this source:]\n```mermaid\ngraph TD\n```"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n\n- two"),
        ("a \\`b\\` c", "a `b` c"),
    ],
)  # fmt: skip
def test_other_ways_to_write_the_same_are_read_alike(text: str, shown: str) -> None:
    assert visible(text).text == shown


def test_what_is_folded_is_marked() -> None:
    text = "<details>\n<summary>The log</summary>\n\n```\nboom\n```\n\n</details>\n\nafter"
    lines = [line for line in visible(text).text.splitlines() if line]
    assert lines == [FOLDED, "The log", "```", "boom", "```", UNFOLDED, "after"]
    assert FOLDED not in visible("<details open>\n\nshown\n\n</details>").text


def test_pictures_and_formulas_leave_a_mark() -> None:
    assert visible("![a](b.png)").text == IMAGE
    assert visible("$\\phantom{a}$").text == FORMULA
    assert visible("![a](b.png) <img src='c.png'> <p hidden>![](d.png)</p> ![](b.png)").images == (
        "b.png",
        "c.png",
    )


def test_deep_nesting_and_long_texts_are_read() -> None:
    assert "deep" in visible("> " * 40 + "deep").text
    assert "after" in visible("$a " * 20_000 + "\n\nafter").text
    assert "after" in visible("<b " * 20_000 + "\n\nafter").text
    assert len(visible("<!-- a --> b\n\n" * 2000).dropped) == MAX_DROPPED


def test_a_title_is_no_markdown() -> None:
    assert visible_line("<!-- shown --> [a](b) \u202e").text == "<!-- shown --> [a](b) "
    assert [one.kind for one in visible_line("a\u3164").dropped] == ["hidden characters"]
