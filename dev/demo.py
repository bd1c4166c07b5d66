"""`make demo`: the whole product in the background, with data that stays until `make clean`."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import config
import home
import programs
import template
from bench import Bench, port_free
from prepare import prepare_plain, prepare_site
from report import Failure, say, step, warn
from toolchain import OutOfReach, Toolchain

SITE = "demo.localhost"
DATA = f"{config.APP}.setup.demo.make"
PREVIEW_PORT = 8090


def demo(*, update: bool = False) -> int:
	try:
		toolchain = prepare_site(assets=True, update=update)
	except OutOfReach as e:
		warn(f"{e.sentence} Showing the preview instead, which needs no Frappe.")
		return preview()
	bench = Bench(config.home() / "demo" / toolchain.key, toolchain)
	with home.lock(f"demo-{toolchain.key}"):
		if up_to_date(bench):
			step("The demo is running already, with the code as it is now.")
		else:
			bring_up(bench)
	tell(bench)
	return 0


def up_to_date(bench: Bench) -> bool:
	if not bench.exists() or bench.supervisor_pid() is None:
		return False
	seen = bench.etc / "code"
	if not seen.exists() or seen.read_text() != code_state():
		return False
	ports = chosen_ports(bench)
	if ports != {name: bench.settings["ports"][name] for name in ports}:
		return False
	return all("RUNNING" in line for line in bench.supervisorctl("status").stdout.splitlines())


def code_state() -> str:
	"""Changes whenever a file of the app does."""
	state = hashlib.sha256(str(config.CHECKOUT).encode())
	for folder in (config.APP, "dev"):
		for file in sorted((config.CHECKOUT / folder).rglob("*")):
			if file.is_file() and "__pycache__" not in file.parts:
				info = file.stat()
				state.update(f"{file} {info.st_mtime_ns} {info.st_size}\n".encode())
	return state.hexdigest()


def chosen_ports(bench: Bench) -> dict[str, int]:
	"""The wanted ports, or the next free ones. A port that this demo itself is using is free to it."""
	kept = bench.settings.get("ports", {})
	running = bench.supervisor_pid() is not None
	ports = {}
	for name, variable, default in (
		("web", "MSP_LICENSING_WEB_PORT", 8000),
		("sandbox", "MSP_LICENSING_SANDBOX_PORT", 8088),
	):
		wanted = port_from_environment(variable) or kept.get(name) or default
		ports[name] = wanted if running and wanted == kept.get(name) else next_free(wanted)
	return ports


def port_from_environment(variable: str) -> int | None:
	text = os.environ.get(variable)
	if not text:
		return None
	if not text.isdigit() or not 0 < int(text) < 65536:
		raise Failure(f"{variable} must be a port number, not {text!r}.")
	return int(text)


def next_free(port: int) -> int:
	free = next((p for p in range(port, min(port + 200, 65536)) if port_free(p)), None)
	if free is None:
		raise Failure(f"No free port from {port} on.")
	if free != port:
		step(f"Port {port} is taken by another program: using {free}")
	return free


def bring_up(bench: Bench) -> None:
	ports = chosen_ports(bench)
	if bench.supervisor_pid() is not None:
		step("Stopping the demo to bring it up to date")
		bench.supervisorctl("stop", *programs.all_of(bench))
	host = f"http://localhost:{ports['web']}"
	if not bench.exists():
		step("Making the demo site")
		home.remove(bench.path)
		template.copy(template.template(bench.toolchain), bench, SITE, ports=ports, host_name=host)
	else:
		bench.configure(SITE, with_app=True, ports=ports, host_name=host)
	bench.link_assets()
	commands = programs.all_of(bench)
	bench.start(commands)
	if config.APP not in bench.installed_apps():
		step(f"Installing {config.APP}")
		bench.frappe(f"install {config.APP}", "install-app", config.APP)
	else:
		step("Migrating the site to the code as it is now")
		bench.frappe("migrate the site", "migrate", "--skip-search-index")
	start_and_wait(bench, "sandbox")
	make_data(bench)
	bench.frappe("clear the cache", "clear-cache")
	step("Starting web server, workers, scheduler and realtime server")
	bench.start(commands, autostart=set(commands))
	for name in commands:
		if "RUNNING" not in bench.supervisorctl("status", name).stdout:
			bench.supervisorctl("start", name)
	bench.wait_for_port("web", ports["web"])
	if "socketio" in commands:
		bench.wait_for_port("socketio", bench.settings["ports"]["socketio"])
	(bench.etc / "code").write_text(code_state())


def start_and_wait(bench: Bench, program: str) -> None:
	bench.supervisorctl("start", program)
	bench.wait_for_port(program, bench.settings["ports"][program])


def make_data(bench: Bench) -> None:
	"""Fills the site, once. What comes back are the logins to print."""
	answer = bench.etc / "logins.json"
	if answer.exists() or not (config.CHECKOUT / config.APP / "setup" / "demo.py").exists():
		return
	step("Filling it with an example MSP and its clients")
	answer.touch(mode=0o600)
	try:
		bench.python_script(
			"make the demo's data",
			Path(__file__).with_name("call.py"),
			bench.site,
			DATA,
			json.dumps({"sandbox_url": f"http://127.0.0.1:{bench.settings['ports']['sandbox']}"}),
			str(answer),
			log="demo-data",
		)
		json.loads(answer.read_text())
	except BaseException:
		answer.unlink()
		raise


def tell(bench: Bench) -> None:
	ports = bench.settings["ports"]
	address = f"http://localhost:{ports['web']}"
	say()
	say(f"  Portal      {address}/licensing")
	say(f"  Desk        {address}/app")
	say(f"  Pax8 stand-in  http://127.0.0.1:{ports['sandbox']}")
	say()
	rows = [("Administrator", config.ADMIN_PASSWORD, "System Manager")]
	answer = bench.etc / "logins.json"
	if answer.exists():
		rows += login_rows(json.loads(answer.read_text()))
	for row in table(rows):
		say(f"  {row}")
	say()
	say(f"  Logs: {bench.logs}    End it: make stop")


def login_rows(answer: object) -> list[tuple[str, ...]]:
	"""Takes {"logins": [{"user", "password", "what"}]} and close relatives of it."""
	logins = answer.get("logins", answer) if isinstance(answer, dict) else answer
	if isinstance(logins, dict):
		logins = [
			{"user": user, **(rest if isinstance(rest, dict) else {"password": rest})}
			for user, rest in logins.items()
		]
	rows = []
	for login in logins if isinstance(logins, list) else []:
		if isinstance(login, dict):
			rows.append(tuple(str(value) for value in login.values()))
		elif isinstance(login, list | tuple):
			rows.append(tuple(map(str, login)))
	return [row for row in rows if row[0] != "Administrator"]


def table(rows: list[tuple[str, ...]]) -> list[str]:
	columns = max(map(len, rows))
	padded = [(*row, *[""] * (columns - len(row))) for row in rows]
	widths = [max(len(row[i]) for row in padded) for i in range(columns)]
	return [
		"  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
		for row in padded
	]


def stop() -> int:
	found = False
	for path in sorted((config.home() / "demo").glob("*")):
		bench = Bench(path, Toolchain())
		if bench.supervisor_pid() is not None:
			found = True
			step(f"Stopping the demo in {path}")
		bench.stop()
	say("Stopped. Its data stays: `make demo` brings it back." if found else "No demo is running.")
	return 0


def preview(arguments: list[str] | None = None) -> int:
	"""In the foreground: the stand-in Pax8, and the preview reading from it."""
	python = prepare_plain() / "bin" / "python"
	env = {**os.environ, "PYTHONPATH": str(config.CHECKOUT), "PYTHONUNBUFFERED": "1"}
	if arguments:
		return foreground([[str(python), "-m", f"{config.APP}.preview", *arguments]], env)
	sandbox = next_free(port_from_environment("MSP_LICENSING_SANDBOX_PORT") or 8088)
	port = next_free(PREVIEW_PORT)
	url = f"http://127.0.0.1:{sandbox}"
	env["MSP_LICENSING_SANDBOX_URL"] = url
	step(f"Preview: http://127.0.0.1:{port}    Pax8 stand-in: {url}    End with Ctrl-C")
	return foreground(
		[
			[str(python), "-m", f"{config.APP}.sandbox", "--port", str(sandbox)],
			[str(python), "-m", f"{config.APP}.preview", "--port", str(port)],
		],
		env,
	)


def foreground(commands: list[list[str]], env: dict[str, str]) -> int:
	"""Runs commands until one of them ends or somebody interrupts; none outlives this call."""
	running: list[subprocess.Popen] = []
	try:
		for command in commands:
			running.append(subprocess.Popen(command, env=env, cwd=config.CHECKOUT))
		while True:
			for process in running:
				if process.poll() is not None:
					return process.returncode
			time.sleep(0.2)
	except KeyboardInterrupt:
		return 0
	finally:
		signal.signal(signal.SIGINT, signal.SIG_IGN)
		for process in running:
			process.terminate()
		for process in running:
			try:
				process.wait(10)
			except subprocess.TimeoutExpired:
				process.kill()
		sys.stderr.flush()
