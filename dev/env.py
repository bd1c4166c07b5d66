"""Every developer command. Started by dev/run; standard library only. `help` lists what there is."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from report import Failure, say

HELP = """\
  make demo        the whole product, running here: site, background jobs, stand-in Pax8; prints addresses and logins
  make stop        end what `make demo` started (its data stays)
  make test        every test; ends everything it started      ARGS="-k threshold tests/unit"   KEEP=1
  make test-unit   only the tests that need no Frappe
  make preview     portal and policy without any site
  make lint        ruff, as continuous integration runs it
  make update      fetch the newest commit of the chosen Frappe (and ERPNext) branch
  make clean       stop everything and remove the home folder

  dev/run test-env up|down|reset|status    a site that stays, for development: eval "$(dev/run test-env up)"
  dev/run pytest …                         pytest on that site
  dev/run bench migrate                    any `bench --site …` command on that site

Choices, by environment: MSP_LICENSING_HOME (~/.msp-licensing), FRAPPE_REPO, FRAPPE_BRANCH (version-15), WITH_ERPNEXT=1,
ERPNEXT_REPO, ERPNEXT_BRANCH, MSP_LICENSING_WEB_PORT (8000), MSP_LICENSING_SANDBOX_PORT (8088), MSP_LICENSING_PYTHON.
"""


def main(arguments: list[str]) -> int:
	command, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
	if command in ("help", "-h", "--help"):
		say(HELP)
		return 0
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
