"""The words of Korean: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

KOREAN = Vocabulary(
    actions=("고쳐", "고치", "수정", "추가", "구현", "변경", "바꿔", "삭제", "업데이트", "개선", "작성", "리팩(?:터링|토링)", "정리", "옮겨", "건드리", "만들어"),
    please=("제발", "부탁(?:해요|드립니다)?"),
    requests=("주세요", "줘", "줄래", "주시겠", "부탁", "해라", "하세요"),
    explains=("설명", "알려", "요약", "확인"),
    interrogatives=("왜", "뭐", "무엇", "어떻게", "어디", "언제", "누가"),
    negations=("하지 ?마", "지 ?마"),
    later_negations=("하지 ?마", "지 ?마"),
    pronouns=("아직", "이거", "이건", "이것", "세요", "마세요"),
    prohibitions=("괜찮(?:아|습)", "아니요?$"),
    thanks=("감사(?:합니다|해요)", "고마워(?:요)?"),
    greetings=("안녕(?:하세요)?",),
    praise=("좋아요", "훌륭해요", "완벽해요"),
    assents=("네", "예", "진행해(?: ?주세요)?", "시작해(?: ?주세요)?", "해 ?주세요", "동의(?:합니다)?"),
    verbs={"stop": ("멈춰", "중지", "취소"), "status": ("상태",), "help": ("도움말",), "retry": ("다시", "다시 해줘")},
    verb_first=False,
    spaced=False,
)  # fmt: skip
