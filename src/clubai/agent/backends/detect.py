"""Finds out which model server answers, by asking with GET and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio
import msgspec

from clubai.agent.backends.base import Backend
from clubai.agent.backends.http import Document, Http, base_url
from clubai.agent.backends.llamacpp import LlamaCppBackend
from clubai.agent.backends.lmstudio import LMStudioBackend
from clubai.agent.backends.localai import LocalAIBackend
from clubai.agent.backends.ollama import OllamaBackend
from clubai.agent.backends.openai import OpenAIBackend
from clubai.agent.backends.vllm import VLLMBackend
from clubai.errors import BackendError, ConfigError
from clubai.model import FailCode

PROBE_SECONDS: Final = 1.5
PORTS: Final = (1234, 11434, 9931, 8080, 8000, 5000)
"""Where the servers listen unless told otherwise; asked in this order."""
VARIABLES: Final = {
    "CLUBAI_BACKEND_URL": 80,
    "OPENAI_BASE_URL": 80,
    "OLLAMA_HOST": 11434,
    "LMSTUDIO_HOST": 1234,
    "LMSTUDIO_URL": 1234,
}
"""The variables that name a server, and the port where they name none."""
KINDS: Final = ("llamacpp", "lmstudio", "localai", "ollama", "vllm", "generic")

HOW_TO_START: Final = (
    "start one (`lms server start`, `ollama serve`, `llama-server -m MODEL.gguf`), "
    "give its address, or use the embedded model"
)

_PATHS: Final = (
    "/props",
    "/v1/models",
    "/api/v1/models",
    "/api/v0/models",
    "/readyz",
    "/version",
    "/",
    "/api/version",
)

_Answers = dict[str, Document]


class _Candidate(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    source: str
    named: bool
    """Somebody named it: what answers there is taken even without a model."""


async def detect(
    url: str = "",
    *,
    api_key: str = "",
    kind: str = "",
    slots: int = 0,
    env: Mapping[str, str] | None = None,
    ports: tuple[int, ...] = PORTS,
) -> Backend:
    """Find the model server and say what it is.

    With `url` only that address is asked. Otherwise the addresses in `env` are, in the
    order of `VARIABLES`, and only where none is set the usual ports of this machine.
    `kind` skips the question of what it is; `slots` above 0 wins over what it says.

    Raises:
        BackendError: none answers; the message lists what was tried.
        ConfigError: `url`, `kind` or a variable cannot be used.
    """
    if kind and kind not in KINDS:
        raise ConfigError("backend kind", kind, f"one of {', '.join(KINDS)}")
    env = env or {}
    tried = []
    for candidate in _candidates(url, env, ports):
        http = Http(candidate.url, api_key=api_key)
        answers = await _ask(http)
        if not answers:
            tried.append(f"{candidate.source}: nothing answers")
            continue
        make = _by_kind(kind, answers) if kind else _verdict(answers, candidate.named)
        if isinstance(make, str):
            tried.append(f"{candidate.source}: {make}")
            continue
        return make(http, slots, env)
    raise BackendError(
        FailCode.BACKEND,
        f"no model server found. Tried {'; '.join(tried)}. To fix it, {HOW_TO_START}.",
    )


_Make = Callable[[Http, int, Mapping[str, str]], Backend]


def _candidates(
    url: str, env: Mapping[str, str], ports: tuple[int, ...]
) -> list[_Candidate]:
    if url:
        base = base_url(url)
        return [_Candidate(url=base, source=base, named=True)]
    named: dict[str, str] = {}
    for variable, port in VARIABLES.items():
        if env.get(variable, "").strip():
            base = base_url(env[variable], port=port)
            named.setdefault(base, f"{base} ({variable})")
    if named:
        return [
            _Candidate(url=base, source=source, named=True)
            for base, source in named.items()
        ]
    bases = [f"http://127.0.0.1:{port}" for port in ports]
    return [_Candidate(url=base, source=base, named=False) for base in bases]


async def _ask(http: Http) -> _Answers:
    """Ask every question at once; what does not answer in time is left out."""
    answers: _Answers = {}

    async def ask(path: str) -> None:
        try:
            answers[path] = await http.get(path, seconds=PROBE_SECONDS)
        except BackendError:
            return  # silence is an answer here

    async with anyio.create_task_group() as tasks:
        for path in _PATHS:
            tasks.start_soon(ask, path)
    return answers


def _verdict(answers: _Answers, named: bool) -> _Make | str:
    """How to make the backend, or why this is none. The order of the rules matters."""
    models = _rows(answers, "/v1/models", "data")
    if any("clubai" in row or row.get("owned_by") == "clubai" for row in models):
        return "this is a club's own address, not a model server"
    if _is_llamacpp(answers):
        return _llamacpp
    if _lists(answers, "/api/v1/models", "models", "loaded_instances"):
        return _lmstudio_v1
    if _lists(answers, "/api/v0/models", "data", "state"):
        return _lmstudio_v0
    if _is_localai(answers):
        return _localai
    if _is_ollama(answers):
        return _ollama
    if any(row.get("owned_by") == "vllm" or "max_model_len" in row for row in models):
        return _vllm
    if models or (named and _lists(answers, "/v1/models", "data", "id")):
        return _generic
    if any(found.status in (401, 403) for found in answers.values()):
        return "it wants an API key"
    return "it answers, but lists no models"


def _by_kind(kind: str, answers: _Answers) -> _Make:
    if kind == "lmstudio" and _lists(answers, "/api/v0/models", "data", "state"):
        v1 = _lists(answers, "/api/v1/models", "models", "loaded_instances")
        return _lmstudio_v1 if v1 else _lmstudio_v0
    return _MAKERS[kind]


def _is_llamacpp(answers: _Answers) -> bool:
    return "total_slots" in _json(answers, "/props") or any(
        found.software.startswith("llama.cpp") for found in answers.values()
    )


def _is_localai(answers: _Answers) -> bool:
    ready = answers.get("/readyz")
    return (
        ready is not None
        and ready.status in (200, 503)
        and isinstance(_json(answers, "/version").get("version"), str)
        and _lists(answers, "/v1/models", "data", "id")
    )


def _is_ollama(answers: _Answers) -> bool:
    home = answers.get("/")
    greets = home is not None and home.body.strip() == b"Ollama is running"
    return greets or isinstance(_json(answers, "/api/version").get("version"), str)


def _json(answers: _Answers, path: str) -> dict[str, Any]:
    found = answers.get(path)
    return {} if found is None else found.json_object()


def _rows(answers: _Answers, path: str, field: str) -> list[dict[str, Any]]:
    found = _json(answers, path).get(field)
    if not isinstance(found, list):
        return []
    return [row for row in found if isinstance(row, dict)]


def _lists(answers: _Answers, path: str, field: str, mark: str) -> bool:
    """Whether `path` answers a list whose rows, if there are any, all have `mark`."""
    found = _json(answers, path).get(field)
    return isinstance(found, list) and all(
        isinstance(row, dict) and mark in row for row in found
    )


def _llamacpp(http: Http, slots: int, _env: Mapping[str, str]) -> Backend:
    return LlamaCppBackend(http, slots=slots)


def _lmstudio_v1(http: Http, slots: int, _env: Mapping[str, str]) -> Backend:
    return LMStudioBackend(http, slots=slots, api=1)


def _lmstudio_v0(http: Http, slots: int, _env: Mapping[str, str]) -> Backend:
    return LMStudioBackend(http, slots=slots, api=0)


def _localai(http: Http, slots: int, _env: Mapping[str, str]) -> Backend:
    return LocalAIBackend(http, slots=slots)


def _ollama(http: Http, slots: int, env: Mapping[str, str]) -> Backend:
    parallel = env.get("OLLAMA_NUM_PARALLEL", "")
    return OllamaBackend(
        http, slots=slots, parallel=int(parallel) if parallel.isdecimal() else 0
    )


def _vllm(http: Http, slots: int, _env: Mapping[str, str]) -> Backend:
    return VLLMBackend(http, slots=slots)


def _generic(http: Http, slots: int, _env: Mapping[str, str]) -> Backend:
    return OpenAIBackend(http, slots=slots)


_MAKERS: Final[dict[str, _Make]] = {
    "llamacpp": _llamacpp,
    "lmstudio": _lmstudio_v1,
    "localai": _localai,
    "ollama": _ollama,
    "vllm": _vllm,
    "generic": _generic,
}
