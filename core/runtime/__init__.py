"""The outside: threads, sockets, files, clocks. It waits and performs; it decides nothing."""
