"""The command line: `floorwalker`. Data on stdout, words on stderr.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused.
"""

import typer

from agents.cli import (
    backfill,
    backtest,
    check,
    connect,
    failed,
    gateway,
    identities,
    keys,
    notifier,
    policies,
    replay,
    status,
    topics,
    up,
    worker,
)
from agents.cli.console import fail_clearly
from agents.cli.demo import command as demo

app = typer.Typer(
    name="floorwalker",
    help="Streaming event processing for contact centres: live numbers, customer state and SLA breaches from Kafka.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("worker")(worker.worker)
app.command("gateway")(gateway.gateway)
app.command("connect")(connect.connect)
app.command("notifier")(notifier.notifier)
app.add_typer(notifier.receivers, name="receivers")
app.command("replay")(replay.replay)
app.command("backfill")(backfill.backfill)
app.command("backtest")(backtest.backtest)
app.add_typer(failed.app, name="failed")
app.command("topics")(topics.topics)
app.command("check")(check.check)
app.command("status")(status.status)
app.add_typer(policies.app, name="policies")
app.add_typer(identities.app, name="identities")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run the command line; an error that we know ends as a sentence, not as a traceback."""
    fail_clearly(app)
