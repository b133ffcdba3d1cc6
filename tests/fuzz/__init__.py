"""Payloads as nobody sends them, by the hundred thousand: every mapper answers each of them, and quickly."""
