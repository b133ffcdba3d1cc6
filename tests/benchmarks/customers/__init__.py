"""The customers job: the same small stateful job for this engine and for its peers, on the same topic."""
