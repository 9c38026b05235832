"""Lessons about what must be true before the first order: ids, accounts, keys, parameters, subscriptions. One story each."""

from __future__ import annotations

import io
import logging
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_rig import NOW, D, Rig, make_config, order_of
from lesson_stage import ME, SNDK, WireStage, wire_config, write_down
from msgspec.structs import replace
from test_project import ROOT, project_files

from core.config import AccountConfig, ConfigError, MarketConfig
from core.hyperliquid.signing_key import SigningKey
from core.messages.effects import PostRow, Reconnect, Refuse, Subscribe
from core.messages.events import Connected, Fills
from core.messages.snapshot import TradingState
from core.model.market import MarketKey
from core.runtime.clock import ManualClock
from core.runtime.config_file import load_config
from core.runtime.journal import Journal, JournalError
from core.runtime.keys import TEST_GUARD_KEY, TEST_KEY, KeyManager
from core.runtime.signer import Signer

SILVER = MarketKey.parse("xyz:SILVER")
AGENT = "0x" + "c" * 40


# --- which market -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "asset"), [("xyz:SILVER", 110026), ("xyz:RIVN", 110027), ("xyz:GOLD", 110003)])
def test_l01_an_order_goes_to_the_market_it_names(name: str, asset: int) -> None:
    """SILVER and RIVN are neighbours in the exchange's own list, and an alphabetical one puts others in their places. The order carries the id
    of the exchange's list, the exchange gives us that very market, and the screen shows it by name and by id."""
    key = MarketKey.parse(name)
    stage = WireStage(wire_config(name))
    view = stage.market(key)
    assert (str(view.market), view.asset_id, view.index) == (name, asset, asset - 110_000)
    stage.enter(key)
    assert [o["a"] for o in stage.orders_on_wire()] == [asset]
    assert list(stage.held()) == [name]


def test_l01_an_id_pinned_for_another_market_refuses_to_start() -> None:
    """The config pins 110027, as an old list had it. The program does not start, and says that this id is RIVN."""
    config = replace(wire_config("xyz:SILVER"), markets=(MarketConfig("xyz:SILVER", asset_idx=110027),))
    stage = WireStage(config, ready=False)
    stage.connect()
    (refusal,) = stage.effects(Refuse)
    assert refusal.reason == (
        "xyz:SILVER: asset_idx 110027 is pinned, but the exchange says 110026; 110027 is xyz:RIVN"
    )
    assert refusal.reason in stage.audit("refused")
    stage.advance(3_000)
    assert not stage.snapshot().ready.is_ready
    assert stage.effects(Subscribe) == []
    assert stage.dislocate(SILVER) is None


def test_l02_ready_without_a_snapshot_that_never_comes() -> None:
    """orderUpdates has no snapshot: not one frame of it comes before the first order. The acknowledgement and the list of open orders stand
    for it, and the engine is ready; without either of the two it is not, and says which one it waits for."""
    stage = WireStage()
    assert "orderUpdates" not in stage.heard
    assert stage.snapshot().ready.is_ready
    assert stage.enter() is not None
    assert "orderUpdates" in stage.heard

    deaf = WireStage(ready=False)
    deaf.fails = lambda body: body["type"] == "openOrders"
    deaf.connect()
    deaf.advance(3_000)
    assert deaf.snapshot().ready.missing == ("open orders of xyz",)

    unacknowledged = Rig(ready=False)
    unacknowledged.handle(Connected(1))
    unacknowledged.handle(Fills((), is_snapshot=True))
    unacknowledged.quote()
    unacknowledged.advance(1_000)
    assert unacknowledged.snapshot().ready.missing == ("orderUpdates ack",)


def test_l24_a_coin_that_does_not_exist_is_found_out_before_it_is_subscribed() -> None:
    """A typo in the config. The exchange would cut the whole socket without a word, again and again; the name is held against its own list
    first, so nothing is subscribed, and the operator reads which coin of which dex does not exist."""
    stage = WireStage(wire_config("xyz:SNDK", "xyz:SNKD"), ready=False)
    stage.connect()
    stage.advance(1_000)
    (refusal,) = stage.effects(Refuse)
    assert refusal.reason == "xyz:SNKD: the exchange lists no such market on xyz"
    assert stage.effects(Subscribe) == []
    assert stage.session is not None, "the connection is still there"
    assert [s.coin for s in stage.session.subscriptions.values()] == [None, None]


