"""The journal's tables as format 3 has them, and the views that people ask.

A table holds facts, one line each, only ever added to; decimals are text, exactly as they were. A view is for questions: one line an order,
one line a post, numbers as numbers, times as text. Easy to get wrong: SQLite compares a text column with a number as text, so a question
like ``price > 5`` is one for a view, never for a table; and every line of every table has an `id` from one count, which is the order in
which it all happened.

The plan's own SQL for the edge runs on the view `trades` with SQLite's way to say "a day ago": datetime('now', '-1 day').

SPEC 10; plan 3.6.
"""

from __future__ import annotations

TABLES = """
CREATE TABLE signal_rows (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, at_ms INTEGER NOT NULL, correlation_id TEXT NOT NULL,
    market TEXT NOT NULL, side TEXT NOT NULL, seen_ms INTEGER NOT NULL, oracle_px TEXT NOT NULL, touch_px TEXT NOT NULL,
    touch_sz TEXT NOT NULL, mid_px TEXT NOT NULL, price TEXT NOT NULL, size TEXT NOT NULL, edge_bps TEXT NOT NULL,
    fee_bps TEXT NOT NULL, expected_edge_bps TEXT NOT NULL, verdict TEXT NOT NULL
);
CREATE INDEX signals_by_correlation ON signal_rows (correlation_id);
CREATE TABLE order_rows (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, at_ms INTEGER NOT NULL, correlation_id TEXT NOT NULL,
    cloid TEXT NOT NULL, market TEXT NOT NULL, status TEXT NOT NULL, oid INTEGER, side TEXT NOT NULL, price TEXT NOT NULL,
    size TEXT NOT NULL, filled_size TEXT NOT NULL, reduce_only INTEGER NOT NULL, purpose TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX orders_by_cloid ON order_rows (cloid);
CREATE INDEX orders_by_correlation ON order_rows (correlation_id) WHERE correlation_id <> '';
CREATE TABLE post_rows (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, at_ms INTEGER NOT NULL, post_id INTEGER NOT NULL,
    nonce INTEGER NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, outcome TEXT NOT NULL
);
CREATE INDEX posts_by_post ON post_rows (run_id, post_id);
CREATE TABLE post_orders (
    run_id INTEGER NOT NULL REFERENCES runs, post_id INTEGER NOT NULL, cloid TEXT NOT NULL, PRIMARY KEY (cloid, run_id, post_id)
) WITHOUT ROWID;
CREATE TABLE fill_rows (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, at_ms INTEGER NOT NULL, correlation_id TEXT NOT NULL,
    market TEXT NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL, size TEXT NOT NULL, time_ms INTEGER NOT NULL,
    start_position TEXT NOT NULL, closed_pnl TEXT NOT NULL, fee TEXT NOT NULL, oid INTEGER NOT NULL, tid INTEGER NOT NULL, cloid TEXT,
    crossed INTEGER NOT NULL, direction TEXT NOT NULL, fee_token TEXT NOT NULL, UNIQUE (time_ms, market, tid)
);
CREATE INDEX fills_by_correlation ON fill_rows (correlation_id) WHERE correlation_id <> '';
CREATE TABLE trade_rows (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, at_ms INTEGER NOT NULL, correlation_id TEXT NOT NULL,
    market TEXT NOT NULL, side TEXT NOT NULL, size TEXT NOT NULL, entry_price TEXT NOT NULL, exit_price TEXT NOT NULL,
    entry_ms INTEGER NOT NULL, exit_ms INTEGER NOT NULL, exit_reason TEXT NOT NULL, gross_pnl_usd TEXT NOT NULL,
    fees_usd TEXT NOT NULL, expected_edge_bps TEXT, actual_edge_bps TEXT NOT NULL, flat_time_ms INTEGER NOT NULL,
    exit_attempts INTEGER NOT NULL
);
CREATE INDEX trades_by_correlation ON trade_rows (correlation_id) WHERE correlation_id <> '';
CREATE TABLE edge_rows (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, at_ms INTEGER NOT NULL, correlation_id TEXT NOT NULL,
    market TEXT NOT NULL, side TEXT NOT NULL, after_ms INTEGER NOT NULL, late_ms INTEGER NOT NULL, oracle_px TEXT, bid_px TEXT,
    ask_px TEXT, edge_bps TEXT
);
CREATE INDEX edges_by_correlation ON edge_rows (correlation_id);
CREATE TABLE funding_rows (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, at_ms INTEGER NOT NULL, market TEXT NOT NULL,
    time_ms INTEGER NOT NULL, usdc TEXT NOT NULL, signed_size TEXT NOT NULL, rate TEXT NOT NULL, UNIQUE (time_ms, market)
);
CREATE TABLE audit_rows (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, at_ms INTEGER NOT NULL, correlation_id TEXT NOT NULL,
    number INTEGER NOT NULL, severity TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, command_id TEXT NOT NULL
);
CREATE INDEX audit_by_correlation ON audit_rows (correlation_id) WHERE correlation_id <> '';
CREATE TABLE event_rows (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE fill_keys (time_ms INTEGER NOT NULL, coin TEXT NOT NULL, tid INTEGER NOT NULL, PRIMARY KEY (time_ms, coin, tid)) WITHOUT ROWID;
CREATE TABLE high_water (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
ALTER TABLE runs ADD COLUMN network TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN mode TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN signer TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN config_source TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN config TEXT NOT NULL DEFAULT '';
"""
"""`fill_keys` is what a restart must know, and stays when old `fill_rows` are taken out; `high_water` holds the highest nonce for the same reason."""

