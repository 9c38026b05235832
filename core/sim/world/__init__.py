"""The world: the shipped engine and the shipped simulated exchange in one process, in virtual time. No thread, no socket, no sleep.

    plan       what a seed draws: config, roads, troubles, operator, length        agenda   virtual time
    world      the life of it: weather, calm, rest, end                            disk     what a restart finds
    program    engines one after another: turns, effects, kills, restarts          stranger the owner, trading by other means
    road       the WebSocket between them                                          reads    POST /info between them
    troubles   what goes wrong, by name                                            operator fingers on keys
    story      the last events as a text                                           watcher  what a checker may see

The same plan gives the same tape, byte for byte. Judging is not done here: watchers do it (tests/simulation).
"""
