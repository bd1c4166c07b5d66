"""A toolchain: Frappe (and ERPNext) as sources, one venv for them, and their built assets.

It is a bench without the `bench` command: `apps/`, `venv/` and `sites/assets`, shared by everything that is run with
the same choice of repositories, branches and Python. The app itself is not in it: it is put on the path from the
checkout that a command is started from.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import config
import home
import system
from report import Failure, last_line, run, say, step

SUPERVISOR = "supervisor>=4.3,<5"
# Frappe's Google client imports pkg_resources, which newer ones leave out and Python 3.12 does not bring along.
SETUPTOOLS = "setuptools<81"
REACH_TIMEOUT = 30


class OutOfReach(Failure):
	"""A repository cannot be fetched, and there is no earlier copy."""


class Toolchain:
	def __init__(self) -> None:
		self.key = config.toolchain_key()
		self.path = config.home() / "toolchains" / self.key
		self.apps = self.path / "apps"
		self.venv = self.path / "venv"
		self.python = self.venv / "bin" / "python"
		self.assets = self.path / "sites" / "assets"
		self.logs = self.path / "logs"

	# -- sources ---------------------------------------------------------------------------------------------

	def fetch(self, update: bool = False) -> None:
		"""Clones what is missing. A clone that is there is used as it is: the next run of the same command must
		not depend on the network, nor on what was pushed meanwhile. `update` looks for something newer."""
		for source in config.sources():
			fetch_source(source, self.apps, self.logs, update)

	def commit(self, app: str = "frappe") -> str:
		return subprocess.run(  # nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
			["git", "-C", self.apps / app, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
		).stdout.strip()

	def version(self, app: str = "frappe") -> str:
		text = (self.apps / app / app / "__init__.py").read_text(encoding="utf-8")
		found = re.search(r"^__version__ = ['\"]([^'\"]+)", text, re.M)
		return found.group(1) if found else "?"

	def app_names(self) -> list[str]:
		return [s.name for s in config.sources()]

	def describe(self) -> str:
		return ", ".join(f"{app} {self.version(app)} ({self.commit(app)[:7]})" for app in self.app_names())

	# -- Python ----------------------------------------------------------------------------------------------

	def install(self) -> None:
		projects = [self.apps / name for name in self.app_names()]
		self._check_python(projects[0])
		wanted = [*config.app_requirements(), SUPERVISOR, SETUPTOOLS]
		inputs = [(p / "pyproject.toml").read_text(encoding="utf-8") for p in projects]
		inputs += [*wanted, config.test_requirements().read_text(encoding="utf-8"), str(self.venv)]
		arguments = [part for p in projects for part in ("-e", str(p))]
		arguments += [*wanted, "-r", str(config.test_requirements())]
		make_venv(
			self.venv,
			arguments,
			inputs,
			self.logs / "pip.log",
			"Frappe's and the tests' Python packages (a minute or two, once)",
		)

	def _check_python(self, project: Path) -> None:
		text = (project / "pyproject.toml").read_text(encoding="utf-8")
		below = re.search(r'requires-python\s*=\s*"[^"]*<\s*3\.(\d+)', text)
		if below and sys.version_info[:2] >= (3, int(below.group(1))):
			raise Failure(
				f"This Frappe needs a Python older than 3.{below.group(1)}, and {config.python_tag()} is what was "
				"found. Name another one: MSP_LICENSING_PYTHON=/path/to/python3.12"
			)
		lowest = re.search(r'requires-python\s*=\s*"[^"]*>=\s*3\.(\d+)', text)
		if lowest and sys.version_info[:2] < (3, int(lowest.group(1))):
			raise Failure(
				f"This Frappe needs Python 3.{lowest.group(1)} or newer, and {config.python_tag()} is what was found. "
				f"Name another one: MSP_LICENSING_PYTHON=/path/to/python3.{lowest.group(1)}"
			)

	def node_minimum(self) -> int:
		"""The oldest major version of Node that this Frappe's assets can be built with."""
		file = self.apps / "frappe" / "package.json"
		asked = json.loads(file.read_text(encoding="utf-8")).get("engines", {}).get("node", "")
		found = re.search(r">=\s*(\d+)", asked)
		return int(found.group(1)) if found else 18

	# -- assets ----------------------------------------------------------------------------------------------

	def build_assets(self) -> None:
		"""Desk and website bundles of Frappe (and ERPNext), once per commit."""
		names = self.app_names()
		stamp, state = self.assets / ".built", " ".join(self.commit(n) for n in names)
		if stamp.exists() and stamp.read_text() == state:
			return
		tools = self.node()
		for name in names:
			self._node_modules(name, tools)
		self.assets.mkdir(parents=True, exist_ok=True)
		(self.assets.parent / "apps.txt").write_text("\n".join(names) + "\n")
		(self.assets.parent / "common_site_config.json").write_text('{"developer_mode": 0}\n')
		for name in names:
			link_assets(self.apps / name, name, self.assets)
		step("Building the desk's assets (a few minutes, once)")
		esbuild(tools["node"], self.path, self.apps / "frappe", names, self.logs / "assets.log")
		stamp.write_text(state)

	def node(self) -> dict[str, Path]:
		return system.require_node(self.venv, self.node_minimum())

	def _node_modules(self, name: str, tools: dict[str, Path]) -> None:
		clone = self.apps / name
		if not (clone / "package.json").exists():
			return
		step(f"Fetching {name}'s JavaScript packages")
		log = self.logs / f"yarn-{name}.log"
		command = [
			tools["node"], tools["yarn"], "install", "--production", "--non-interactive", "--frozen-lockfile",
			"--cache-folder", str(config.home() / "yarn" / "cache"), "--network-timeout", "60000",
		]  # fmt: skip
		env = with_path(tools["node"].parent)
		try:
			run(f"fetch {name}'s JavaScript packages", command, log, cwd=clone, env=env)
		except Failure:
			if not git_instead_of_tarballs(clone):
				raise
			step("A package could not be had as GitHub's tarball: trying with git")
			run(f"fetch {name}'s JavaScript packages", command, log, cwd=clone, env=env)


