"""Varied texts that show where tokenizers differ: scripts, digits, code, white space, emoji."""

import random

SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "I'll say it's theirs; they've said we're wrong, I'd say you CAN'T, won't, SHOULDN'T.",
    "O'Neill's '90s rock'n'roll ’tis “quoted” — and – dashes… done",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Straße, Fuß, ÄÖÜ",
    "Portez ce vieux whisky au juge blond qui fume, s'il vous plaît, à l'œuvre où naïveté",
    "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío; ¡añoraba! ¿qué?",
    "Съешь же ещё этих мягких французских булок, да выпей чаю",
    "Ο καλύμνιος σφουγγαράς ψιθύρισε πως θα βουτήξει χωρίς να διστάζει",
    "いろはにほへと ちりぬるを 漢字とカタカナと、ひらがな。全角１２３ＡＢＣ",
    "敏捷的棕色狐狸跳过了懒狗。价格是一百二十三元，即￥123.45！",
    "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다.",
    "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر ١٢٣٤٥",
    "דג סקרן שט בים מאוכזב ולפתע מצא חברה",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश १२३",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน",
    "Tiếng Việt có dấu: Trăm năm trong cõi người ta, chữ tài chữ mệnh khéo là ghét nhau",
    "Pijamalı hasta yağız şoföre çabucak güvendi. İstanbul, ığdır",
    "emoji 😀😃 👨‍👩‍👧‍👦 🇩🇪🇯🇵 👍🏽 ❤️ ☕️ ✅ 🏳️‍🌈 end",
    "combining: e\u0301 a\u0308 n\u0303 \u1100\u1161\u11a8 Z\u0351\u036b\u0343a\u0329l\u0301go",
    "numbers 0 1 12 123 1234 12345 1234567890 3.14159 1,000,000 1e-9 0xDEADBEEF ½ ² Ⅻ 七",
    "dates 2024-02-29T23:59:59.999Z, 10:30am, +49 (0)30 1234-5678, v1.2.3-rc4, IPv6 fe80::1%eth0",
    "symbols !@#$%^&*()_+-=[]{}|;':\",./<>?`~ §±€£¥©®™°µ¶ ≤≥≠∞∑∫√ →←↑↓ ■□▪",
    'def f(x: int) -> str:\n    return f"{x!r:>10}"  # comment\n\n\nclass A(B):\n\tpass\n',
    "for (int i = 0; i < n; ++i) { a[i] += b[i] * 2; } // done\r\n\r\n#include <stdio.h>\r\n",
    '<div class="x y">&nbsp;Hello&amp;</div>\n<!-- comment -->\n{"key": [1, 2.5, null, true]}',
    "SELECT * FROM t WHERE a='b' AND c IN (1,2,3) ORDER BY d DESC LIMIT 10;",
    "https://example.com/path/to?query=1&b=%20#frag me@example.org C:\\Windows\\System32",
    "camelCaseWord snake_case_word kebab-case-word SCREAMING_CASE x86_64 iPhone15Pro",
    "a  b   c    d     e      f\t\tg\t \th \u00a0nbsp\u2003em\u200bzero\u3000wide",
    "line one\nline two\n\nline four\n\n\n  indented\n    more\n\t\ttabs   \n   ",
    "   leading and trailing   ",
    "\n\n\r\n \n\t",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis aaaaaaaaaaaaaaaa",
    "#!/bin/sh\nset -eu\nls -la | grep -v '^d' > /dev/null 2>&1 && echo \"$HOME\" || exit 1\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n* item\n* **bold** _it_ `code` ~~no~~\n\n```py\nx=1\n```",
    "$$\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}$$ and \\alpha_{i,j}^{2}",
    "ALL CAPS TEXT WITH 'QUOTES' AND N'T 'S 'RE 'VE 'LL 'D 'M",
    "\ufeffbyte order mark, \u202eright to left\u202c, \x01\x02 control, \x7f delete",
    "\U0001d4d7\U0001d4ee\U0001d4f5\U0001d4f5\U0001d4f8 \U00020000\U0002a6d6 \U0001f9ff",
    "",
    " ",
    "a",
    "'",
    "1",
    "é",
    "\n",
)
CHARACTERS = (
    "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789      \n\t.,;:!?'\"-_()[]{}<>/\\|@#$%^&*+=~`"
    "äöüßéèçñøåžłшжяαβγ漢字かな한글אبगข€£→∑😀👍½²"
)


def varied_texts(seed: int = 20260701) -> list[str]:
    """The sentences, and pieces and mixtures of them: 400 texts, the same every time."""
    chosen = random.Random(seed)
    texts = list(SENTENCES)
    while len(texts) < 250:
        text = chosen.choice(SENTENCES)
        start = chosen.randrange(len(text) + 1)
        other = chosen.choice(SENTENCES)
        texts.append(text[start:] + chosen.choice(("", " ", "\n", "  ", "'")) + other[:start])
    while len(texts) < 400:
        length = chosen.randrange(1, 60)
        texts.append("".join(chosen.choice(CHARACTERS) for _ in range(length)))
    return texts
