"""A venue in memory: accounts, books, matching and a market that moves. Pure and seeded; the server around it is core.runtime.sim_server.

    exchange       the face: info, submit, advance, control
    admission      whether an action is let in       actions_desk, desk, checks   what it does, item by item
    venue          all state                         accounts, orders, nonces, budget   its parts
    market, book   what moves, and who trades with whom                          universe   what is listed
    walk, quotes, dice   what moves a market, its levels on the tick, draws that are the same on every machine
    info           answers; wire, wire_account, wire_universe   how they are written
    feed, session, subscriptions   who is told what over the sockets
    faults, control, truth         what only we can ask for                      trouble, outbox   markets and messages gone wrong
    action_log     every action as values, for checkers
    replay, differences, telling   a recorded run played again through a fresh engine, and where it first differs

No asyncio, no clock, no socket: time is a number that is passed in, dice are seeded. Not modelled yet: modify, trigger orders, TWAP, funding,
liquidation, transfers, vaults and sub-accounts, user-signed actions, rate limits per IP. They are refused, never taken in silence.
"""