def fetch_source(source: config.Source, folder: Path, logs: Path, update: bool = False) -> None:
	"""Clones a repository into `folder`, unless it is there; `update` looks for something newer. Raises OutOfReach."""
	clone = folder / source.name
	log = logs / f"fetch-{source.name}.log"
	if clone.exists() and not update:
		return
	try:
		reachable(source, log)
	except OutOfReach as e:
		if not clone.exists():
			raise
		step(f"{e.sentence} Using the copy fetched earlier.")
		return
	if clone.exists():
		_update(source, clone, log)
	else:
		_clone(source, clone, log)


def _clone(source: config.Source, clone: Path, log: Path) -> None:
	step(f"Fetching {source.name} ({source.branch}) from {source.repo}")
	half = clone.with_name(clone.name + ".part")
	home.remove(half)
	half.parent.mkdir(parents=True, exist_ok=True)
	try:
		run(
			f"fetch {source.name} from {source.repo}",
			["git", "clone", "--depth", "1", "--single-branch", "-b", source.branch, source.repo, half],
			log,
			env=git_env(),
		)
	except Failure as e:
		raise out_of_reach(source, log, last_line(log)) from e
	half.rename(clone)


def _update(source: config.Source, clone: Path, log: Path) -> None:
	step(f"Looking for a newer {source.name} ({source.branch})")
	git = ["git", "-C", clone]
	run(
		f"update {source.name} from {source.repo}",
		[*git, "fetch", "--depth", "1", "origin", source.branch],
		log,
		env=git_env(),
	)
	run(f"update {source.name}", [*git, "reset", "--hard", "FETCH_HEAD"], log)


def reachable(source: config.Source, log: Path) -> None:
	"""Raises OutOfReach, with git's own last words, unless the branch can be seen."""
	try:
		run(
			f"reach {source.repo}",
			["git", "ls-remote", "--exit-code", "--heads", source.repo, source.branch],
			log,
			env=git_env(),
			timeout=REACH_TIMEOUT,
		)
	except Failure as e:
		words = last_line(log)
		if words.startswith("$ "):
			words = f"no branch {source.branch}" if "no end after" not in e.sentence else "no answer"
		raise out_of_reach(source, log, words) from e


def out_of_reach(source: config.Source, log: Path, words: str) -> OutOfReach:
	# git's last line is often advice; the cause stands in the line that begins with "fatal:".
	fatal = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("fatal:")]
	cause = (fatal[-1] if fatal else words).rstrip(". ")
	return OutOfReach(f"{source.name} could not be fetched from {source.repo}: {cause}.", log)


def git_env() -> dict[str, str]:
	# Never ask for a name and password: GitHub does that for an address that does not exist.
	return {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}


def with_path(*folders: Path) -> dict[str, str]:
	path = os.pathsep.join([*(str(f) for f in folders), os.environ.get("PATH", ""), "/usr/sbin"])
	return {**os.environ, "PATH": path}


