"""`make demo`: the whole product in the background, with data that stays until `make clean`."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection

import config
import home
import programs
import template
from bench import Bench, answers, keep_log, take_port
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
			new = not (bench.etc / "code").exists()
			try:
				bring_up(bench)
			except Failure as e:
				if new:
					# A half-made site would be in the way of the next try.
					e.log = keep_log(e.log, bench)
					bench.destroy()
				raise
	tell(bench)
	return 0


def up_to_date(bench: Bench) -> bool:
	if not bench.exists() or bench.supervisor_pid() is None:
		return False
	if not same_code(bench):
		return False
	ports = chosen_ports(bench)
	if ports != {name: bench.settings["ports"][name] for name in ports}:
		return False
	return all("RUNNING" in line for line in bench.supervisorctl("status").stdout.splitlines())


def same_code(bench: Bench) -> bool:
	"""Whether the demo was last brought up with the code as it is now."""
	seen = bench.etc / "code"
	return seen.exists() and seen.read_text() == code_state()


def code_state() -> str:
	"""Changes whenever a file of the app does."""
	state = hashlib.sha256(f"{config.CHECKOUT} {Toolchain().describe()}".encode())
	for folder in (config.APP, "dev"):
		for file in sorted((config.CHECKOUT / folder).rglob("*")):
			if file.is_file() and "__pycache__" not in file.parts:
				info = file.stat()
				state.update(f"{file} {info.st_mtime_ns} {info.st_size}\n".encode())
	return state.hexdigest()


_given: dict[tuple[str, int], int] = {}


def chosen_ports(bench: Bench) -> dict[str, int]:
	"""The wanted ports, or the next free ones; the same ones each time it is asked.

	A port that this demo itself is using is free to it.
	"""
	kept = bench.settings.get("ports", {})
	running = bench.supervisor_pid() is not None
	ports = {}
	for name, variable, default in (
		("web", "MSP_LICENSING_WEB_PORT", 8000),
		("sandbox", "MSP_LICENSING_SANDBOX_PORT", 8088),
	):
		wanted = port_from_environment(variable) or kept.get(name) or default
		if running and wanted == kept.get(name):
			ports[name] = wanted
			continue
		if (name, wanted) not in _given:
			_given[name, wanted] = next_free(wanted)
		ports[name] = _given[name, wanted]
	return ports


def port_from_environment(variable: str) -> int | None:
	text = os.environ.get(variable)
	if not text:
		return None
	if not text.isdigit() or not 0 < int(text) < 65536:
		raise Failure(f"{variable} must be a port number, not {text!r}.")
	return int(text)


def next_free(port: int) -> int:
	"""The first free port from `port` on, taken for as long as this command runs: asked twice, it gives two ports."""
	free = next((p for p in range(port, min(port + 200, 65536)) if take_port(p)), None)
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
	elif not same_code(bench):
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
	if answer.exists():
		return
	step("Filling it with an example MSP and its clients")
	returned = bench.call("make the demo's data", DATA, log="demo-data", sandbox_url=sandbox_url(bench))
	answer.touch(mode=0o600)
	answer.write_text(json.dumps(returned))


def sandbox_url(bench: Bench) -> str:
	return f"http://127.0.0.1:{bench.settings['ports']['sandbox']}/v1"


def tell(bench: Bench) -> None:
	ports = bench.settings["ports"]
	address = f"http://localhost:{ports['web']}"
	say()
	say(f"  Portal         {address}/licensing")
	say(f"  Desk           {address}/app")
	say(f"  Pax8 stand-in  {sandbox_url(bench)}")
	say()
	answer = bench.etc / "logins.json"
	logins = json.loads(answer.read_text())["logins"] if answer.exists() else []
	logins.append(
		{
			"who": "System administrator",
			"where": "/app",
			"user": "Administrator",
			"password": config.ADMIN_PASSWORD,
		}
	)
	rows = [("Who", "Opens", "User", "Password")]
	rows += [(row["who"], row["where"], row["user"], row["password"]) for row in logins]
	for row in table(rows):
		say(f"  {row}")
	say()
	say(f"  Logs: {bench.logs}")
	say("  End it with `make stop`; the data stays until `make clean`.")


def table(rows: list[tuple[str, ...]]) -> list[str]:
	widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
	return [
		"  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
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
	port = next_free(port_from_environment("MSP_LICENSING_PREVIEW_PORT") or PREVIEW_PORT)
	url = f"http://127.0.0.1:{sandbox}/v1"
	env["MSP_LICENSING_SANDBOX_URL"] = url
	return foreground(
		[
			[str(python), "-m", f"{config.APP}.sandbox", "--port", str(sandbox)],
			[str(python), "-m", f"{config.APP}.preview", "--port", str(port)],
		],
		env,
		{sandbox, port},
		f"Preview: http://127.0.0.1:{port}    Pax8 stand-in: {url}    End with Ctrl-C",
	)


def foreground(
	commands: list[list[str]], env: dict[str, str], ports: Collection[int] = (), ready: str = ""
) -> int:
	"""Runs commands until one of them ends or somebody interrupts; none outlives this call.

	Says `ready` as soon as something answers on all of `ports`.
	"""
	running: list[subprocess.Popen] = []
	try:
		for command in commands:
			running.append(
				# nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
				subprocess.Popen(command, env=env, cwd=config.CHECKOUT)
			)
		while True:
			for process in running:
				if process.poll() is not None:
					return process.returncode
			if ready and all(map(answers, ports)):
				step(ready)
				ready = ""
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
