"""A venue in memory: accounts, books, matching and a market that moves. Pure and seeded; the server around it is core.runtime.sim_server.

    exchange       the face: info, submit, advance, control
    admission      whether an action is let in       actions_desk   what it does: order_groups, tpsl, modify, desk, checks (orders),
                   leverage, margin_tiers, money, vaults, agents, twap (twap_orders: how it is told); not_simulated, refused   what is
                   turned away
    venue          all state                         accounts, orders, vault, nonces, budget, events   its parts
    upkeep         what happens by itself in every block: triggers, TWAP slices, scheduled cancels, funding, liquidation
    market, book   what moves, and who trades with whom                          universe   what is listed
    walk, quotes, dice   what moves a market, its levels on the tick, draws that are the same on every machine
    info           answers: info_markets, info_accounts, info_vaults, info_beside (info_request reads)   candles   made of what was traded
    wire, wire_account, wire_fees, wire_universe, wire_spot   how everything is written
    feed, session, subscriptions   who is told what over the sockets             snapshots, live_frames   what they are told
    fault_list, fault_text, faults   what can go wrong by name                   trouble, outbox   markets and messages gone wrong
    control, truth, saved          what only we can ask for: the venue's own view, and the whole of it as bytes
    scenario, scenario_player, scenario_judge   a time line of prices and faults, played, and judged by the truth
    action_log     every action as values, for checkers
    replay, differences, telling   a recorded run played again through a fresh engine, and where it first differs
    world/         the engine and this venue in one process, under virtual time

No asyncio, no clock, no socket: time is a number that is passed in, dice are seeded. Everything kept is bounded, by count and by size.
Not modelled: multi-sig, spot trading, auto-deleveraging, unified accounts, settlement of delisted markets. They are refused, never taken
in silence.
"""
