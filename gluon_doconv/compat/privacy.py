"""Make a text fit to be shown to strangers: no home folder, user or host name in it."""

from __future__ import annotations

import os
import platform
import re


def shareable(text: str) -> str:
    """Write ``~`` for the home folder, and placeholders for the names of user and host."""
    home = os.path.expanduser("~").rstrip("/")
    for folder in {home, os.path.realpath(home)} - {"", "/", "~"}:
        text = re.sub(rf"{re.escape(folder)}(?=/|\W|$)", "~", text)
    for user in {os.path.basename(home), os.environ.get("USER", ""), os.environ.get("LOGNAME", "")} - {"", "~"}:
        text = re.sub(rf"(?<=/){re.escape(user)}(?=/|\W|$)", "<user>", text)
    host = platform.node()
    return re.sub(rf"\b{re.escape(host)}\b", "<host>", text) if host not in ("", "localhost") else text