def test_l24_a_delisted_coin_is_left_out_and_the_others_go_on() -> None:
    """URANIUM is still in the list, as delisted. It is not subscribed, its gate says why, and SNDK trades."""
    stage = WireStage(wire_config("xyz:SNDK", "xyz:URANIUM"))
    assert stage.effects(Subscribe) == [Subscribe((SNDK,))]
    assert stage.market(MarketKey.parse("xyz:URANIUM")).gate == "market risk: delisted"
    assert stage.enter() is not None


def test_l24_nothing_but_delisted_coins_is_no_silence() -> None:
    """The only coin of the config was delisted. Nothing is subscribed, so nothing is expected: the connection is not given up every half minute,
    and the screen says that no market has data."""
    stage = WireStage(wire_config("xyz:URANIUM"), ready=False)
    stage.connect()
    stage.advance(65_000, step=500)
    assert stage.effects(Reconnect) == []
    assert stage.snapshot().ready.missing == ("no market has data",)
    assert stage.snapshot().state is TradingState.REDUCING


# --- which account, which key --------------------------------------------------------------------------------------------------


def test_l16_an_agents_address_in_place_of_the_account_is_refused() -> None:
    """The operator pastes the agent's address into the config. The exchange answers every question about it, always with nothing; so the
    program asks what the address is, and refuses to start, naming the account that belongs there."""
    stage = WireStage(wire_config(account=AccountConfig(AGENT)), ready=False, account=AGENT, signer=AGENT)
    stage.control(do="approve_agent", user=ME, agent=AGENT, name="bot")
    empty = stage.exchange.info({"type": "clearinghouseState", "user": AGENT, "dex": "xyz"}, stage.now)
    assert empty["assetPositions"] == []
    stage.connect()
    stage.advance(3_000)
    refusal = stage.effects(Refuse)[0].reason
    assert refusal == f"account {AGENT} is an agent's address; put its master's, {ME}, into account.address"
    assert refusal in stage.audit("refused")
    assert not stage.snapshot().ready.is_ready
    assert stage.dislocate() is None
    assert stage.wire == []


def test_l16_a_key_that_may_not_trade_for_the_account_is_refused() -> None:
    """The other way round: the account is right, the key belongs to nobody it knows. Refused as well, with both addresses."""
    stage = WireStage(ready=False, signer=AGENT)
    stage.connect()
    stage.advance(1_000)
    assert f"{AGENT} is no approved agent of account {ME}" in stage.effects(Refuse)[0].reason


def test_l17_a_restart_begins_above_every_nonce_of_the_run_before(tmp_path: Path) -> None:
    """The machine's clock once ran an hour ahead, and the nonces with it. A run trades and is killed, the clock is right again: the next run
    begins above the highest nonce in the journal, with room for what the kill kept from the disk, and the exchange takes its actions."""
    first = WireStage()
    first.enter()
    first.advance(35_000, step=500)
    journal = Journal.open(tmp_path / "journal.db", ManualClock(first.now))
    write_down(first, journal)
    ahead = first.now + 3_600_000
    journal.append(PostRow(9, ahead, "orders", 1, "answered"))
    journal.close()  # without a word on how the run ended: as after a kill

    again = Journal.open(tmp_path / "journal.db", ManualClock(first.now))
    again.close()
    second = WireStage(recovered=again.recovered, exchange=first.exchange, now_ms=first.now)
    assert "the last run did not end in an orderly stop" in second.audit("start")
    second.enter()
    actions = second.truth()["actions"]
    nonces = [a["nonce"] for a in actions]
    assert nonces == sorted(set(nonces))
    assert nonces[-1] > ahead + 100
    assert [a["error"] for a in actions] == [None] * 3


def test_l17_a_second_console_on_the_same_journal_is_turned_away(tmp_path: Path) -> None:
    """Somebody starts the program twice. The second one does not get the journal, hence no nonces, and says who has it; when the first
    is gone it may start."""
    path = tmp_path / "journal.db"
    first = Journal.open(path, ManualClock(NOW))
    with pytest.raises(
        JournalError, match="locked by another running console; two consoles must not share one journal"
    ):
        Journal.open(path, ManualClock(NOW))
    first.close()
    Journal.open(path, ManualClock(NOW)).close()


# --- secrets --------------------------------------------------------------------------------------------------------------------

