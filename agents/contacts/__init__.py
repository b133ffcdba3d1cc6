"""What becomes of contacts: dedupe and corrections, offers and their outcomes, promises, measured facts."""
