"""The README's picture; test_package compares it with what the demonstration prints."""

import re
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as ET

from manifests import picture

SVG: Final = "{http://www.w3.org/2000/svg}"


def shown_in(svg: str) -> list[str]:
    """Return what a picture of a terminal shows, line by line."""
    group = ET.fromstring(svg).findall(f".//{SVG}g[@clip-path]//{SVG}text")  # noqa: S314 - our own
    rows = groupby(group, key=lambda text: text.attrib["y"])
    return [
        "".join(text.text or "" for text in row).replace("\xa0", " ").rstrip() for _, row in rows
    ]


def test_the_picture_loads_nothing_and_runs_nothing() -> None:
    svg = picture.PICTURE.read_text("utf-8")

    assert re.findall(r"url\((?!#)|href=|<script|@import|@font-face", svg) == []
    assert max(map(len, shown_in(svg))) <= 84
