"""Names of invented people, firms and places; a name says nothing about anybody who lives."""

from __future__ import annotations

from random import Random

BANK = "示例市商业银行"

_SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_FIRST = "建志国文明德永晓春海雅婉思雨佳欣子俊宇浩嘉书若静慧玉美秀红云雪梦诗一天立学景正光新少"
_SECOND = "华强军平辉斌杰勇涛鹏磊峰伟刚波宁芳敏娜丽燕玲洁婷颖琳莉萍霞兰蓉瑶琪轩然涵泽铭博远林清源"
_COLOURS = "青赤玄银铜玉墨碧丹翠"
_ANIMALS = "鹤鹿雁鹭鲤蝉鹊莺"
_GROUNDS = ("石港", "石矶", "湖口", "山塘", "岭下", "洲头", "桥埠", "溪湾")
_FIRM_WORDS = "宏达信诚恒泰瑞丰鼎盛隆昌华安兴业永康顺和嘉禾同德"
_TRADES = ("建材", "商贸", "机械", "食品", "纺织", "化工", "物流", "电子", "矿业", "包装", "医药", "印务")


def person_name(rng: Random) -> str:
    """Return a name of two or three characters."""
    given = rng.choice(_FIRST) + rng.choice(_SECOND) if rng.random() * 4 > 1 else rng.choice(_SECOND)
    return rng.choice(_SURNAMES) + given


def firm_name(rng: Random) -> str:
    """Return the name of a firm in the invented city."""
    return f"示例市{rng.choice(_FIRM_WORDS)}{rng.choice(_FIRM_WORDS)}{rng.choice(_TRADES)}有限公司"


def place_name(number: int) -> str:
    """Return the place with that number; the first 640 differ.

    >>> place_name(0), place_name(1), len({place_name(n) for n in range(640)})
    ('青鹤石港', '赤鹿石矶', 640)
    """
    colour = _COLOURS[number % 10]
    animal = _ANIMALS[(number + number // 10 // 4) % 8]
    ground = _GROUNDS[(number + number // 80) % 8]
    return colour + animal + ground
