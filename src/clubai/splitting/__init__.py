"""Documents cut on meaningful borders: pure text in, chunks out; needs no club.

`split` makes chunks that a model can take one at a time, `join` is its inverse.
markdown-it-py reads Markdown and regex knows graphemes; where to cut is decided here.
semantic-text-splitter and semchunk were tried for that: `docs/splitting.md` says what
they do not promise.
"""

from clubai.splitting.chunks import Chunk, join, split
from clubai.splitting.kinds import DocumentKind, kind_of
from clubai.splitting.tokens import estimate_tokens

__all__ = ["Chunk", "DocumentKind", "estimate_tokens", "join", "kind_of", "split"]
