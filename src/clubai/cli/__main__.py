"""`python -m clubai.cli` is `clubai`."""

from __future__ import annotations

from clubai.cli import main

if __name__ == "__main__":
    main()
