"""The headers of a response, looked over in one go. Pure.

Hypercorn and h11 each look at every header by itself, some twenty calls for one. All
headers of nearly all responses are plain; what is not is left for h11 to judge.
"""

from __future__ import annotations

import re
from typing import Final

from h11._headers import Headers

HeaderList = list[tuple[bytes, bytes]]

_PLAIN: Final = re.compile(
    rb"(?:"
    rb"[-!#$%&'*+.^_`|~0-9a-z]+\0"  # a token (RFC 9110, section 5.6.2), lower case
    rb"(?:[^\0\s]+(?:[ \t]+[^\0\s]+)*)?\n"  # neither a blank around it nor a line end
    rb")*"
)
_MOST_DIGITS: Final = 20


def looked_over(headers: HeaderList) -> Headers | HeaderList:
    """The headers as h11 takes them without a look; bare of blanks where it has to."""
    lines = b"".join([b"%b\0%b\n" % (name, value) for name, value in headers])
    if not _PLAIN.fullmatch(lines) or lines.count(b"\n") != len(headers):
        return _bare(headers)
    try:
        named = dict(headers)
    except TypeError:  # a name in a buffer that may change
        return _bare(headers)
    length = named.get(b"content-length", b"0")
    if (
        len(named) != len(headers)  # h11 knows which may come twice
        or b"transfer-encoding" in named
        or not length.isdigit()
        or len(length) > _MOST_DIGITS
    ):
        return _bare(headers)
    return Headers([(name, name, bytes(value)) for name, value in headers])


def _bare(headers: HeaderList) -> HeaderList:
    return [(bytes(name).strip(), bytes(value).strip()) for name, value in headers]
