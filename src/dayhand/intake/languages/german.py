"""The words of German: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

GERMAN = Vocabulary(
    actions=(
        "behebe?n?", "beheb", "fixe?n?", "korrigiere?n?", "repariere?n?", "ändere?n?", "füge?n?", "hinzufügen",
        "ergänze?n?", "entferne?n?", "lösche?n?", "ersetze?n?", "umbenennen", "benenne", "implementiere?n?", "umsetzen",
        "setze?", "mache?n?", "erstelle?n?", "schreibe?n?", "aktualisiere?n?", "verbessere?n?", "löse?n?", "erledige?n?",
        "übernimm", "übernehmen", "kümmere? dich", "leg los", "anfassen", "einbauen", "baue?n?", "nimm", "verwende?n?",
        "teste?n? hinzu", "refaktorisiere?n?", "(?:um|ver|an)?schreibe?n?", "anpassen", "passe?", "überarbeite?n?", "anlegen", "beseitige?n?", "vereinfache?n?",
        "um (?:eine )?(?:korrektur|behebung)", "bearbeite?n?",
    ),
    please=("bitte",),
    requests=("(?:kannst|könntest|würdest|willst|magst) du", "(?:können|könnten|würden) sie"),
    explains=("erklären?", "erkläre?", "beschreibe?n?", "zeige?n?", "sage?n?", "fasse?", "prüfe?n?", "zusammenfassen"),
    interrogatives=(
        "(?:warum|wieso|weshalb|was|wie|wo|woher|wann|wer|wen|welche[rsnm]?)",
        "(?:bist|hast|weißt|meinst|glaubst) du",
        "(?:ist|sind|war|hat|wird|muss|sollte) (?:das|dies|es|der|die|man|hier)(?! (?:schon|bereits|gut|super|toll))",
        "gibt es",
    ),
    negations=("nicht", "kein(?:e|en)?", "nie", "bloß nicht"),
    later_negations=("nicht", "noch nicht"),
    prohibitions=("nein$", "nicht (?:mehr )?nötig", "nichts (?:ändern|tun|machen|anfassen)", "lass (?:das|es|die finger)\\b", "finger weg", "nicht (?=nötig)", "warte?n?(?: (?:mal|noch|damit|bitte))*$"),
    pronouns=("das", "dies(?:e|es)?", "es", "hier", "noch", "jetzt", "mehr", "sein", "bitte"),
    thanked=("(?:vielen |besten |herzlichen )?dank(?:e)? für .*",),
    third_person=("hat", "ist", "war", "wird"),
    thanks=("danke(?: (?:dir|schön|sehr))?", "vielen dank", "besten dank"),
    greetings=("hallo", "moin", "guten (?:morgen|tag)", "servus"),
    praise=("super(?: gemacht)?", "top(?: gemacht)?", "klasse", "toll", "prima", "gut gemacht", "sieht gut aus", "passt"),
    fillers=("mal", "doch", "jetzt", "noch", "auch", "das", "dann", "ok", "nun"),
    conditions=("wenn", "falls", "bevor", "nachdem", "sobald", "weil"),
    handovers=("lass(?:t)?(?: uns)?", "kann", "könnte", "soll"),
    assents=("ja", "mach (?:das|es)", "leg los", "los(?: geht's)?", "einverstanden", "gerne?", "passt", "fang an"),
    verbs={
        "stop": ("stopp", "hör auf(?: damit)?", "abbrechen", "brich(?: das)? ab", "aufhören", "halt"),
        "status": ("wie (?:läuft es|ist der stand|weit bist du)", "stand"),
        "help": ("hilfe",),
        "retry": ("nochmals?", "noch ?(?:ein)?mal", "versuch(?:e)? es (?:noch ?(?:ein)?mal|erneut)"),
        "plan": ("mach(?:e)?(?: erst)? einen plan",),
        "accept": ("akzeptiert", "angenommen"),
    },
    verb_first=False,
)  # fmt: skip
