"""What is worked out: pure rules and one thin agent each, from a provider's bytes to numbers and alerts."""
