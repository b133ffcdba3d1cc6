"""Alerts: what was detected is grouped, told, acknowledged, muted and ended."""
