"""The words of Spanish: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

SPANISH = Vocabulary(
    actions=(
        "arréglalo", "arregl(?:a|ar|e|es|alo|arlo)", "corrig(?:e|es|elo)", "corregir(?:lo)?", "corrija", "añad(?:e|ir|as)",
        "agreg(?:a|ar|ues)", "elimin(?:a|ar|es)", "quit(?:a|ar|es)", "borr(?:a|ar|es)", "cambi(?:a|ar|es)",
        "renombr(?:a|ar)", "reemplaz(?:a|ar)", "implement(?:a|ar|es)", "haz(?:lo| esto)?", "hacer esto", "escrib(?:e|ir)",
        "cre(?:a|ar)", "actualiz(?:a|ar)", "mejor(?:a|ar)", "resuelv(?:e|elo)", "resolver", "us(?:a|ar)", "adelante",
        "to(?:ca|car|ques)", "ajust(?:a|ar|es)", "modifi(?:ca|car|ques)", "simplifi(?:ca|car)",
    ),
    please=("por favor", "porfa", "pf"),
    requests=("(?:puedes|podrías|podés|puede|podría)(?: (?:por favor|usted))?", "me ayudas a", "hay que"),
    explains=("explic(?:a|ar|ame|arme)", "describ(?:e|ir)", "resum(?:e|ir)", "dime", "revis(?:a|ar)"),
    interrogatives=("por qué", "(?:qué|cómo|cuándo|dónde|quién|cuál(?:es)?)", "(?:estás|sabes|crees) "),
    negations=("no", "nunca", "ni"),
    pronouns=("esto", "eso", "lo", "nada", "más", "todavía", "aún"),
    thanked=("(?:muchas |mil )?gracias por .*",),
    prohibitions=("no (?:hace falta|es necesario|hagas nada)",),
    thanks=("(?:muchas )?gracias",),
    greetings=("hola", "buenas", "buenos días"),
    praise=("perfecto", "genial", "(?:buen|gran|excelente) trabajo", "excelente"),
    fillers=("ahora", "también", "entonces", "sí", "vale", "bueno"),
    conditions=("si", "cuando", "antes", "después"),
    handovers=("deja(?: que)?", "puede"),
    assents=("sí", "si", "adelante", "hazlo", "de acuerdo", "dale"),
    verbs={
        "stop": ("para(?: ya)?", "detente", "cancela(?:r|lo)?"),
        "status": ("estado", "cómo va"),
        "help": ("ayuda",),
        "retry": ("otra vez", "inténtalo de nuevo", "reintenta(?:r)?"),
        "plan": ("haz un plan",),
        "accept": ("aceptado",),
    },
)  # fmt: skip
