"""GitHub's mathematics, `$…$` and `$$…$$`: a formula is passed on only if it shows all that is written in it.

https://docs.github.com/get-started/writing-on-github/working-with-advanced-formatting/writing-mathematical-expressions
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

TOKEN = "formula"  # noqa: S105 - the type of our tokens
COMMAND = re.compile(r"\\([A-Za-z]+)")
UNSHOWN = re.compile(r"(?<!\\)%|<[!?/A-Za-z]|\]\(")  # TeX's comments, HTML, and what may be a link
# Commands that draw something or arrange it, and hide nothing: any other may (`\phantom`, `\color`, `\def`, `\href`).
_COMMANDS = """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau upsilon
    phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
    frac dfrac tfrac binom sqrt sum prod int iint oint lim limsup liminf sup inf max min log ln exp sin cos tan arg det dim
    gcd ker Pr bmod pmod mod times cdot div pm mp ast star circ bullet oplus otimes cup cap setminus wedge vee land lor
    neg lnot forall exists nexists in notin ni subset subseteq supset supseteq emptyset varnothing infty partial nabla
    leq le geq ge neq ne approx equiv sim simeq cong propto ll gg to gets mapsto rightarrow leftarrow Rightarrow Leftarrow
    leftrightarrow Leftrightarrow implies iff uparrow downarrow longrightarrow
    left right big Big bigg Bigg lfloor rfloor lceil rceil langle rangle lvert rvert lVert rVert vert Vert mid parallel
    ldots cdots vdots ddots dots quad qquad text textbf textit texttt textrm mathrm mathbf mathit mathbb mathcal mathfrak
    mathsf mathtt operatorname hat bar vec tilde dot ddot overline underline widehat widetilde overbrace underbrace
    begin end hline limits nolimits displaystyle prime ell hbar Re Im aleph angle triangle deg
"""
DRAWING = frozenset(_COMMANDS.split())


def shows_everything(formula: str) -> bool:
    r"""Whether a formula has only commands that are known to draw, and no comment.

    >>> shows_everything(r"\frac{a}{b}"), shows_everything(r"\phantom{a}"), shows_everything("a % b")
    (True, False, False)
    """
    return not UNSHOWN.search(formula) and DRAWING.issuperset(COMMAND.findall(formula))


def enable(parser: MarkdownIt) -> None:
    """Let the parser recognize formulas that hold a command or a comment; others are ordinary text."""
    parser.inline.ruler.before("escape", TOKEN, _rule)


def _rule(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it calls it so
    if state.src[state.pos] != "$":
        return False
    end = _end(state.src, state.pos, state.posMax)
    source = state.src[state.pos : end]
    if end < 0 or not (COMMAND.search(source) or "%" in source):
        return False
    if not silent:
        state.push(TOKEN, "", 0).content = source
    state.pos = end
    return True


def _end(source: str, begin: int, maximum: int) -> int:
    """Where the formula that begins here ends; -1 where none begins."""
    for opening, closing in (("$$", "$$"), ("$`", "`$")):
        if source.startswith(opening, begin):
            end = source.find(closing, begin + 2, maximum)
            return end + 2 if end >= 0 else -1
    if source[begin + 1 : begin + 2].isspace():
        return -1
    places = _closing(source)
    first = bisect_right(places, begin + 1)
    return places[first] + 1 if first < len(places) and places[first] < maximum else -1


@lru_cache(maxsize=8)
def _closing(source: str) -> tuple[int, ...]:
    """Where a dollar sign may end a formula: kept, since a text may have thousands."""
    return tuple(match.start() for match in re.finditer(r"(?<![\s\\])\$(?![^\W_])", source))
