"""The words of Turkish: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

TURKISH = Vocabulary(
    actions=(
        "düzelt(?:in|ir)?", "ekle(?:yin|r)?", "kaldır(?:ın)?", "sil(?:in)?", "değiştir(?:in)?", "yap(?:ın|ar)?",
        "uygula(?:yın|r)?", "güncelle(?:yin|r)?", "yaz(?:ın|ar)?", "oluştur(?:un)?", "çöz(?:ün|er)?",
        "\\w+(?:ebilir|abilir)(?= mi)",
    ),
    please=("lütfen",),
    requests=("mi(?:sin|siniz)", "mı(?:sın|sınız)"),
    explains=("açıkla(?:yın|r)?", "anlat(?:ın|ır)?", "özetle(?:yin)?", "açıklayabilir"),
    interrogatives=("(?:neden|niye|niçin|nasıl|nerede|kim|hangi)",),
    negations=("asla",),
    later_negations=("\\w+(?:me|ma|meyin|mayın)",),
    thanks=("teşekkürler", "teşekkür ederim", "sağ ol"),
    greetings=("merhaba", "selam"),
    praise=("harika", "süper", "mükemmel"),
    fillers=("bunu", "şunu", "şimdi", "de", "da"),
    conditions=("eğer",),
    assents=("evet", "devam(?: et)?", "yap(?: bunu)?", "tamam"),
    verbs={"stop": ("dur", "iptal"), "help": ("yardım",), "retry": ("tekrar", "tekrar dene")},
    verb_first=False,
)  # fmt: skip
