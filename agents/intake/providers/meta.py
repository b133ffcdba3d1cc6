"""Messenger, Instagram and WhatsApp, as Meta's documentation has them: "Webhooks getting started", "Messenger
webhooks", "Instagram webhooks", "WhatsApp Cloud API webhooks", "Business-scoped user ids", "System messages", "Group
messages", "Standby webhooks".

Meta repeats a delivery that failed and promises no order. It knows no agents: the page, account or number is the
queue. A conversation has no id and no end there, so that a customer has one contact at each of ours.
"""

from agents.intake.providers._meta_messaging import MessagingWebhook
from agents.intake.providers._meta_whatsapp import WhatsApp

PROVIDERS = (MessagingWebhook("messenger", "page"), MessagingWebhook("instagram", "instagram"), WhatsApp())
