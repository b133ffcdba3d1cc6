"""Whoever does the customers job: one module each, run as a process of its own, peers by a Python of their own.

They import nothing of the product but what they measure, so that a peer's environment needs none of it.
"""