ROW_TABLES = (
    "signal_rows",
    "order_rows",
    "post_rows",
    "fill_rows",
    "trade_rows",
    "edge_rows",
    "funding_rows",
    "audit_rows",
    "event_rows",
)
"""Those that share one count of ids."""


def _of(kind: str, *paths: str) -> str:
    """Columns out of the JSON of format 2; only rows that have every one of them that must be there."""
    return f"FROM rows WHERE kind = '{kind}' AND " + " AND ".join(
        f"json_extract(json, '{p}') IS NOT NULL" for p in paths
    )


def _json(*paths: str) -> str:
    return ", ".join(f"json_extract(json, '{p}')" for p in paths)


def _market(at: str) -> str:
    return (
        f"CASE json_extract(json, '{at}.dex') WHEN '' THEN '' ELSE json_extract(json, '{at}.dex') || ':' END"
        f" || json_extract(json, '{at}.coin')"
    )


_S, _F, _T = "$.signal.", "$.fill.", "$.trade."

FROM_JSON_ROWS = f"""
INSERT OR IGNORE INTO signal_rows SELECT id, run_id, at_ms, correlation_id, {_market("$.signal.market")},
    {_json(*(_S + c for c in ("side", "at_ms", "oracle_px", "touch_px", "touch_sz", "mid_px", "price", "size", "edge_bps", "fee_bps", "expected_edge_bps")), "$.verdict")}
    {_of("SignalRow", _S + "expected_edge_bps", "$.verdict")};
INSERT OR IGNORE INTO order_rows SELECT id, run_id, at_ms, correlation_id, json_extract(json, '$.cloid'), {_market("$.market")},
    {_json("$.status", "$.oid", "$.side", "$.price", "$.size", "$.filled_size", "$.reduce_only", "$.purpose", "$.reason")}
    {_of("OrderRow", "$.cloid", "$.status")};
INSERT OR IGNORE INTO post_rows SELECT id, run_id, at_ms, {_json("$.post_id", "$.nonce", "$.kind", "$.count", "$.outcome")}
    {_of("PostRow", "$.nonce", "$.outcome")};
INSERT OR IGNORE INTO fill_rows SELECT id, run_id, at_ms, correlation_id, {_market("$.fill.market")},
    {_json(*(_F + c for c in ("side", "price", "size", "time_ms", "start_position", "closed_pnl", "fee", "oid", "tid", "cloid", "crossed", "direction", "fee_token")))}
    {_of("FillRow", _F + "tid", _F + "price")};
INSERT OR IGNORE INTO trade_rows SELECT id, run_id, at_ms, correlation_id, {_market("$.trade.market")},
    {_json(*(_T + c for c in ("side", "size", "entry_price", "exit_price", "entry_ms", "exit_ms", "exit_reason", "gross_pnl_usd", "fees_usd", "expected_edge_bps", "actual_edge_bps", "flat_time_ms", "exit_attempts")))}
    {_of("TradeRow", _T + "exit_price")};
INSERT OR IGNORE INTO audit_rows SELECT id, run_id, at_ms, correlation_id, {_json("$.number", "$.severity", "$.kind", "$.text")}, ''
    {_of("AuditRow", "$.number", "$.text")};
INSERT INTO event_rows SELECT id, run_id, at_ms, 'tape ended', json_extract(json, '$.reason') {_of("TapeEnded", "$.reason")};
INSERT INTO event_rows SELECT id, run_id, at_ms, 'unreadable row', kind || ': ' || json FROM rows WHERE id NOT IN (
    SELECT id FROM signal_rows UNION ALL SELECT id FROM order_rows UNION ALL SELECT id FROM post_rows UNION ALL SELECT id FROM fill_rows
    UNION ALL SELECT id FROM trade_rows UNION ALL SELECT id FROM audit_rows UNION ALL SELECT id FROM event_rows)
    AND NOT (kind = 'FillRow' AND json_extract(json, '$.fill.tid') IS NOT NULL);
INSERT INTO fill_keys SELECT time_ms, coin, tid FROM fills;
INSERT INTO high_water SELECT 'nonce', max(nonce) FROM posts HAVING max(nonce) IS NOT NULL;
DROP TABLE rows;
DROP TABLE fills;
DROP TABLE posts;
"""
"""What format 2 wrote as JSON into one table, and the two tables that only held what a restart needs."""

