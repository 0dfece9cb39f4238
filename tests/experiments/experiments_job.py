"""A job for the tests: counts to N (first argument) in steps of 10 ms, counting on from where it was stopped.

`python experiments_job.py N RUN_DIR [fail] [linger]`: `linger` keeps its process alive for a second after its end.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tdnnq_lab.experiments import StatusWriter


@dataclass
class Step:
    update: int
    updates: int
    loss: float | None
    remaining_seconds: float | None


def main(updates: int, run_dir: Path, *more: str) -> None:
    with StatusWriter(run_dir, min_seconds=0.0) as status, open(run_dir / "metrics.jsonl", "a+") as metrics:
        metrics.seek(0)
        done = len(metrics.readlines())
        status.stage("counting", updates)
        for update in range(done + 1, updates + 1):
            time.sleep(0.01)
            metrics.write(json.dumps({"update": update, "loss": 1 / update}) + "\n")
            metrics.flush()
            status.progress(Step(update, updates, 1 / update, 0.01 * (updates - update)))
            if "fail" in more and update == done + 3:
                raise ValueError("three is enough")
        print("counted to", updates)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
    finally:
        if "linger" in sys.argv:
            time.sleep(1)
