"""The trading engine of hip3-tui. Knows nothing of terminals.

One sentence: decide in plain synchronous machines that take an event and the time and return effects; do all waiting, signing and
talking in one thin loop around them; let the console see one immutable snapshot and send small commands.

    model/         what exists      frozen values: market, rounding, cloid, order and its transition table, position, signal
    config.py      every setting, with its limit and its reason (config_*.py: sections); config_errors.py, what to say when one does not fit
    messages/      what is said     events, commands, queries in; effects and snapshot out; the tape of both;
                   records and report: what the journal can be asked
    engine/        what decides     no clock, no socket, no dice: small machines that know no other (scheduler, orders, positions, ...),
                   held by machines.py; rooms that see several of them (session, account, away, entries, by_hand, exits, posting,
                   stopping, operator); engine.py, the table of contents; emergency*.py, a stop that needs no engine
    hyperliquid/   how the venue writes   actions, signing, parsing, assets; pure functions
    analysis/      what it was worth      trades, metrics, Go/No-Go, from the journal's rows; pure functions
    sim/           a venue in memory      matching, market, faults; pure and seeded; replay of a tape through a fresh engine
    sim/world/     engine and venue in one process under virtual time: a seed is a life, with everything that can go wrong
    runtime/       the outside      engine thread, loop, gateway, signer, keys, journal, alerts, metrics, simulator server, assembly; heartbeat, emergency
                   stop, guard: for when the console is gone; decides nothing

Imports go downward only (contracts in pyproject.toml, run by tests/test_architecture.py):
runtime -> everything; sim -> engine, hyperliquid and below, of which the venue itself uses no engine; engine, hyperliquid and analysis are
strangers and see messages, config and model; messages -> config, model; config -> model; model -> nothing of ours.
"""

__version__ = "0.1.0"