PUBLIC_KEYS = {
    TEST_KEY[2:],  # of a well-known test mnemonic
    TEST_GUARD_KEY[2:],  # the next one of the same mnemonic
    "0123456789" * 6 + "0123",  # of the exchange's own SDK's tests
    "e908f86dbb4d55ac876378565aafeabc187f6690f046459397b17d9b9a19688e",  # of published vectors
}
_WORTH_A_LOOK = re.compile(r"[0-9a-fA-F]{64}|[Pp]ass|PASS|[Tt]oken|TOKEN|PRIVATE")
_SECRET = re.compile(r"(?i)(?:key|secret|mnemonic)\w*[\"']?\s*[:=]{1,2}\s*[rbf]?[\"']?(?:0x)?([0-9a-f]{64})\b")
_PASSWORD = re.compile(r"(?i)(?:passw(?:or)?d|passphrase|api_?token)\w*[\"']?\s*[:=]\s*[\"'][^\"'{}<>]{4,}[\"']")
_PEM = re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----")


def secrets_in(text: str) -> list[str]:
    if not _WORTH_A_LOOK.search(text):
        return []
    keys = [m[1] for m in _SECRET.finditer(text) if m[1].lower() not in PUBLIC_KEYS and len(set(m[1])) > 4]
    return keys + _PASSWORD.findall(text) + _PEM.findall(text)


def test_l42_the_project_holds_no_secret() -> None:
    """Keys and a server's password once went into a public repository. Every file of this one is searched for anything of the kind; the
    only keys in it are those that the whole world has."""
    found = []
    for path in project_files():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{path.relative_to(ROOT)}: {what[:12]}..." for what in secrets_in(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "private_" + "key = '0x" + "4f3edf983ac636a65a842ce7c78d9aa7" * 2 + "'",
        "SECRET_" + "KEY: " + "8f2a559490ce4b6e1d2f3a4b5c6d7e8f" * 2,
        "server_pass" + "word = 'hunter22'",
        "-----BEGIN RSA PRIVATE " + "KEY-----",
    ],
)
def test_l42_the_search_finds_what_it_is_for(line: str) -> None:
    """A search that finds nothing proves something only if it would have found something: a key, a password, a whole key file."""
    assert secrets_in(line)


def test_l42_a_key_written_into_the_config_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """The hasty way: the key itself in the config file. There is no such setting; the message names what is allowed (a variable or a
    file) and does not quote the key."""
    secret = "4f3edf983ac636a65a842ce7c78d9aa7" * 2
    path = tmp_path / "c.toml"
    for signer in (
        f'key_source = {{ type = "hex", value = "{secret}" }}',
        f'key_source = "{secret}"',
        f'private_key = "{secret}"',
    ):
        path.write_text(
            'ws_url = "ws://127.0.0.1:1/ws"\ninfo_url = "http://127.0.0.1:1/info"\nmode = "trading"\n'
            f'[[markets]]\ncoin = "BTC"\n[account]\naddress = "{ME}"\n[signer]\n{signer}\n'
        )
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
        assert "signer" in shown
        assert not [secret[i : i + 12] for i in range(0, 64, 4) if secret[i : i + 12] in shown]


