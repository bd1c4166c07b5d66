"""Every developer command. Started by dev/run; standard library only. `help` lists what there is."""

import os
import signal
import sys

from report import Failure, say

HELP = """\
  make demo        the whole product, running here: site, background jobs, stand-in Pax8; prints addresses and logins
  make stop        end what `make demo` started (its data stays)
  make test        every test, after the quick linters; ends everything it started      ARGS="-k threshold tests/unit"   KEEP=1
  make test-unit   only the tests that need no Frappe
  make bench       scale and speed of the sync, measured; half an hour      ARGS="--quick" (a tenth of it)
  make preview     portal and policy without any site
  make lint        ruff, import-linter, mypy and Frappe's semgrep rules, as continuous integration runs them
  make format      the same without semgrep, after ruff has mended what it can
  make update      fetch the newest commit of the chosen Frappe (and ERPNext) branch, and of Frappe's semgrep rules
  make clean       stop everything and remove the home folder

  dev/run test-env up|down|reset|status    a site that stays, for development: eval "$(dev/run test-env up)"
  dev/run pytest …                         pytest on that site
  dev/run bench migrate                    any `bench --site …` command on that site

Choices, by environment: MSP_LICENSING_HOME (~/.msp-licensing), FRAPPE_REPO, FRAPPE_BRANCH (version-16 with Python 3.14,
else version-15), WITH_ERPNEXT=1, ERPNEXT_REPO, ERPNEXT_BRANCH, MSP_LICENSING_WEB_PORT (8000), MSP_LICENSING_SANDBOX_PORT
(8088), MSP_LICENSING_PREVIEW_PORT (8090), MSP_LICENSING_PYTHON, MSP_LICENSING_TEST_PROCESSES (how many processes share the
tests; by default one for each processor, at most four).
"""


def main(arguments: list[str]) -> int:
	command, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
	if command in ("help", "-h", "--help"):
		say(HELP)
		return 0
	if command in ("demo", "update"):
		import demo

		return demo.demo() if command == "demo" else update()
	if command == "stop":
		import demo

		return demo.stop()
	if command == "preview":
		import demo

		return demo.preview(rest)
	if command in ("test", "test-unit"):
		import testing

		return testing.test(rest) if command == "test" else testing.test_unit(rest)
	if command == "benchmark":
		import benchmark

		return benchmark.benchmark(rest)
	if command == "lint":
		import lint

		return lint.lint(rest)
	if command == "clean":
		return clean()
	if command == "test-env":
		import test_env

		return test_env.main(rest)
	if command == "pytest":
		import test_env
		from toolchain import Toolchain

		return test_env.in_env([str(Toolchain().python), "-m", "pytest", *rest])
	if command == "bench":
		import test_env

		return test_env.frappe(rest)
	say(HELP)
	raise Failure(f"There is no command {command!r}.")


def update() -> int:
	import lint
	from prepare import prepare_site

	prepare_site(update=True)
	lint.update_rules()
	return 0


def clean() -> int:
	"""Stops whatever runs below the home folder, then removes it."""
	import config
	import home
	from bench import Bench
	from toolchain import Toolchain

	root = config.home()
	for pattern in ("demo/*", "env/*", "runs/*", "toolchains/*/template/*"):
		for path in root.glob(pattern):
			Bench(path, Toolchain()).stop()
	home.clean()
	return 0


def interrupted(signum: int, frame: object) -> None:
	raise KeyboardInterrupt


if __name__ == "__main__":
	# A terminated run cleans up like an interrupted one.
	signal.signal(signal.SIGTERM, interrupted)
	signal.signal(signal.SIGHUP, interrupted)
	os.umask(0o077)
	try:
		sys.exit(main(sys.argv[1:]))
	except Failure as e:
		say(f"Error: {e.sentence}")
		if e.log and e.log.exists():
			say(f"       Everything it said: {e.log}")
		sys.exit(1)
	except KeyboardInterrupt:
		say("Interrupted.")
		sys.exit(130)
