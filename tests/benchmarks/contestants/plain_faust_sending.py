"""Plain Faust as in plain_faust, its outputs sent."""

from tests.benchmarks.contestants.plain_faust import main
from tests.benchmarks.job import told

if __name__ == "__main__":
    main(told(), send=True)
