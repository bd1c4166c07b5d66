"""`make test`: every test, on a site that is made for this run and removed after it."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import config
import focus_validator
import home
import lint
import programs
import system
import template
import test_env
from bench import Bench, keep_log
from prepare import prepare_plain, prepare_site
from report import Failure, step, warn
from toolchain import OutOfReach, Toolchain

TESTS = config.CHECKOUT / "tests"
FOLDERS = ("unit", "conformance", "site", "drills", "browser")
ON_A_SITE = ("site", "drills", "browser")
KEEP = "keep"


def test(arguments: list[str]) -> int:
	"""Run the tests that are asked for; without arguments everything, the quick linters first."""
	failed = not arguments and lint.lint_before_tests()
	return run_tests(arguments) or int(failed)


def run_tests(arguments: list[str]) -> int:
	paths, options = split(arguments)
	env: dict[str, str] = {}
	if not any(needs(paths, kind) for kind in ON_A_SITE):
		return pytest(prepare_plain() / "bin" / "python", paths, options, env)
	browser = needs(paths, "browser")
	try:
		toolchain = prepare_site()
	except OutOfReach as e:
		warn(f"{e.sentence} Running the tests that need no Frappe.")
		env["MSP_LICENSING_NO_SITE"] = (
			f"{e.sentence} Fix: make that address reachable, or name another with FRAPPE_REPO and FRAPPE_BRANCH."
		)
		return pytest(prepare_plain() / "bin" / "python", paths, options, env)
	env["MSP_LICENSING_REQUIRE_SITE"] = "1"
	if needs(paths, "site"):
		env.update(focus_validator.environment())
	if browser:
		try:
			prepare_site(assets=True)
			system.require_chromium(toolchain.venv)
			env["MSP_LICENSING_REQUIRE_BROWSER"] = "1"
		except Failure as e:
			warn(e.sentence)
			env["MSP_LICENSING_NO_BROWSER"] = f"{e.sentence} Fix: see {e.log or 'above'}, then run again."
			browser = False
	return on_a_site(toolchain, paths, options, env, browser=browser)


def test_unit(arguments: list[str]) -> int:
	_, options = split(arguments)
	paths = [str(TESTS / name) for name in ("unit", "conformance") if (TESTS / name).is_dir()]
	return pytest(prepare_plain() / "bin" / "python", paths, options, {})


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
	"""Paths named by the caller, or all folders in the order in which failures are cheapest to find."""
	paths = [
		a
		for a in arguments
		if not a.startswith("-") and (a.startswith("tests") or (config.CHECKOUT / a.split("::")[0]).exists())
	]
	options = [a for a in arguments if a not in paths]
	return paths or [f"tests/{name}" for name in FOLDERS if (TESTS / name).is_dir()], options


def needs(paths: list[str], kind: str) -> bool:
	folder = TESTS / kind
	if not any(folder.rglob("test_*.py")):
		return False
	for path in paths:
		chosen = (config.CHECKOUT / path.split("::")[0]).resolve()
		if chosen == folder or folder in chosen.parents or chosen in folder.parents:
			return True
	return False


def on_a_site(
	toolchain: Toolchain, paths: list[str], options: list[str], env: dict[str, str], *, browser: bool
) -> int:
	remove_abandoned(toolchain)
	count = processes(paths, options)
	with ExitStack() as stack:
		first = stack.enter_context(site_for_one_run(toolchain, assets=browser))
		benches = [first]
		if count > 1:
			step(f"Making {count - 1} more like it: {count} processes share the tests")
			first.stop()
			for number in range(2, count + 1):
				benches.append(
					stack.enter_context(
						site_for_one_run(toolchain, assets=browser, like=first, number=number)
					)
				)
			first.start(programs.all_of(first))
			sites = [test_env.exports(bench) for bench in benches]
			env = {**env, "MSP_LICENSING_TEST_SITES": json.dumps(sites)}
			# A file's tests stay together, and files in their order: tests that need the running site come last.
			options = [*options, f"--numprocesses={count}", "--dist=loadfile", "--no-loadscope-reorder"]
		code = pytest(toolchain.python, paths, options, {**test_env.exports(first), **env})
		if code:
			save_logs(benches)
		return code


def processes(paths: list[str], options: list[str]) -> int:
	"""How many processes share the tests: as many as there are processors, four at most, one where that makes no sense."""
	if chosen := os.environ.get("MSP_LICENSING_TEST_PROCESSES"):
		if not chosen.isdecimal() or not int(chosen):
			raise Failure(f"MSP_LICENSING_TEST_PROCESSES is a number from 1 on, not {chosen!r}.")
		return int(chosen)
	whole = {f"tests/{name}" for name in FOLDERS}
	alone = {"--pdb", "--trace", "-s", "--capture=no"}.intersection(options)
	if alone or not whole.intersection(path.rstrip("/") for path in paths):
		return 1
	return min(4, len(os.sched_getaffinity(0)))


@contextmanager
def site_for_one_run(
	toolchain: Toolchain, *, assets: bool, like: Bench | None = None, number: int = 1
) -> Iterator[Bench]:
	"""A new site with the app, with a database and Redis of its own; removed in the end, unless KEEP is set.

	With `like`, a stopped bench of this run, it is a copy of that one.
	"""
	name = f"{time.strftime('%Y%m%d-%H%M%S')}-{number}-{os.getpid()}"
	bench = Bench(config.home() / "runs" / name, toolchain)
	failed = True
	try:
		if not like:
			step("Making a site for this run")
		template.copy(like or template.template(toolchain), bench, test_env.SITE, allow_tests=True)
		if assets:
			bench.link_assets()
		else:
			bench.without_assets()
		bench.start(programs.all_of(bench))
		if not like:
			step(f"Installing {config.APP} into it")
			bench.frappe(f"install {config.APP}", "install-app", config.APP)
		yield bench
		failed = False
	except Failure as e:
		e.log = keep_log(e.log, bench)
		raise
	finally:
		for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
			signal.signal(each, signal.SIG_IGN)
		if os.environ.get("KEEP"):
			keep(bench)
		elif bench.path.exists():
			if failed:
				save_logs([bench])
			bench.destroy()


def pytest(python: Path, paths: list[str], options: list[str], env: dict[str, str]) -> int:
	if not paths:
		raise Failure("There are no tests here.")
	command = [str(python), "-m", "pytest", *paths, *options]
	step(f"pytest {shlex.join([*paths, *options])}")
	full = {**os.environ, "PYTHONPATH": str(config.CHECKOUT), **env}
	# nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
	process = subprocess.Popen(command, cwd=config.CHECKOUT, env=full)
	try:
		return process.wait()
	except KeyboardInterrupt:
		# pytest got the same Ctrl-C from the terminal, but not a SIGTERM that was sent to us alone.
		process.terminate()
		try:
			process.wait(20)
		except subprocess.TimeoutExpired:
			process.kill()
			process.wait()
		raise


def save_logs(benches: list[Bench]) -> None:
	"""The last failed run's logs, since its folders go."""
	target = config.home() / "logs" / "last-failed-run"
	if target.exists():
		home.remove(target)
	for number, bench in enumerate(benches, 1):
		folder = target / str(number) if len(benches) > 1 else target
		folder.mkdir(parents=True)
		for kind in ("*.log", "*.png"):
			for file in bench.logs.glob(kind):
				shutil.copy2(file, folder)
	step(f"The logs of this run's services, and what browsers showed where a test failed: {target}")


def keep(bench: Bench) -> None:
	(bench.etc / KEEP).touch()
	lines = [f"export {name}={shlex.quote(value)}" for name, value in test_env.exports(bench).items()]
	script = bench.etc / "env.sh"
	script.write_text("\n".join(lines) + "\n")
	step(f"Kept, and running: {bench.path}")
	step(f"To get in: source {script} && pytest tests/site")
	step(
		f"To end it: {shlex.join(bench.supervisorctl_command())} shutdown && rm -r {bench.path}    (or make clean)"
	)


def remove_abandoned(toolchain: Toolchain) -> None:
	"""Runs whose process was killed before it could clean up."""
	for path in (config.home() / "runs").glob("*"):
		bench = Bench(path, toolchain)
		if (bench.etc / KEEP).exists():
			continue
		pid = int(path.name.rsplit("-", 1)[-1])
		if not Path(f"/proc/{pid}").exists():
			step(f"Removing what an earlier run left behind: {path.name}")
			bench.destroy()
