"""The words of Polish: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

POLISH = Vocabulary(
    actions=(
        "napraw(?:ić)?", "popraw(?:ić)?", "dodaj", "dodać", "usuń", "usunąć", "zmień", "zmienić", "zaimplementuj",
        "zaimplementować", "zrób", "zrobić", "napisz", "napisać", "zaktualizuj", "zaktualizować", "użyj", "użyć",
        "zamień", "stwórz", "rozwiąż", "ulepsz",
    ),
    please=("proszę",),
    requests=("czy (?:możesz|mógłbyś|mogłabyś)", "(?:możesz|mógłbyś|mogłabyś)"),
    explains=("wyjaśnij", "wyjaśnić", "opisz", "opisać", "powiedz", "sprawdź", "sprawdzić"),
    interrogatives=("(?:dlaczego|co|jak|kiedy|gdzie|kto|który|która|które|czemu)", "czy"),
    negations=("nie", "nigdy"),
    thanks=("dziękuję", "dzięki"),
    greetings=("cześć", "hej", "dzień dobry"),
    praise=("świetnie", "super", "dobra robota"),
    fillers=("teraz", "też", "więc", "ok"),
    conditions=("jeśli", "gdy", "zanim"),
    assents=("tak", "zrób to", "działaj", "zgoda"),
    verbs={"stop": ("przestań", "anuluj"), "help": ("pomoc",), "retry": ("jeszcze raz", "spróbuj ponownie")},
    verb_first=False,
)  # fmt: skip
