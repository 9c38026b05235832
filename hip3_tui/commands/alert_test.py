"""`hip3-tui alert-test`: one alert to every target, and for each whether it was taken."""

from __future__ import annotations

import os
import sys

import click

from hip3_tui.commands.common import CONFIG_HELP, refusals, refuse


@click.command("alert-test")
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
def alert_test(config_name: str | None) -> None:
    """Send one test alert to every notification URL of the config, once, and say what each service answered.

    Exit code 0: all of them took it, 1: at least one did not, 78: the config names none, or cannot be used.
    """
    from core.runtime.alert_trial import send_test_alerts
    from core.runtime.alert_urls import read_alert_urls
    from core.runtime.config_file import config_path, load_config

    with refusals():
        path = config_path(config_name, os.environ)
        config = load_config(path)
        urls, warnings = read_alert_urls(config.alerts, os.environ, str(path))
    if not urls:
        refuse(f"{path}: alerts: no target; name some with urls_env, urls_files or urls")
    for warning in warnings:
        click.echo(f"hip3-tui: {warning}", err=True)
    results = send_test_alerts(urls, config.alerts.timeout_ms, config.network.value)
    for name, why in results:
        click.echo(f"{name}: {'delivered' if not why else f'NOT delivered: {why}'}")
    sys.exit(0 if not any(why for _, why in results) else 1)
