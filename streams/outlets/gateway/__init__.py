"""The gateway: the API, the wallboard and its stream, over HTTP. Keeps no truth of its own: all it shows is read."""
