"""Plain Faust as in the module faust, its outputs sent."""

from tests.benchmarks.contestants.faust import main
from tests.benchmarks.job import Job

if __name__ == "__main__":
    main(Job.told(), send=True)
