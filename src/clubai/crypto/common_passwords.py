"""Passwords that everybody tries first, of those that are long enough.

Compiled for ClubAI from what people do: keyboard rows, counting, a word with a number
behind it, a phrase from a song. It is short on purpose: it needs no network and no
file, and stops what a guesser tries within a day at five tries a minute.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_WORDS: Final = """
0000000000 0123456789 0987654321 1029384756 1111111111 1122334455 1212121212
1223334444 1231231234 123123123123 1234512345 1234554321 123456123456 1234567890
12345678900 12345678901 123456789012 1234567891 12345678910 123456789a 1234567890a
123456789q 1234567890q 123456789987654321 123qweasdzxc 1357924680 147258369 1472583690
1478963250 147852369 1478523690 1q2w3e4r5t 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc
1qaz1qaz1qaz 1qazxsw23edc 2222222222 3141592653 3141592654 5555555555 6666666666
7777777777 8888888888 9876543210 9999999999 999999999999 a123456789 a1b2c3d4e5
a1b2c3d4e5f6 aaaaaaaaaa abc1234567 abc123abc123 abcd123456 abcde12345 abcdefghij
abcdefghijk admin12345 admin123456 administrator adminadmin administration
asdasdasdasd asdf123456 asdfasdfasdf asdfghjkl1 asdfghjkl123 asdfghjkl; azertyuiop
baseball123 basketball basketball1 batman12345 butterfly1 butterfly123 changeme123
changemenow changeme1234 charlie123 chocolate1 chocolate123 computer123 correcthorse
correcthorsebatterystaple defaultpassword dragon1234 dragon12345 football10
football12 football123 football1234 freedom123 helloworld helloworld1 helloworld123
hello12345 hello123456 iloveyou12 iloveyou123 iloveyou1234 iloveyou12345 iloveyouso
iloveyousomuch jennifer123 letmein123 letmein1234 letmein12345 liverpool1
liverpool123 loveyou123 lovelovelove manchester master1234 michael123 michelle123
monkey1234 monkey12345 motdepasse motdepasse1 mypassword mypassword1 mypassword123
p@ssw0rd123 pa55word123 passw0rd12 passw0rd123 password00 password01 password10
password11 password12 password123 password1234 password12345 password123456
password1! password12! password123! password2024 password2025 password2026
passwordpassword passw0rd1234 pokemon123 princess12 princess123 q1w2e3r4t5
q1w2e3r4t5y6 qazwsxedc1 qazwsxedc123 qazwsxedcrfv qwe123qwe123 qwer123456
qwerasdfzxcv qwerty12345 qwerty123456 qwerty1234 qwerty1234567 qwertyqwerty
qwertyuiop qwertyuiop1 qwertyuiop123 qwertyuiop[] qwertzuiop samsung123 starwars123
sunshine12 sunshine123 superman12 superman123 testtest123 test123456 test123test
thisismypassword trustno1trustno1 unbelievable welcome123 welcome1234 welcome12345
welcome2024 welcome2025 welcome2026 whatever123 yourpassword zaq12wsxcde3
zaq1zaq1zaq1 zxcvbnm123 zxcvbnm1234 zxcvbnmzxcvbnm
"""
COMMON: Final = frozenset(word for word in _WORDS.split() if len(word) >= 10)


def is_common(password: str) -> bool:
    """Tell whether it is one of them, without regard to case and outer spaces."""
    return unicodedata.normalize("NFC", password).casefold().strip() in COMMON
