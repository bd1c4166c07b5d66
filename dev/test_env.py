"""A site that stays: for writing code against, with the app of this checkout installed.

`test-env up` prints shell lines on stdout, everything else on stderr: eval "$(dev/run test-env up)".
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import config
import focus_validator
import home
import programs
import template
from bench import Bench
from prepare import prepare_site
from report import Failure, say, step
from toolchain import Toolchain

SITE = "test.localhost"


def bench_of(toolchain: Toolchain) -> Bench:
	return Bench(config.home() / "env" / f"{toolchain.key}-{config.checkout_key()}", toolchain)


def up(*, migrate: bool = True, assets: bool = False) -> Bench:
	toolchain = prepare_site(assets=assets)
	with home.lock(f"env-{toolchain.key}-{config.checkout_key()}"):
		return _up(toolchain, migrate=migrate, assets=assets)


def _up(toolchain: Toolchain, *, migrate: bool, assets: bool) -> Bench:
	bench = bench_of(toolchain)
	if not bench.exists():
		source = template.template(toolchain)
		step(f"Copying the site to {bench.path}")
		template.copy(source, bench, SITE, allow_tests=True)
	else:
		bench.configure(SITE, with_app=True, allow_tests=True)
	if assets:
		bench.link_assets()
	else:
		bench.without_assets()
	bench.start(programs.all_of(bench))
	if config.APP not in bench.installed_apps():
		step(f"Installing {config.APP} into the site")
		bench.frappe(f"install {config.APP}", "install-app", config.APP)
	elif migrate:
		step("Migrating the site")
		bench.frappe("migrate the site", "migrate", "--skip-search-index")
	return bench


def exports(bench: Bench, extra: dict[str, str] | None = None) -> dict[str, str]:
	"""What tests need to find the site. Also what a shell needs to use it by hand."""
	env = bench.environment()
	names = (
		"PATH",
		"PYTHONPATH",
		"FRAPPE_BENCH_ROOT",
		"FRAPPE_SITES_PATH",
		"FRAPPE_TEST_SITE",
		"FRAPPE_SITE",
	)
	chosen = {name: env[name] for name in names}
	chosen.update(programs.environment(bench))
	chosen.update(focus_validator.installed())
	chosen.update(extra or {})
	return chosen


def down() -> None:
	bench = bench_of(Toolchain())
	bench.stop()
	step("The test environment is stopped. Its site stays: `dev/run test-env up` brings it back.")


def reset() -> None:
	bench = bench_of(Toolchain())
	if bench.path.exists():
		bench.destroy()
	step("The test environment is gone. `dev/run test-env up` makes a new one.")


def status() -> None:
	bench = bench_of(Toolchain())
	if not bench.exists():
		say("There is no test environment for this checkout.")
		return
	say(f"{bench.path}: {'running' if bench.supervisor_pid() else 'stopped'}, site {bench.site}")
	if bench.supervisor_pid():
		say(bench.supervisorctl("status").stdout)


def in_env(command: list[str], *, cwd: Path | None = None) -> int:
	"""Runs a command with the environment of the running test site."""
	bench = bench_of(Toolchain())
	if bench.supervisor_pid() is None:
		raise Failure("The test environment is not up. Start it with: dev/run test-env up")
	return subprocess.run(command, env={**os.environ, **exports(bench)}, cwd=cwd).returncode


def frappe(arguments: list[str]) -> int:
	"""`dev/run bench migrate` and the like: what `bench --site … ` does elsewhere."""
	bench = bench_of(Toolchain())
	return in_env(bench.frappe_command("--site", SITE, *arguments), cwd=bench.sites)


def main(arguments: list[str]) -> int:
	action = arguments[0] if arguments else "up"
	if action == "up":
		bench = up(migrate="--no-migrate" not in arguments, assets="--assets" in arguments)
		for name, value in exports(bench).items():
			print(f"export {name}={shlex.quote(value)}")
		sys.stdout.flush()
		step(f"Ready: {bench.site}, sites in {bench.sites}, Administrator / {config.ADMIN_PASSWORD}")
	elif action == "down":
		down()
	elif action == "reset":
		reset()
	elif action == "status":
		status()
	else:
		raise Failure("dev/run test-env takes: up [--no-migrate] [--assets], down, reset, status")
	return 0
