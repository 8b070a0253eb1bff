"""The embedded model's process: llama.cpp's server on a free port of the loopback.

Run as a script, by its path: it needs nothing of ClubAI, so it starts at once and the
agent's libraries are not loaded a second time. It lives in a process of its own because
a failed assertion in the native code ends the process it is in, and because that code
writes to the terminal whenever it likes.

The first line of its standard input is a JSON object with `model`, `name`, `slots`,
`threads`, `context` and `key`; it answers `READY http://127.0.0.1:PORT`, and ends when
its standard input does (which a killed parent cannot forget to cause) or at SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, Final, NoReturn

STOP_SECONDS: Final = 5
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
BATCH: Final = 512
"""Tokens of one step, and the most that one embedding's input may have."""


class _Stopped(Exception):
    """A signal asked the process to end."""


def make_params(settings: dict[str, Any]) -> Any:
    """The server's parameters for the settings that came in."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {settings["name"]}
    params.n_parallel = settings["slots"]
    # The context is shared: this gives each slot its `context` tokens.
    params.n_ctx = settings["context"] * settings["slots"]
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    # Mean pooling needs a batch that the slots divide, or the native code aborts.
    params.n_ubatch = max(1, BATCH // settings["slots"]) * settings["slots"]
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.endpoint_metrics = True
    params.ui = False
    params.verbosity = 0
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.cors_origins = ""
    params.api_keys = [settings["key"]]
    return params


def main() -> None:
    """Serve until the standard input ends."""
    # Native code may print: only the ready line goes to the pipe.
    announce = os.dup(1)
    os.dup2(2, 1)
    # A failed assertion would start a debugger to print a long backtrace.
    os.environ["GGML_NO_BACKTRACE"] = "1"
    line = sys.stdin.buffer.readline()
    if not line:
        return
    import xllamacpp

    # The native threads inherit the mask: a signal that one of them took would not
    # interrupt the read below.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    server = xllamacpp.Server(make_params(json.loads(line)))
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        os.write(announce, f"READY {server.listening_address}\n".encode())
        while sys.stdin.buffer.read(1 << 10):
            pass
    except (_Stopped, BrokenPipeError):
        pass
    # Were the native code to hang, nobody would be left to notice. It may do so with
    # the interpreter's lock, and no thread of ours would run: the kernel ends it then.
    signal.alarm(STOP_SECONDS)
    del server
    os._exit(0)  # nothing is left to be done, and the native threads may still run


def _stop(number: int, frame: object) -> NoReturn:
    raise _Stopped


if __name__ == "__main__":
    main()
