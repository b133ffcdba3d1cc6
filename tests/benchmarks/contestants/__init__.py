"""Whoever consumes the benchmark's topic: one module each, run as a process of its own (see `job`)."""
