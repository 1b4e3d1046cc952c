"""The words of Italian: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

ITALIAN = Vocabulary(
    actions=(
        "corregg(?:i|ere|ilo)", "sistem(?:a|are|alo)", "ripar(?:a|are)", "aggiung(?:i|ere)", "rimuov(?:i|ere)",
        "elimin(?:a|are)", "cambi(?:a|are)", "modific(?:a|are)", "rinomin(?:a|are)", "sostitu(?:isci|ire)",
        "implement(?:a|are)", "fallo", "fai questo", "scriv(?:i|ere)", "cre(?:a|are)", "aggiorn(?:a|are)",
        "miglior(?:a|are)", "risolv(?:i|ere)", "us(?:a|are)", "tocc?(?:a|are)", "adatt(?:a|are)", "sposta(?:re)?", "aggiust(?:a|are|alo)",
    ),
    please=("per favore", "per piacere", "perfavore"),
    requests=("(?:puoi|potresti|può|potrebbe)",),
    explains=("spieg(?:a|are|ami)", "descriv(?:i|ere)", "riassum(?:i|ere)", "dimmi", "controll(?:a|are)"),
    interrogatives=("perch[eéè]", "(?:che|cosa|come(?! up\\b)|quando|dove|chi|quale|quali)", "(?:sei|sai) "),
    negations=("non", "mai"),
    pronouns=("questo", "quello", "niente", "ancora", "più"),
    thanked=("(?:mille )?grazie (?:mille )?per .*",),
    prohibitions=("non (?:serve|importa|è necessario|fare (?:niente|nulla))",),
    thanks=("grazie(?: mille)?",),
    greetings=("ciao", "salve", "buongiorno"),
    praise=("perfetto", "ottimo(?: lavoro)?", "bravo"),
    fillers=("ora", "adesso", "anche", "allora", "sì"),
    conditions=("se", "quando", "prima", "dopo"),
    handovers=("lascia(?:te)?",),
    assents=("sì", "si", "procedi", "fallo", "vai", "d'accordo"),
    verbs={"stop": ("ferma(?:ti)?", "annulla", "basta(?: così)?"), "help": ("aiuto",), "retry": ("riprova", "di nuovo", "ancora")},
)  # fmt: skip
