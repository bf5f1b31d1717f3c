"""The activities of Gemini Apps in Google Takeout."""

from typing import Final

from backscroll.history.formats.format import Format
from backscroll.history.formats.gemini_apps.reading import NAME, read, recognises

FORMAT: Final = Format(
    name=NAME,
    words="a Google Takeout of Gemini Apps",
    recognises=recognises,
    read=read,
)
