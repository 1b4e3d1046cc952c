"""The words of Japanese: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

JAPANESE = Vocabulary(
    actions=("修正", "直し", "追加", "実装", "変更", "削除", "更新", "改善", "置き換え", "対応", "作成", "書い", "触ら"),
    please=("お願い(?:します|いたします)?",),
    requests=("(?:して)?(?:ください|下さい)", "もらえま(?:す|せん)か", "いただけま(?:す|せん)か", "お願い", "してくれ", "してほしい"),
    explains=("説明", "教えて", "要約", "確認"),
    interrogatives=("なぜ", "どうして", "何", "どこ", "どう", "いつ", "誰", "どの"),
    negations=("しないで", "ないで", "やめて"),
    later_negations=("しないで", "ないで"),
    thanks=("ありがとう(?:ございます|ございました)?",),
    greetings=("こんにちは", "おはよう(?:ございます)?"),
    praise=("素晴らしい", "完璧(?:です)?", "いいですね"),
    assents=("はい", "お願いします", "進めて(?:ください)?", "やって(?:ください)?", "了解"),
    verbs={"stop": ("止めて", "停止", "中止"), "status": ("進捗", "状況"), "help": ("ヘルプ",), "retry": ("もう一度", "再試行")},
    verb_first=False,
    spaced=False,
)  # fmt: skip
