"""What was left out or changed while reading a corpus: counted, named, said once at the end."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Console


@dataclass
class Report:
    """Counted skips and notes of one pass over a corpus.

    Args:
        skipped: reason -> names of the utterances or recordings left out because of it.
        notes: remark -> names it applies to; these stay in (resampled, clipped, own speaker …).

    Pass one `Report` through several calls to collect, and `show()` it at the end of the job.
    """

    skipped: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def skip(self, reason: str, name: str) -> None:
        """Counts `name` as left out for `reason`."""
        self.skipped.setdefault(reason, []).append(name)

    def note(self, remark: str, name: str) -> None:
        """Counts `name` under a remark; it stays in the corpus."""
        self.notes.setdefault(remark, []).append(name)

    @property
    def num_skipped(self) -> int:
        """How many names were left out, over all reasons."""
        return sum(len(names) for names in self.skipped.values())

    def __bool__(self) -> bool:
        return bool(self.skipped or self.notes)

    def lines(self, limit: int = 5) -> list[str]:
        """One line a reason or remark: what, how many, and the first `limit` names."""
        left_out = [f"left out: {_counted(what, names, limit)}" for what, names in self.skipped.items()]
        return left_out + [f"note: {_counted(what, names, limit)}" for what, names in self.notes.items()]

    def show(self, limit: int = 5, console: Console | None = None) -> None:
        """Prints `lines()` to standard error (or to `console`); prints nothing when there is nothing."""
        console = console or Console(stderr=True)
        for line in self.lines(limit):
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    def update(self, other: "Report") -> None:
        """Adds everything in `other` to this report."""
        for reason, names in other.skipped.items():
            self.skipped.setdefault(reason, []).extend(names)
        for remark, names in other.notes.items():
            self.notes.setdefault(remark, []).extend(names)


def first_few(names: Iterable[str], limit: int = 5) -> str:
    """The first `limit` names joined by commas, with an ellipsis where there are more."""
    names = list(names)
    return ", ".join(names[:limit]) + (", …" if len(names) > limit else "")


def _counted(what: str, names: list[str], limit: int) -> str:
    return f"{what}: {len(names)} ({first_few(names, limit)})"
