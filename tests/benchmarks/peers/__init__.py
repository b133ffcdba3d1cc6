"""Programs that are measured beside this engine, in environments of their own under build/peers/."""
