"""Connectors: bytes from outside onto the channel topics, verbatim. They know where a payload ends, not its meaning.

The tail follows a live file, the replay sends files as if they happened now.
"""
