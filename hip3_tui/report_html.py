"""The report as one page that needs nothing else: no script, no font, no address. Plots are inline SVG (report_svg.py).

Pure, and nothing but display. Easy to get wrong: reasons and texts come from the exchange, so every one is escaped; and colour is never the
only sign, so a verdict is a word and a mark.

SPEC 10, issue part "report".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape

from core.messages.report import Check, Checkpoint, DailyReview, Metric, Oddity, PhaseC, Report, TradeResult
from hip3_tui.format import clock_time, price, signed_usd, size
from hip3_tui.report_svg import plot
from hip3_tui.report_text import MARKS, date_time, estimate, interval

_STYLE = """
:root{--ink:#1c2430;--soft:#5b6675;--line:#d8dde4;--paper:#fff;--card:#f6f8fa;--good:#1a7f4b;--bad:#c0392b;--open:#8a6d1a;--mark:#2563a8}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ef;--soft:#98a4b3;--line:#323b47;--paper:#12171e;--card:#1a212a;--good:#4cc38a;--bad:#ff7b6b;--open:#e0b64a;--mark:#6aa9ef}}
*{box-sizing:border-box}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;padding:24px;max-width:1560px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:32px 0 10px;border-bottom:1px solid var(--line);padding-bottom:4px}
.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}.open{color:var(--open)}
.network{font-weight:700;border:2px solid currentColor;border-radius:4px;padding:0 8px;margin-left:8px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:14px}
.card{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:12px 14px}
.card h3{margin:0;font-size:14px;color:var(--soft);font-weight:600}.card .verdict{font-size:20px;font-weight:700}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;color:var(--soft);font-weight:600;font-size:13px}td,th{padding:3px 10px 3px 0;border-bottom:1px solid var(--line);vertical-align:top}
tr.check td{border:0;padding-top:8px}tr.note td{border:0;padding-top:0;font-size:12px;color:var(--soft)}
td.n,th.n{text-align:right;white-space:nowrap}td small{color:var(--soft)}
.wide{overflow-x:auto}.trades td,.trades th{white-space:nowrap;font-size:12px;padding-right:8px}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:14px}
.plot{width:100%;background:var(--card);border:1px solid var(--line);border-radius:6px}
.plot text{font:11px system-ui,sans-serif;fill:var(--soft)}.plot .title{font-size:13px;font-weight:600;fill:var(--ink)}
.grid{stroke:var(--line)}.tick{stroke:var(--soft)}.zero{stroke:var(--soft)}
.line{fill:none;stroke:var(--mark);stroke-width:2}.last,.point{fill:var(--mark)}.point{fill-opacity:.75}.bar{fill:var(--mark)}
.expected{stroke:var(--open);stroke-dasharray:5 4}
@media print{body{padding:0}.card,.plot{break-inside:avoid}}
"""
_KIND = {True: "good", False: "bad", None: "open"}
_VERDICTS = {"GO": "good", "REVIEW": "bad", "BACK TO PHASE A": "bad", "ANALYSE": "bad"}


def report_html(report: Report) -> str:
    """The whole page."""
    what = f"report of {report.day.isoformat()}" if report.day else "report"
    body = [*_head(report, what), *_verdicts(report.checkpoints, report.phase_c)]
    if report.review is not None:
        body += _review(report.review)
    body += ["<h2>Plots</h2><div class=plots>", *(plot(s) for s in report.series), "</div>"]
    body += [*_totals(report.metrics), *_trades(report.trades)]
    if report.notes:
        body += ["<h2>To know</h2><ul>", *(f"<li>{escape(n)}</li>" for n in report.notes), "</ul>"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>hip3-tui {escape(what)}</title><style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _head(r: Report, what: str) -> Iterator[str]:
    network = escape(r.network.upper() or "network not known")
    kind = "bad" if r.network == "mainnet" else "open"
    yield f'<h1>hip3-tui {escape(what)} <span class="network {kind}">{network}</span></h1>'
    times = (
        f"{date_time(r.from_ms)} to {date_time(r.until_ms)} UTC"
        if r.from_ms is not None and r.until_ms is not None
        else "no time"
    )
    runs = ", ".join(map(str, r.runs)) or "none"
    yield f"<div class=soft>{escape(times)} · runs {escape(runs)} · {len(r.trades)} trades · account {escape(r.account or '-')}</div>"
    yield f"<div class=soft>{escape(r.source)} · made {date_time(r.made_at_ms)} UTC</div>"


def _verdicts(checkpoints: Sequence[Checkpoint], phase_c: PhaseC) -> Iterator[str]:
    yield "<h2>Go / No-Go</h2><div class=cards>"
    for c in checkpoints:
        kind = _VERDICTS.get(c.verdict.value, "open")
        yield f"<div class=card><h3>{c.trades} trades</h3><div class='verdict {kind}'>{escape(c.verdict.value)}</div>"
        yield f"<div class=soft>{escape(c.action)}</div>{_checks(c.checks)}</div>"
    word = {True: "MAY BEGIN", False: "NOT YET", None: "not judged yet"}[phase_c.passed]
    yield f"<div class=card><h3>Phase C</h3><div class='verdict {_KIND[phase_c.passed]}'>{word}</div><div class=soft>over everything there is</div>{_checks(phase_c.checks)}</div></div>"


def _checks(checks: Sequence[Check]) -> str:
    return f"<table>{''.join(map(_check, checks))}</table>"


def _check(c: Check) -> str:
    note = f"<tr class=note><td></td><td colspan=3>{escape(c.note)}</td></tr>" if c.note else ""
    return (
        f"<tr class=check><td class={_KIND[c.passed]}>{MARKS[c.passed]}</td><td>{escape(c.name)}</td>"
        f"<td class=n>{escape(c.value)}</td><td class='n soft'>{escape(c.limit)}</td></tr>{note}"
    )


def _totals(metrics: Sequence[Metric]) -> Iterator[str]:
    yield "<h2>Totals</h2><div class=wide><table><tr><th>metric<th class=n>value<th class=n>95 % interval<th class=n>n<th>made by<th>what it is</tr>"
    for m in metrics:
        e = m.estimate
        yield (
            f"<tr><td>{escape(m.title)}</td><td class=n>{escape(estimate(e.value, m.unit))}</td><td class=n>{escape(interval(e, m.unit))}</td>"
            f"<td class=n>{e.count}</td><td class=soft>{escape(e.method)}</td><td class=soft>{escape(m.note)}</td></tr>"
        )
    yield "</table></div>"


def _trades(trades: Sequence[TradeResult]) -> Iterator[str]:
    yield f"<h2>Trades</h2><div class=soft>{len(trades)}; edges and slippage in bps, times in ms, all net figures after fees and funding</div>"
    yield "<div class=wide><table class=trades><tr><th class=n>#<th>exit, UTC<th>market<th>side<th class=n>size<th class=n>entry<th class=n>exit"
    yield "<th class=n>expected<th class=n>actual<th class=n>net<th class=n>slippage<th class=n>latency<th class=n>impact<th class=n>rounding"
    yield "<th class=n>at fill<th class=n>+1 s<th class=n>+3 s<th class=n>+5 s<th>edge<th class=n>fees $<th class=n>funding $<th class=n>net $"
    yield "<th class=n>sum $<th class=n>held<th class=n>flat<th>reason</tr>"
    for t in trades:
        p, e = t.parts, t.edges
        parts = (p.latency, p.impact, p.rounding) if p else (None,) * 3
        edges = (e.at_fill, e.after_1s, e.after_3s, e.after_5s) if e else (None,) * 4
        bps = (t.expected_edge_bps, t.actual_edge_bps, t.net_edge_bps, t.slippage_bps, *parts, *edges)
        numbers = "".join(f"<td class=n>{_bps(v)}</td>" for v in bps)
        kind = "good" if t.net_pnl_usd > 0 else "bad"
        yield (
            f"<tr><td class=n>{t.number}</td><td>{date_time(t.exit_ms)[5:]}</td><td>{escape(str(t.market))}</td><td>{t.side.value}</td>"
            f"<td class=n>{size(t.size)}</td><td class=n>{price(t.entry_price)}</td><td class=n>{price(t.exit_price)}</td>{numbers}"
            f"<td>{escape(e.verdict if e else '')}</td><td class=n>{t.fees_usd:.4f}</td><td class=n>{t.funding_usd:+.4f}</td>"
            f"<td class='n {kind}'>{t.net_pnl_usd:+.4f}</td><td class=n>{signed_usd(t.pnl_cumulative_usd)}</td><td class=n>{t.held_ms:,}</td>"
            f"<td class=n>{t.flat_time_ms:,}</td><td>{escape(t.exit_reason.value)}</td></tr>"
        )
    yield "</table></div>"


def _bps(value: Decimal | None) -> str:
    return "-" if value is None else f"{value:+.1f}"


def _review(r: DailyReview) -> Iterator[str]:
    yield f"<h2>Daily review, {r.day.isoformat()}</h2><table>"
    for item in r.checklist:
        yield f"<tr><td class={_KIND[item.is_ok]}>{MARKS[item.is_ok]}</td><td>{escape(item.question)}</td><td>{escape(item.answer)}</td></tr>"
    yield "</table>"
    yield from _odd("Errors", r.errors)
    yield from _odd("Oddities", r.anomalies)


def _odd(title: str, odd: Sequence[Oddity]) -> Iterator[str]:
    if odd:
        yield f"<h2>{title}</h2><table>"
        for o in odd:
            yield f"<tr><td class=soft>{clock_time(o.at_ms)}</td><td>{escape(o.kind)}</td><td>{escape(o.text)}</td><td class=soft>{escape(o.correlation_id)}</td></tr>"
        yield "</table>"
