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
    prohibitions=(
        "(?:düzelt|ekle|kaldır|sil|değiştir|yap|uygula|güncelle|yaz|oluştur|çöz|dokun)(?:me|ma)(?:yin|yın|yiniz|yınız)?",
    ),
    pronouns=("buna", "bunu", "şuna", "şunu", "hiç", "henüz"),
    thanked=("\\w+(?: \\w+)? için (?:çok )?teşekkür(?:ler| ederim)",),
    thanks=("teşekkürler", "teşekkür ederim", "sağ ol"),
    greetings=("merhaba", "selam"),
    praise=("harika", "süper", "mükemmel"),
    fillers=("bunu", "şunu", "şimdi", "de", "da"),
    conditions=("eğer",),
    assents=("evet", "devam(?: et)?", "yap(?: bunu)?", "tamam"),
    verbs={"stop": ("dur", "iptal"), "help": ("yardım",), "retry": ("tekrar", "tekrar dene")},
    verb_first=False,
)  # fmt: skip
