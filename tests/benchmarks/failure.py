"""What ends a measurement without a number."""


class MeasurementFailed(Exception):
    """Something did not come that had to, or what came was wrong; the message says what."""
