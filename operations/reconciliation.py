"""`reconcile`: whether the books of coins and money agree with themselves."""

import argparse

from operations import session
from services.reconciliation import reconcile

HELP = "compare the ledger, the wallets, the purchases and the gifts"
DRIFTED = 1


def configure(_parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(_arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Print every finding; returns 1 when there is one."""
    with session.opened(environ):
        report = reconcile()
    for finding in report.findings:
        print(f"{finding.check}: {finding.subject}: {finding.detail}")
    print("the books agree" if report.clean else f"{len(report.findings)} findings")
    return 0 if report.clean else DRIFTED
