"""How the venue writes: actions, signatures, messages, asset ids. Pure functions; nothing here decides or waits."""
