"""The words of Portuguese: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

PORTUGUESE = Vocabulary(
    actions=(
        "corrij(?:a|am)", "corrig(?:e|ir)", "consert(?:a|e|ar)", "arrum(?:a|e|ar)", "adicion(?:a|e|ar)",
        "remov(?:a|e|er)", "mud(?:a|e|ar)", "renomei(?:a|e)", "substitu(?:a|i|ir)", "implement(?:a|e|ar)", "faça",
        "fazer isso", "escrev(?:a|e|er)", "cri(?:a|e|ar)", "atualiz(?:a|e|ar)", "melhor(?:a|e|ar)", "resolv(?:a|e|er)",
        "us(?:a|e|ar)", "ajust(?:a|e|ar)", "mex(?:a|e|er)", "alter(?:a|e|ar)", "troqu?(?:e|a|ar)",
    ),
    please=("por favor", "pfv", "por gentileza"),
    requests=("d[áa] (?:pra|para)(?: você)?", "tem como(?: você)?", "(?:você )?(?:pode|poderia|consegue)(?: você)?"),
    explains=("expli(?:ca|que|car)", "descrev(?:a|e|er)", "resum(?:a|e|ir)", "me diga", "revis(?:a|e|ar)"),
    interrogatives=("por ?qu[eê]", "(?:o que|como|quando|onde|quem|qual|quais)", "você (?:tem certeza|sabe|acha)"),
    negations=("não", "nunca", "nem"),
    pronouns=("isso", "isto", "nisso", "nisto", "nada", "mais", "ainda"),
    thanked=("(?:muito )?obrigad[oa] (?:por|pela|pelo) .*",),
    prohibitions=("não$", "não (?:precisa|é preciso|faça nada)"),
    thanks=("(?:muito )?obrigad[oa]", "valeu"),
    greetings=("olá", "oi", "bom dia"),
    praise=("perfeito", "ótimo", "bom trabalho", "excelente"),
    fillers=("agora", "também", "então", "sim"),
    conditions=("se", "quando", "antes", "depois"),
    handovers=("deix(?:a|e)", "pode"),
    assents=("sim", "pode (?:fazer|ir)", "faça(?: isso)?", "vai em frente", "de acordo"),
    verbs={
        "stop": ("pare", "cancel(?:a|e|ar)"),
        "help": ("ajuda",),
        "retry": ("de novo", "tente (?:de novo|novamente)"),
    },
)  # fmt: skip
