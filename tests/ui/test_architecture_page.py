"""docs/architecture.md stays true: its rooms, files and picture are there."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import tdnnq_lab

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_room_has_its_row_and_its_files() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", PAGE, re.M)
    built = {name for name in tdnnq_lab.ROOMS if (ROOT / "tdnnq_lab" / name / "__init__.py").is_file()}
    assert {room for room, _ in rows} == built
    for room, files in rows:
        names = re.findall(r"`([\w.]+)`", files)
        assert names
        for name in names:
            assert (ROOT / "tdnnq_lab" / room / name).is_file(), f"{room}/{name}"


def test_rooms_that_it_calls_unbuilt_are_unbuilt() -> None:
    for room in re.findall(r"`(\w+)` has its place .* not built yet", PAGE):
        assert not (ROOT / "tdnnq_lab" / room).exists()


def test_other_paths_and_the_picture_are_there() -> None:
    for path in re.findall(r"`((?:\w+/)+[\w.]*)`", PAGE):
        assert (ROOT / path).exists() or (ROOT / "tdnnq_lab" / path).exists() or path == "hyp/", path
    picture = ET.parse(ROOT / "docs" / "architecture.svg").getroot()
    text = " ".join(element.text or "" for element in picture.iter())
    assert all(room in text for room in (*tdnnq_lab.ROOMS, "cli"))
