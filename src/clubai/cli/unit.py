"""The systemd user unit of an agent, as text."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import Final

INSTALL_STEPS: Final = """\
# Keep it:   clubai-agent service > ~/.config/systemd/user/clubai-agent.service
# Settings:  ~/.config/clubai/agent.env   (COORDINATOR_URL=... CLUBAI_ENROL_TOKEN=...)
# Private:   chmod 600 ~/.config/clubai/agent.env
# Start it:  systemctl --user daemon-reload
#            systemctl --user enable --now clubai-agent
# Without a login session:  loginctl enable-linger
"""
_UNIT: Final = """\
[Unit]
Description=ClubAI agent: lends this machine's models to a club
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={command}
EnvironmentFile=-%E/clubai/agent.env
Environment=CLUBAI_DATA=%S/clubai
StateDirectory=clubai
StateDirectoryMode=0700
UMask=0077
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2 4
TimeoutStartSec=300
KillSignal=SIGTERM
TimeoutStopSec=30
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def agent_command() -> list[str]:
    """How this installation's agent is started, with an absolute path."""
    found = shutil.which("clubai-agent")
    return [found] if found else [sys.executable, "-m", "clubai.cli.agent"]


def systemd_unit(command: Sequence[str]) -> str:
    """The unit that runs `command`; a wrong setting or key does not restart it."""
    line = " ".join(_quoted(word) for word in command)
    return INSTALL_STEPS + "\n" + _UNIT.format(command=line)


def _quoted(word: str) -> str:
    """One word of `ExecStart`: `%` and `$` are systemd's, quotes hold spaces."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    if any(c.isspace() or c in "\"';" for c in word):
        return '"' + word.replace('"', '\\"') + '"'
    return word
