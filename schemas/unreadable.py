"""What decoding raises for bytes that are no record of the kind that was expected."""

import msgspec

# Broken UTF-8 inside a string and nesting without end are no MsgspecError.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
