"""Why nothing can be written down now, in words that never change and say nothing of anybody."""

from collections.abc import Mapping
from enum import StrEnum


class Unready(StrEnum):
    """What `/health` says with 503."""

    STOPPING = "stopping"
    ALTERED = "ledger.altered"
    FAILED = "ledger.failed"
    UNWRITTEN = "ledger.unwritten"
    LATE = "ledger.late"
    FULL = "disk.full"


MEANING: Mapping[Unready, str] = {
    Unready.STOPPING: "it was told to stop, and answers what is on its way",
    Unready.ALTERED: "an entry or a checkpoint is not what was written; see `CORRUPT`",
    Unready.FAILED: "the disk or the thread that writes failed for good; the process ends",
    Unready.UNWRITTEN: "a commit ended in an error; it is tried again until the database takes one",
    Unready.LATE: "a commit takes longer than calls wait; it goes on by itself when that returns",
    Unready.FULL: "the disk of the data folder is below its watermark",
}
