"""The words of Polish: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

POLISH = Vocabulary(
    actions=(
        "napraw(?:ić)?", "popraw(?:ić)?", "dodaj", "dodać", "usuń", "usunąć", "zmień", "zmienić", "zaimplementuj",
        "zaimplementować", "zrób", "zrobić", "napisz", "napisać", "zaktualizuj", "zaktualizować", "użyj", "użyć",
        "zamień", "stwórz", "rozwiąż", "ulepsz", "zmieniaj", "ruszaj", "dotykaj", "naprawiaj", "dodawaj", "usuwaj",
    ),
    please=("proszę",),
    requests=("czy (?:możesz|mógłbyś|mogłabyś)", "(?:możesz|mógłbyś|mogłabyś)"),
    explains=("wyjaśnij", "wyjaśnić", "opisz", "opisać", "powiedz", "sprawdź", "sprawdzić"),
    interrogatives=("(?:dlaczego|co|jak|kiedy|gdzie|kto|który|która|które|czemu)", "czy"),
    negations=("nie", "nigdy"),
    pronouns=("tego", "to", "tu", "jeszcze", "nic"),
    thanked=("(?:dziękuję|dzięki|dziękujemy) (?:bardzo )?za .*",),
    prohibitions=("nie$", "nie (?:trzeba|ma potrzeby|potrzeba)"),
    thanks=("dziękuję(?: bardzo)?", "(?:wielkie )?dzięki"),
    greetings=("cześć", "hej", "dzień dobry"),
    praise=("świetnie", "super", "dobra robota"),
    fillers=("teraz", "też", "więc", "ok"),
    conditions=("jeśli", "gdy", "zanim"),
    assents=("tak", "zrób to", "działaj", "zgoda"),
    verbs={"stop": ("przestań", "anuluj"), "help": ("pomoc",), "retry": ("jeszcze raz", "spróbuj ponownie")},
    verb_first=False,
)  # fmt: skip
