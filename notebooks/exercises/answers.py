"""What the checks of all lessons share: a student's function tried, and the first two things that can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

RIGHT = "Right."


def tried(call: Callable[[], Any], told: str, last: str = "return …") -> tuple[Any, str]:
    """What a call of a student's function returns and "", or None and what to say to the student.

    Args:
        call: calls it.
        told: a sentence on what it was given, said if it raised something.
        last: the line that it lacks, said if it returned nothing.
    """
    try:
        found = call()
    except Exception as error:  # whatever a beginner's function may raise
        return None, f"Your function raised {type(error).__name__}: {error}. {told}"
    if found is None:
        return None, f"Nothing yet: the function returns None. Write its last line as `{last}`."
    return found, ""
