"""The history store: the newest profile of every customer, who is who, and links for review, kept beside the gateway.

Its truth is on Kafka: a database that is lost, or too old, is read anew from the topics.
"""
