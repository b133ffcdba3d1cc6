"""Why the history cannot be kept."""


class HistoryUnusable(Exception):
    """The database cannot be used as it is; the message says what to do."""


class Overtaken(Exception):
    """Another process has read on in the same database; nothing was written."""
