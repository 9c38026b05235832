"""What decides: machines without clock, socket or dice. `engine.Engine` alone sees two of them at once."""
