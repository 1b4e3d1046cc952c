"""The words of French: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

FRENCH = Vocabulary(
    actions=(
        "corrig(?:e|er|ez)", "répar(?:e|er|ez)", "ajout(?:e|er|ez)", "supprim(?:e|er|ez)", "enlev(?:e|er|ez)",
        "renomm(?:e|er|ez)", "remplac(?:e|er|ez)", "implément(?:e|er|ez)", "modifi(?:e|er|ez)", "chang(?:e|er|ez)",
        "fai(?:s|tes)(?: ça|-le| cela)", "faire (?:ça|cela)", "écri(?:s|re|vez)", "cré(?:e|er|ez)",
        "met(?:s|tre|tez) à jour", "amélior(?:e|er|ez)", "résou(?:s|dre)", "utilis(?:e|er|ez)", "occupe-toi", "vas-y",
        "touch(?:e|er|ez)", "fixe(?:r|z)?", "adapt(?:e|er|ez)", "nettoi?y?(?:e|er|ez)", "simplifi(?:e|er|ez)",
    ),
    please=("s'il (?:te|vous) pla[iî]t", "stp", "svp", "merci de", "veuillez"),
    requests=(
        "(?:peux|pourrais)(?:-| )tu", "(?:pouvez|pourriez)(?:-| )vous", "tu (?:peux|pourrais)", "est-ce que tu peux", "il faut(?:drait)?",
    ),
    explains=("expliqu(?:e|er|ez)(?:-moi|-nous)?", "décri(?:s|re|vez)", "résum(?:e|er|ez)", "dis-moi", "vérifi(?:e|er|ez)"),
    interrogatives=(
        "(?:pourquoi|comment|quand|où|qui|quel(?:le)?s?|qu'est-ce|combien)", "est-ce(?: que)?", "(?:es|as|crois|penses)-tu", "c'est quoi",
    ),
    negations=("ne", "n'", "pas besoin", "jamais"),
    pronouns=("pas", "ça", "cela", "ce", "à", "plus", "encore"),
    thanked=("merci (?:beaucoup |bien )?pour .*",),
    prohibitions=("non$", "pas (?:la peine|besoin|nécessaire)"),
    thanks=("merci(?: (?:beaucoup|bien))?",),
    greetings=("bonjour", "salut", "coucou"),
    praise=("(?:c'est )?(?:parfait|super|génial|top|nickel|très bien)", "super", "bravo", "génial", "bon travail", "nickel"),
    fillers=("alors", "donc", "maintenant", "aussi", "oui", "d'accord"),
    conditions=("si", "quand", "avant", "après", "dès que"),
    handovers=("laisse(?:z)?", "(?:peut|pourrait)-on laisser"),
    assents=("oui", "vas-y", "allez-y", "fais-le", "d'accord", "fonce"),
    verbs={
        "stop": ("arrête(?:z)?(?: ça| tout)?", "annule(?:r|z)?", "stop(?:pe)?", "laisse tomber"),
        "status": ("statut", "ça avance", "où en es-tu"),
        "help": ("aide", "à l'aide"),
        "retry": ("réessa(?:ye|ie)(?:r|z)?", "encore une fois", "recommence"),
        "plan": ("fais un plan",),
        "accept": ("accepté",),
    },
)  # fmt: skip
