"""`reconcile`: whether the books of coins and money agree with themselves, and with the providers' own."""

import argparse

from operations import session
from services.provider_reconciliation import reconcile_providers
from services.reconciliation import reconcile

HELP = "compare the ledger, the wallets, what was sold, and what the payment providers list"
DRIFTED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Say which options there are."""
    parser.add_argument("--offline", action="store_true", help="ask no payment provider")


def run(arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Print every finding; returns 1 when there is one."""
    with session.opened(environ):
        findings = reconcile().findings
        if not arguments.offline:
            findings += reconcile_providers().findings
    for finding in findings:
        print(f"{finding.check}: {finding.subject}: {finding.detail}")
    print(f"{len(findings)} findings" if findings else "the books agree")
    return DRIFTED if findings else 0
