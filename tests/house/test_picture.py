"""The README's picture shows what the demonstration prints today."""

import re
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as ET

from backscroll.commands.demo import cast
from manifests import picture

SVG: Final = "{http://www.w3.org/2000/svg}"


def lines(svg: str) -> list[str]:
    """Return what a picture of a terminal shows, line by line."""
    group = ET.fromstring(svg).findall(f".//{SVG}g[@clip-path]//{SVG}text")  # noqa: S314 - our own
    rows = groupby(group, key=lambda text: text.attrib["y"])
    return [
        "".join(text.text or "" for text in row).replace("\xa0", " ").rstrip() for _, row in rows
    ]


def structure(shown: list[str]) -> list[str]:
    """Return titles, calls and claims, without the numbers and ids that differ each time."""
    kept = [line.strip() for line in shown if re.match(r"\d\. |   [>✓]|All ", line)]
    return [re.sub(r"(?:thread|conv|msg)_\w+…|[\d,.]+", "…", line) for line in kept]


def test_the_picture_shows_the_scenes_as_they_are_played() -> None:
    played = lines(picture.drawn(picture.played(cast.choose(30))))
    told = lines(picture.PICTURE.read_text("utf-8"))

    assert structure(told) == structure(played)
    assert sum(line.startswith("   ✓") for line in told) >= 2
    assert told[0] == "$ backscroll demo"


def test_the_picture_loads_nothing_and_runs_nothing() -> None:
    svg = picture.PICTURE.read_text("utf-8")

    assert re.findall(r"url\((?!#)|href=|<script|@import|@font-face", svg) == []
    assert max(map(len, lines(svg))) <= 84
