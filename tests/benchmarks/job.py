"""What every contestant is told, on its command line."""

import argparse

import msgspec


class Job(msgspec.Struct, frozen=True):
    """Read contacts.events of `namespace` up to offset `end`: so many `events`, the rest are watermarks.

    `seconds`: stop after so long even if there is more.
    """

    bootstrap: str
    namespace: str
    end: int
    events: int
    seconds: float

    def arguments(self) -> list[str]:
        """The job as a contestant's command line."""
        return [f"--{name}={value}" for name, value in msgspec.structs.asdict(self).items()]


def told() -> Job:
    """The job of this process. It prints one Run as a line of JSON (runs.tell); all other words go to stderr."""
    parser = argparse.ArgumentParser()
    for field in msgspec.structs.fields(Job):
        parser.add_argument(f"--{field.name}", type=field.type, required=True)
    return Job(**vars(parser.parse_args()))
