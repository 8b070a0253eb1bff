from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clubai.storage import Store, open_store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "clubai.db"


@pytest.fixture(params=["memory", "sqlite"])
async def store(
    request: pytest.FixtureRequest, anyio_backend: str, database: Path
) -> AsyncIterator[Store]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{database}"
    async with open_store(url) as store:
        yield store
