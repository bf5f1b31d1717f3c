"""Slack exports."""

from typing import Final

from backscroll.history.formats.format import Format
from backscroll.history.formats.slack.channels import (
    NAME,
    read,
    read_folder,
    recognises,
    recognises_folder,
)

FORMAT: Final = Format(
    name=NAME,
    words="a Slack export",
    recognises=recognises,
    read=read,
    recognises_folder=recognises_folder,
    read_folder=read_folder,
)
