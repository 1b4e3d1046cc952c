"""All languages. A new one is a module, a line here and rows in the tests' table of comments."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary
from dayhand.intake.languages.chinese import CHINESE
from dayhand.intake.languages.dutch import DUTCH
from dayhand.intake.languages.english import ENGLISH
from dayhand.intake.languages.french import FRENCH
from dayhand.intake.languages.german import GERMAN
from dayhand.intake.languages.italian import ITALIAN
from dayhand.intake.languages.japanese import JAPANESE
from dayhand.intake.languages.korean import KOREAN
from dayhand.intake.languages.polish import POLISH
from dayhand.intake.languages.portuguese import PORTUGUESE
from dayhand.intake.languages.russian import RUSSIAN
from dayhand.intake.languages.spanish import SPANISH
from dayhand.intake.languages.turkish import TURKISH

LANGUAGES: tuple[Vocabulary, ...] = (
    ENGLISH,
    GERMAN,
    FRENCH,
    SPANISH,
    PORTUGUESE,
    ITALIAN,
    DUTCH,
    POLISH,
    RUSSIAN,
    TURKISH,
    CHINESE,
    JAPANESE,
    KOREAN,
)
