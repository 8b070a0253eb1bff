"""ClubAI: a club's own inference network.

`Coordinator`, `Agent`, `Client` and `open_club` are all that a program needs; each is
loaded when it is first used, so that `import clubai` stays light.
"""

from __future__ import annotations

__version__ = "0.1.0.dev0"
