"""Faults on a whole installation while a floor of known outcome runs through it, and a judge of what came out."""