def test_l42_nothing_that_a_trading_run_leaves_behind_knows_the_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole run with a key of its own: the picture of the engine, the journal on disk, the log, the crash report of a signature that
    failed in the middle with every local variable of the frames. The key is in none of them, nor is any part of it."""
    secret = "4f3edf983ac636a65a842ce7c78d9aa7" * 2
    stage = WireStage()
    stage.signer = Signer(KeyManager(SigningKey.from_hex(secret)), is_mainnet=False)
    with caplog.at_level(logging.DEBUG):
        stage.enter()
        logging.getLogger("test").error("state %r %r %r", stage.signer, stage.signer._keys, vars(stage))
        journal = Journal.open(tmp_path / "journal.db", ManualClock(stage.now))
        write_down(stage, journal)
        journal.close()
        try:
            stage.signer.build_and_sign(stage.posts[0].batch, 1, None, dict[MarketKey, int]().__getitem__)
        except KeyError as e:
            crash = "".join(traceback.TracebackException.from_exception(e, capture_locals=True).format())
            crash = crash.replace(repr(secret), "")  # this test's own frame has it
    everything = io.StringIO()
    for part in (caplog.text, crash, repr(stage.snapshot()), repr(stage.bytes_of), repr(stage.log)):
        everything.write(part)
    for path in tmp_path.rglob("*"):
        everything.write(path.read_bytes().decode("latin-1"))
    text = everything.getvalue().lower()
    assert "trading" in text
    assert len(text) > 20_000
    number = str(int(secret, 16))
    pieces = [secret[i : i + 10] for i in range(0, 54, 3)] + [number[i : i + 15] for i in range(0, 60, 5)]
    assert not [p for p in pieces if p in text]


# --- parameters -------------------------------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], None]


def changed(market: str, change: Change) -> Callable[[dict[str, Any], Any], Any]:
    """The exchange's answers with one market's entry in the universe changed."""

    def instead(body: dict[str, Any], answer: Any) -> Any:
        if body["type"] == "meta" and body["dex"] == "xyz":
            change(next(e for e in answer["universe"] if e["name"] == market))
        return answer

    return instead


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda e: e.pop("growthMode"), "growth_mode True -> False, fee_scale 0.2 -> 2"),
        (lambda e: e.update(deployerFeeScale="0.5"), "fee_scale 0.2 -> 0.15"),
        (lambda e: e.update(maxLeverage=3), "max_leverage 10 -> 3"),
        (lambda e: e.update(szDecimals=2), "sz_decimals 3 -> 2"),
        (lambda e: e.update(isDelisted=True), "is_delisted False -> True"),
    ],
    ids=["growth mode", "fee scale", "leverage", "lot", "delisted"],
)
def test_l45_a_parameter_that_changes_while_we_trade_stops_and_flattens(change: Change, told: str) -> None:
    """Overnight the venue takes SNDK out of growth mode (or halves its fee scale, or cuts its leverage): every threshold was worked out with
    the old figure. The hard stop names the field with both values, the position is closed, and the market stays shut after a reset."""
    stage = WireStage()
    stage.advance(50_000, step=500)
    stage.enter()
    assert stage.held()
    stage.instead = changed("xyz:SNDK", change)
    stage.advance(15_000)
    reason = stage.snapshot().hard_stop.reason
    assert reason.startswith("parameter change xyz:SNDK: ")
    assert told in reason
    left = stage.held()
    assert all(abs(D(size)) < D("0.01") for size in left.values()), "whatever is left is less than a lot"
    assert "parameters changed" in stage.m.market_gates.judge(stage.m.markets[SNDK], stage.now).blocked


def test_l45_a_change_behind_a_lost_connection_is_seen_by_the_next_one() -> None:
    """The list of markets is rearranged while the line is down: SNDK and MSTR have changed places. The next connection reads the ids anew and
    stops before any order could go to the wrong one."""
    stage = WireStage()

    def swap(body: dict[str, Any], answer: Any) -> Any:
        if body["type"] == "meta" and body["dex"] == "xyz":
            u = answer["universe"]
            i = next(i for i, e in enumerate(u) if e["name"] == "xyz:SNDK")
            u[i], u[i + 1] = u[i + 1], u[i]
        return answer

    stage.cut()
    stage.instead = swap
    stage.ready()
    assert any("parameter change xyz:SNDK: asset_id 110016 -> 110017" in text for text in stage.audit("hard stop"))
    assert "parameters changed" in stage.m.market_gates.judge(stage.m.markets[SNDK], stage.now).blocked
    assert stage.dislocate() is None


def test_l45_what_is_true_today_is_read_at_every_start() -> None:
    """Between two days growth mode ended. The first run's fee is not the second's: it is read from the exchange at each start, and the
    threshold on the screen moves with it, so that the same dislocation is no signal any more."""
    yesterday = WireStage()
    today = WireStage(exchange=yesterday.exchange, now_ms=yesterday.now, ready=False)
    today.instead = changed("xyz:SNDK", lambda e: e.pop("growthMode"))
    today.ready()
    before, after = yesterday.market(SNDK), today.market(SNDK)
    assert after.fee_bps == before.fee_bps * 10
    assert after.threshold_bps == before.threshold_bps + 9 * before.fee_bps
    bps = int(before.threshold_bps) + 3
    assert yesterday.dislocate(bps=bps) is not None
    assert today.dislocate(bps=bps) is None
    assert today.snapshot().state is TradingState.ACTIVE
    assert today.snapshot().tally.signals == 0


def test_l01_the_pin_that_fits_is_no_obstacle() -> None:
    """The same config with the right id starts and trades, on the id that was pinned."""
    config = replace(make_config(("xyz:SNDK",)), markets=(MarketConfig("xyz:SNDK", asset_idx=110016),))
    rig = Rig(config)
    assert rig.engine.asset_id(order_of(rig.enter()).market) == 110016
