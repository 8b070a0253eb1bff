"""Both event loops for every async test; hypothesis profiles; what `-n` shares out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anyio
import platformdirs
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The embedded model's file, fetched once for all runs of this user."""
    from clubai.agent.backends.models import ensure_model

    cache = platformdirs.user_cache_path("clubai") / "models"

    async def ensure() -> Path:
        return await ensure_model(cache=cache, env=os.environ)

    return anyio.run(ensure)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden files anew instead of comparing with them",
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if hasattr(config, "workerinput"):
        from support.sharing import comes_first

        items.sort(key=lambda item: not comes_first(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from support.sharing import ByFile

    config.option.loadscopereorder = False
    return ByFile(config, log)
