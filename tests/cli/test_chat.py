from __future__ import annotations

import pytest

from clubai.cli.chat import board_of, chat
from clubai.cli.place import Place
from clubai.tui.source import Attached
from support.commands import invoke

PLACE = Place(url="http://club.example:8000", api_key="ca_key")