FORMAT_3 = TABLES + FROM_JSON_ROWS


def _at(ms: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {ms} / 1000.0, 'unixepoch')"


def _numbers(*columns: str, of: str = "") -> str:
    table = f"{of}." if of else ""
    return ", ".join(f"CAST({table}{c} AS REAL) AS {c}" for c in columns)


SIGNAL_OF_TRADE = """coalesce(nullif(t.correlation_id, ''), (
            SELECT s.correlation_id FROM fill_rows f JOIN signal_rows s ON s.verdict = 'accepted' AND s.correlation_id = coalesce(
                nullif(f.correlation_id, ''), (SELECT o.correlation_id FROM order_rows o WHERE o.cloid = f.cloid LIMIT 1))
            WHERE f.time_ms BETWEEN t.entry_ms AND t.exit_ms AND f.market = t.market AND f.side = t.side ORDER BY f.id LIMIT 1), '')"""
"""A trade that was closed by another run than the one that opened it does not know its signal; the fills do."""

VIEWS = {
    "signals": f"""
        SELECT id, run_id, at_ms, {_at("at_ms")} AS at, correlation_id, market, side, seen_ms,
            {_numbers("oracle_px", "touch_px", "touch_sz", "mid_px", "price", "size", "edge_bps", "fee_bps", "expected_edge_bps")},
            verdict = 'accepted' AS accepted, verdict
        FROM signal_rows""",
    "order_changes": f"""
        SELECT id, run_id, at_ms, {_at("at_ms")} AS at, correlation_id, cloid, oid, market, side, {_numbers("price", "size", "filled_size")},
            reduce_only, purpose, status, reason
        FROM order_rows""",
    "orders": f"""
        SELECT l.id, l.run_id, f.at_ms AS created_ms, l.at_ms, {_at("l.at_ms")} AS at, l.correlation_id, l.cloid, l.oid, l.market, l.side,
            CAST(l.price AS REAL) AS price, CAST(l.size AS REAL) AS size, CAST(l.filled_size AS REAL) AS filled_size, l.reduce_only,
            l.purpose, l.status, l.reason
        FROM order_rows l JOIN (SELECT cloid, max(id) AS last, min(id) AS first FROM order_rows GROUP BY cloid) o ON l.id = o.last
            JOIN order_rows f ON f.id = o.first""",
    "posts": f"""
        SELECT o.id, o.run_id, o.at_ms, {_at("o.at_ms")} AS at, o.post_id, o.nonce, o.kind, o.count,
            c.at_ms AS closed_ms, coalesce(c.outcome, 'open') AS outcome,
            (SELECT max(r.correlation_id) FROM post_orders p JOIN order_rows r ON r.cloid = p.cloid
                WHERE p.run_id = o.run_id AND p.post_id = o.post_id) AS correlation_id
        FROM post_rows o LEFT JOIN post_rows c ON c.run_id = o.run_id AND c.post_id = o.post_id AND c.id > o.id
        WHERE o.outcome = 'opened'""",
    "fills": f"""
        SELECT id, run_id, time_ms AS at_ms, {_at("time_ms")} AS at, correlation_id, market, side,
            {_numbers("price", "size", "start_position", "closed_pnl", "fee")}, fee_token, oid, tid, cloid, crossed, direction
        FROM fill_rows""",
    "trades": f"""
        SELECT t.id, t.run_id, t.exit_ms AS at_ms, {_at("t.exit_ms")} AS at,
            strftime('%Y-%m-%d %H:%M:%f', t.exit_ms / 1000.0, 'unixepoch') AS created_at, t.correlation_id, t.market, t.side,
            {_numbers("size", "entry_price", "exit_price", of="t")}, t.entry_ms, t.exit_ms, t.exit_reason, t.exit_attempts,
            {_numbers("gross_pnl_usd", "fees_usd", of="t")},
            CAST(t.gross_pnl_usd AS REAL) - CAST(t.fees_usd AS REAL) AS realized_pnl,
            CAST(coalesce(t.expected_edge_bps, s.expected_edge_bps) AS REAL) AS expected_edge_bps,
            CAST(t.actual_edge_bps AS REAL) AS actual_edge_bps,
            CAST(coalesce(t.expected_edge_bps, s.expected_edge_bps) AS REAL) - CAST(t.actual_edge_bps AS REAL) AS slippage_bps,
            t.flat_time_ms, t.exit_ms - t.entry_ms AS held_ms, s.correlation_id AS signal_id
        FROM trade_rows t LEFT JOIN signal_rows s ON s.verdict = 'accepted' AND s.correlation_id = {SIGNAL_OF_TRADE}""",
    "edges": f"""
        SELECT id, run_id, at_ms, {_at("at_ms")} AS at, correlation_id, market, side, after_ms, late_ms,
            {_numbers("oracle_px", "bid_px", "ask_px", "edge_bps")}
        FROM edge_rows""",
    "funding": f"""
        SELECT id, run_id, time_ms AS at_ms, {_at("time_ms")} AS at, market, {_numbers("usdc", "signed_size", "rate")} FROM funding_rows""",
    "audit": f"""
        SELECT id, run_id, at_ms, {_at("at_ms")} AS at, correlation_id, number, severity, kind, text, command_id FROM audit_rows""",
    "events": f"""
        SELECT id, run_id, at_ms, {_at("at_ms")} AS at, kind, text FROM event_rows""",
    "config_in_force": """
        SELECT r.run_id, substr(replace(t.fullkey, '"', ''), 3) AS setting, t.atom AS value FROM runs r, json_tree(r.config) t WHERE r.config <> '' AND t.atom IS NOT NULL""",
    "risk_counters": """
        SELECT t.key AS name, t.value FROM counters c, json_each(c.json) t""",
}
"""Made anew whenever a program opens the journal to write: a view holds nothing, so it needs no format."""

VIEW_NAMES = tuple(VIEWS)


def view_statements() -> list[str]:
    """What makes every view as this program knows it, and the index that the posts' one needs."""
    made = ["CREATE INDEX IF NOT EXISTS orders_of_post ON post_orders (run_id, post_id)"]
    for name, select in VIEWS.items():
        made += [f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS {select}"]
    return made
