"""One profile for all identifiers of a customer: the states of a link set's members, united."""
