"""The notifier: what alerts.notifications asks for becomes messages to people, and what came of them is reported.

reading -> admission -> outbox (SQLite) -> delivery (one task a receiver) -> outbox -> reporting. The watchman looks
whether the pipeline itself still moves, and raises an alert by its own means where it does not.
"""
