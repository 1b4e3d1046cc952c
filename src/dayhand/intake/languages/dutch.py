"""The words of Dutch: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

DUTCH = Vocabulary(
    actions=(
        "los(?= .*\\bop\\b)", "oplossen", "repareer", "repareren", "fix(?:en)?", "voeg", "toevoegen", "verwijder(?:en)?",
        "verander(?:en)?", "wijzig(?:en)?", "hernoem(?:en)?", "vervang(?:en)?", "implementeer", "implementeren", "maak",
        "maken", "schrijf", "schrijven", "verbeter(?:en)?", "doe dit", "gebruik(?:en)?", "pak(?: dit)? op", "aanpassen", "pas(?= .*\\baan\\b)", "aanraken", "opschonen",
    ),
    please=("alsjeblieft", "aub", "graag"),
    requests=("(?:kun|kan|wil|zou) (?:je|jij|u)",),
    explains=("leg uit", "uitleggen", "beschrijf", "vat samen", "controleer", "vertel"),
    interrogatives=("(?:waarom|wat|hoe|wanneer|waar|wie|welke?)", "(?:ben|weet|denk) (?:je|jij)", "is (?:dit|dat|het|er)"),
    negations=("niet", "geen", "nooit"),
    later_negations=("niet",),
    pronouns=("dit", "dat", "het", "hier", "nog", "meer", "aan"),
    thanked=("(?:hartelijk )?(?:bedankt|dank(?: je| u)?(?: wel)?) voor .*",),
    prohibitions=("nee$", "niet (?:meer )?nodig", "laat maar"),
    thanks=("bedankt", "dank (?:je|u)(?: wel)?"),
    greetings=("hoi", "hallo", "goedemorgen"),
    praise=("goed gedaan", "perfect", "mooi", "top"),
    fillers=("nu", "ook", "dan", "even"),
    conditions=("als", "wanneer", "voordat", "nadat"),
    handovers=("laat", "kan"),
    assents=("ja", "doe maar", "ga je gang", "ga door", "akkoord"),
    verbs={"stop": ("stoppen", "hou op"), "help": ("hulp",), "retry": ("opnieuw", "nog een keer", "probeer het opnieuw")},
    verb_first=False,
)  # fmt: skip
