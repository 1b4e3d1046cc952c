"""The words of Chinese: see `base.py`."""

from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

CHINESE = Vocabulary(
    actions=(
        "修复", "修一下", "修改", "修正", "修好", "加个", "加一个", "添加", "增加", "加上", "实现", "改成", "改一下",
        "改为", "删除", "删掉", "更新", "替换", "重命名", "重构", "解决", "处理", "优化", "碰", "动", "改",
    ),
    please=("请", "麻烦"),
    requests=("请", "帮", "能不能", "能否", "可以", "可不可以", "麻烦", "一下"),
    explains=("解释", "说明", "告诉", "总结", "检查"),
    interrogatives=("为什么", "为何", "怎么", "什么", "哪", "是不是", "请问"),
    pronouns=("这个", "这", "它", "先", "了", "吧"),
    negations=("不要", "别", "不用", "无需", "不必"),
    prohibitions=("不用(?:了|$)", "不必"),
    thanks=("谢谢(?:你)?", "感谢", "多谢"),
    greetings=("你好",),
    praise=("很好", "辛苦了", "干得好", "不错", "太棒了"),
    assents=("好的?", "可以", "开始吧?", "做吧", "同意", "是的?"),
    verbs={"stop": ("停止", "停", "取消"), "status": ("状态", "进度"), "help": ("帮助",), "retry": ("重试", "再试一次")},
    verb_first=False,
    spaced=False,
)  # fmt: skip
