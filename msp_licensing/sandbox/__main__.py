"""`python -m msp_licensing.sandbox`: serve a stand-in Pax8 until told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from msp_licensing.sandbox import Sandbox, SandboxConfig
from msp_licensing.sandbox.dates import parse_moment


def _parser() -> argparse.ArgumentParser:
	parser = argparse.ArgumentParser(
		prog="python -m msp_licensing.sandbox",
		description="A stand-in Pax8 API with state, made-up data and a control API under /_sandbox.",
		formatter_class=argparse.ArgumentDefaultsHelpFormatter,
	)
	defaults = SandboxConfig()
	parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
	parser.add_argument("--port", type=int, default=8088, help="port to listen on, 0 = a free one")
	parser.add_argument("--seed", type=int, default=defaults.seed, help="the same seed gives the same data")
	for name in ("companies", "products", "subscriptions"):
		parser.add_argument(
			f"--{name}",
			type=_count,
			default=getattr(defaults, name),
			help=f"{name} in all, the storybook's included",
		)
	parser.add_argument("--client-id", default=defaults.client_id, help="client id that gets a token")
	parser.add_argument("--client-secret", default=defaults.client_secret, help="its secret")
	parser.add_argument(
		"--rate-limit", type=_count, default=defaults.rate_limit, help="calls accepted a minute, 0 = no limit"
	)
	parser.add_argument(
		"--no-retry-after", dest="retry_after", action="store_false", help="leave Retry-After out of a 429"
	)
	parser.add_argument(
		"--provisioning-seconds",
		type=_seconds,
		default=defaults.provisioning_seconds,
		help="how long a change shows as being provisioned",
	)
	parser.add_argument(
		"--latency-ms",
		type=_seconds,
		default=defaults.latency_ms,
		help="milliseconds to wait before each answer",
	)
	parser.add_argument(
		"--azure-usage-lines",
		choices=("running", "daily"),
		default=defaults.azure_usage_lines,
		help="what Azure's usage lines of a day are: totals of the month so far, or that day's",
	)
	parser.add_argument(
		"--now", type=parse_moment, default=None, help="where the sandbox clock starts (ISO 8601)"
	)
	parser.add_argument(
		"--open-control",
		action="store_true",
		help="serve /_sandbox to other machines too (they can change all)",
	)
	parser.add_argument("--quiet", action="store_true", help="do not print the calls")
	return parser


def _count(text: str) -> int:
	value = int(text)
	if value < 0:
		raise argparse.ArgumentTypeError("must be 0 or more")
	return value


def _seconds(text: str) -> float:
	value = float(text)
	if not 0 <= value < float("inf"):
		raise argparse.ArgumentTypeError("must be 0 or more")
	return value


def main(arguments: Sequence[str] | None = None) -> int:
	"""Serve until SIGINT or SIGTERM. Returns the exit code: 1 where the address cannot be used."""
	given = vars(_parser().parse_args(arguments))
	host, port = given.pop("host"), given.pop("port")
	quiet, open_control = given.pop("quiet"), given.pop("open_control")
	stop = threading.Event()
	for number in (signal.SIGINT, signal.SIGTERM):
		signal.signal(number, lambda *_: stop.set())
	try:
		sandbox = Sandbox(
			SandboxConfig(**given), host=host, port=port, quiet=quiet, open_control=open_control
		)
	except OSError as error:
		print(f"Cannot listen on {host}:{port}: {error.strerror or error}", file=sys.stderr)
		return 1
	with sandbox:
		world = sandbox.world
		# Scripts read the URL from this first line: keep its beginning as it is.
		print(
			f"Pax8 sandbox on {sandbox.url} with {len(world.companies)} companies, {len(world.products)} products, "
			f"{len(world.subscriptions)} subscriptions; client id '{sandbox.config.client_id}', "
			f"control at {sandbox.control_url}",
			flush=True,
		)
		# Waiting in pieces lets Python run the signal handlers on every platform.
		while not stop.wait(0.5):
			pass
	return 0


if __name__ == "__main__":
	sys.exit(main())
