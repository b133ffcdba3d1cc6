"""What is known of a customer now: rolling state per customer, and the public profile made from it."""
