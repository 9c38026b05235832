"""`hip3-tui keys`, and what every command says to keys that cannot be used."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hip3_tui.cli import main
from hip3_tui.operator_actions import OPERATOR_ACTIONS

SIM_CONFIG = Path(__file__).parents[2] / "config" / "sim.toml"


@pytest.fixture(autouse=True)
def _no_config_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIP3_CONFIG", raising=False)


def called(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def written(tmp_path: Path, keys: str) -> str:
    path = tmp_path / "own.toml"
    path.write_text(f"{SIM_CONFIG.read_text(encoding='utf-8')}\n[console.keys]\n{keys}\n", encoding="utf-8")
    return str(path)


def test_every_action_is_named_with_its_keys() -> None:
    result = called("keys")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [action.id for action in OPERATOR_ACTIONS]
    assert next(line for line in lines if line.startswith("quit")).split()[1:5] == ["q", "Q", "ctrl+c", "ctrl+q"]


def test_what_it_names_may_be_written_into_a_config(tmp_path: Path) -> None:
    keys = "\n".join(f"{a.id} = [{', '.join(repr(k) for k in a.keys)}]" for a in OPERATOR_ACTIONS).replace("'", '"')
    assert called("keys", "--config", written(tmp_path, keys)).stdout == called("keys").stdout


def test_the_operators_own_are_shown(tmp_path: Path) -> None:
    shown = called("keys", "--config", written(tmp_path, 'flatten_all = ["z"]\nhelp = []')).stdout
    assert "flatten_all      z " in shown
    assert "help             (none) " in shown


@pytest.mark.parametrize("command", [("run",), ("config", "check"), ("keys",)])
@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ('flatten = ["z"]', "console.keys: 'flatten': no such action; did you mean 'flatten_all'? allowed: "),
        ('flatten_all = ["x"]', "console.keys: 'x' is given to two actions: flatten_all and hard_stop"),
        ("hard_stop = []", "console.keys: hard_stop: needs at least one key"),
        ("quit = []", "console.keys: quit: needs at least one key"),
        ('help = ["F99"]', "console.keys: help: 'F99' is no key; "),
        ("help = 5", "console.keys: expected a list of keys in quotes for 'help' (found 5)"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_in_one_line(
    tmp_path: Path, command: tuple[str, ...], keys: str, why: str
) -> None:
    result = called(*command, "--config", written(tmp_path, keys))
    assert result.exit_code == 78
    (line,) = result.stderr.splitlines()
    assert why in line
    assert "own.toml: " in line


def test_a_dumb_terminal_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    result = called("run", "--config", str(SIM_CONFIG))
    assert result.exit_code == 78
    assert result.stderr.startswith("hip3-tui: TERM is 'dumb'")