def git_instead_of_tarballs(clone: Path) -> bool:
	"""Networks that let git through do not always let GitHub's tarball host through.
	Yarn fetches `github:` packages from there unless both files name a git address."""
	lock, package = clone / "yarn.lock", clone / "package.json"
	text = lock.read_text(encoding="utf-8")
	named = set(re.findall(r"codeload\.github\.com/([\w.-]+/[\w.-]+)/tar\.gz/", text))
	if not named:
		return False
	text = re.sub(
		r"https://codeload\.github\.com/([\w.-]+/[\w.-]+)/tar\.gz/(\w+)",
		r"git+https://github.com/\1#\2",
		text,
	)
	manifest = package.read_text(encoding="utf-8")
	for repo in named:
		text = text.replace(f"@github:{repo}", f"@git+https://github.com/{repo}")
		manifest = manifest.replace(f'"github:{repo}', f'"git+https://github.com/{repo}')
	lock.write_text(text, encoding="utf-8")
	package.write_text(manifest, encoding="utf-8")
	return True


def link_assets(source: Path, name: str, assets: Path) -> None:
	"""`assets/<app>` is the app's public folder."""
	public, link = source / name / "public", assets / name
	if public.is_dir() and not link.is_symlink():
		link.symlink_to(public)
	modules, inner = source / "node_modules", public / "node_modules"
	if name == "frappe" and modules.is_dir() and not inner.exists():
		# Frappe's desk loads some libraries from assets/frappe/node_modules.
		inner.symlink_to(modules)


def esbuild(node: Path, bench: Path, frappe: Path, apps: list[str], log: Path) -> None:
	run(
		"build the assets",
		[node, "esbuild", "--production", "--apps", ",".join(apps), "--run-build-command"],
		log,
		cwd=frappe,
		env={
			**with_path(node.parent),
			"FRAPPE_BENCH_ROOT": str(bench),
			"NODE_OPTIONS": "--max_old_space_size=2048",
		},
	)
	if not (bench / "sites" / "assets" / "assets.json").exists():
		raise Failure("Could not build the assets: esbuild wrote no assets.json.", log)


def make_venv(
	venv: Path, arguments: list[str], inputs: list[str], log: Path, what: str, *, python: str = sys.executable
) -> None:
	"""Makes or brings up to date a venv; does nothing when `inputs` are what they were the last time."""
	state = hashlib.sha256(json.dumps(inputs).encode()).hexdigest()
	stamp = venv / ".installed"
	if stamp.exists() and stamp.read_text() == state:
		return
	pip = venv / "bin" / "pip"
	if not pip.exists():
		step(f"Making a Python environment ({config.python_tag() if python == sys.executable else python})")
		shutil.rmtree(venv, ignore_errors=True)
		run("make a Python environment", [python, "-m", "venv", venv], log)
	step(f"Installing {what}")
	command: list[str | Path] = [pip, "install", "--disable-pip-version-check", *arguments]
	with_compiler(lambda: run(f"install {what}", command, log, hint=lambda: pip_error(log)), log)
	stamp.write_text(state)


def with_compiler(install: Callable[[], None], log: Path) -> None:
	"""A few of Frappe's requirements come as sources on some Pythons; a compiler is fetched only if that fails."""
	try:
		install()
	except Failure:
		words = log.read_text(errors="replace")[-20000:]
		if not re.search(r"gcc|Python\.h|command '.*cc'|build wheel|pkg-config", words) or not system.which(
			"apt-get"
		):
			raise
		minor = sys.version_info[1]
		wanted = ["gcc", "pkg-config", f"python3.{minor}-dev"]
		if "mysqlclient" in words:
			wanted.append("libmariadb-dev")
		system.apt_install("packages that must be compiled", *wanted)
		say("    trying again")
		install()


def pip_error(log: Path) -> str:
	lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("ERROR")]
	return lines[-1] if lines else ""


def plain_venv() -> Path:
	"""A venv without Frappe, for what needs none: unit and conformance tests, sandbox and preview."""
	venv = config.home() / "toolchains" / f"plain-{config.python_tag()}" / "venv"
	wanted = config.app_requirements()
	inputs = [*wanted, config.test_requirements().read_text(encoding="utf-8"), str(venv)]
	arguments = [*wanted, "-r", str(config.test_requirements())]
	make_venv(venv, arguments, inputs, config.home() / "logs" / "pip-plain.log", "the tests' Python packages")
	return venv
