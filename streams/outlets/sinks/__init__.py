"""A mailbox and a webhook receiver on loopback whose messages one can look at: for trying the notifier out.

Nothing here is for service: anybody on this machine may send to it and read what came.
"""

from streams.outlets.sinks.mailbox import Mailbox
from streams.outlets.sinks.sinks import Sinks, start
from streams.outlets.sinks.webhook_inbox import WebhookInbox

__all__ = ["Mailbox", "Sinks", "WebhookInbox", "start"]
