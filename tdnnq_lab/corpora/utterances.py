"""One utterance as a lhotse MonoCut with one supervision."""

from dataclasses import dataclass
from typing import Any

from lhotse import MonoCut, Recording, SupervisionSegment


@dataclass(frozen=True)
class Utterance:
    """Samples `first` up to `last` of one channel of a recording; `where` names the line it comes from."""

    id: str
    recording: Recording
    channel: int
    first: int
    last: int
    where: str


def to_cut(utterance: Utterance, text: str, speaker: str, custom: dict[str, Any]) -> MonoCut:
    """Makes the cut; `custom` is attached to the cut and to its supervision alike.

    Args:
        text: words separated by single spaces.
    """
    recording = utterance.recording
    duration = (utterance.last - utterance.first) / recording.sampling_rate
    supervision = SupervisionSegment(
        id=utterance.id,
        recording_id=recording.id,
        start=0.0,
        duration=duration,
        channel=utterance.channel,
        text=text,
        speaker=speaker,
        gender=custom.get("gender"),
        custom=dict(custom),
    )
    return MonoCut(
        id=utterance.id,
        start=utterance.first / recording.sampling_rate,
        duration=duration,
        channel=utterance.channel,
        supervisions=[supervision],
        recording=recording,
        custom=dict(custom),
    )
