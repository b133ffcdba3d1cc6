"""What every contestant is told, on its command line."""

import argparse
from pathlib import Path

import msgspec

from tests.benchmarks.runs import Run


class Job(msgspec.Struct, frozen=True):
    """Read contacts.events of `namespace` up to offset `end`: so many `events`, the rest are watermarks.

    `seconds`: stop after so long even if there is more. `result`: the file that the Run is written to.
    """

    bootstrap: str
    namespace: str
    end: int
    events: int
    seconds: float
    result: str

    @property
    def states(self) -> str:
        """The file that a contestant's state is written to, where it keeps it in none of Kafka's topics."""
        return f"{self.result}.states"

    def done(self, run: Run) -> None:
        """Hand in the result."""
        Path(self.result).write_bytes(msgspec.json.encode(run))

    def arguments(self) -> list[str]:
        """The job as a contestant's command line."""
        return [f"--{name}={value}" for name, value in msgspec.structs.asdict(self).items()]

    @classmethod
    def told(cls) -> "Job":
        """The job of this process, from its command line."""
        parser = argparse.ArgumentParser()
        for field in msgspec.structs.fields(cls):
            parser.add_argument(f"--{field.name}", type=field.type, required=True)
        return cls(**vars(parser.parse_args()))
