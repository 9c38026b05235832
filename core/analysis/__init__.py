"""What it was worth: pure computation over the journal's rows. No clock, no file, no dice; a stranger to engine and hyperliquid.

    facts        what it reads, as plain values            trades      one trade with everything known of it
    statistics   means and rates with their intervals      slippage    where a trade's slippage came from
    metrics      the totals                                go_no_go    checkpoints at 10, 50, 100 and Phase C's table
    series       points of the plots                       review      one day: the plan's checklist, errors, oddities
    report       all of it together

SPEC 10; plan 3.6, 4.3, 6; lesson L43: a verdict comes from fills, net of fees, and may be NO-GO.
"""
