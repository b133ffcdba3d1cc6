"""Why a notifier does not start."""


class NotifierRuns(Exception):
    """Another notifier uses the database: two would tell everything twice."""


class OutboxUnusable(Exception):
    """The database can't be used; the message says why and what to do."""
