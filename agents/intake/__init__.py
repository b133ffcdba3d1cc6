"""Intake: what the providers said, parsed, checked and put into canonical events. Stateless."""
