"""What is said between the parts: events in, commands in, effects out, and the snapshot. All frozen, all serialisable."""
