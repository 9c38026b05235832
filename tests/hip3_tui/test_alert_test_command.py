"""`hip3-tui alert-test` as an operator calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from notification_servers import NotificationServer

SIM_CONFIG = Path(__file__).parents[2] / "config" / "sim.toml"
TOKEN = "JHMHI8qBe7bk2ZwO5U711o3dV"


def alert_test(tmp_path: Path, lines: str, **environ: str) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "own.toml"
    config.write_text(SIM_CONFIG.read_text(encoding="utf-8") + lines, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "hip3_tui", "alert-test", "--config", str(config)],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environ},
    )  # fmt: skip


def test_each_target_is_told_with_why_not(tmp_path: Path) -> None:
    with NotificationServer() as fine, NotificationServer() as angry:
        angry.status = 403
        urls = f"json://127.0.0.1:{fine.port}/{TOKEN} ntfy://127.0.0.1:{angry.port}/{TOKEN} bogus://{TOKEN}"
        done = alert_test(tmp_path, '[alerts]\nurls_env = ["OPS"]\n', OPS=urls)
        assert len(fine.taken) == 1
        assert "hip3-tui: test alert" in fine.taken[0].body
        lines = done.stdout.splitlines()
        assert lines == [
            f"json://127.0.0.1:{fine.port}/... (target 1): delivered",
            "ntfy://... (target 2): NOT delivered: HTTP 403",
            "bogus://... (target 3): NOT delivered: no notification service that we know has such a URL",
        ]
    assert done.returncode == 1, done.stderr
    assert TOKEN not in done.stdout + done.stderr


def test_all_delivered_is_success(tmp_path: Path) -> None:
    with NotificationServer() as server:
        file = tmp_path / "urls"
        file.write_text(f"# phone\njson://127.0.0.1:{server.port}/{TOKEN}\n")
        file.chmod(0o644)
        done = alert_test(tmp_path, '[alerts]\nurls_files = ["urls"]\n')
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"json://127.0.0.1:{server.port}/... (target 1): delivered\n"
    assert done.stderr == f"hip3-tui: alerts: {file} can be read by others; chmod 600 keeps its URLs yours\n"


def test_a_config_without_targets_is_refused_with_what_to_do(tmp_path: Path) -> None:
    done = alert_test(tmp_path, "")
    assert done.returncode == 78
    assert done.stderr.endswith("own.toml: alerts: no target; name some with urls_env, urls_files or urls\n")
    done = alert_test(tmp_path, '[alerts]\nurls_env = ["NO_SUCH"]\n')
    assert done.returncode == 78
    assert "alerts.urls_env: variable NO_SUCH is not set" in done.stderr
