"""`make lint`: ruff, import-linter, mypy and, where its rules can be fetched, semgrep. Settings are in pyproject.toml."""

import os
import subprocess
from pathlib import Path

import config
import home
from report import Failure, say, step, warn
from toolchain import OutOfReach, fetch_source, make_venv

REQUIREMENTS = config.CHECKOUT / "dev" / "requirements-lint.txt"
SEMGREP_REQUIREMENTS = config.CHECKOUT / "dev" / "requirements-semgrep.txt"
# What Frappe's marketplace checks apps by. Semgrep takes most of a minute, the others together a few seconds.
SEMGREP_RULES = config.Source(
	"semgrep-rules",
	os.environ.get("SEMGREP_RULES_REPO") or "https://github.com/frappe/semgrep-rules",
	os.environ.get("SEMGREP_RULES_BRANCH") or "develop",
)


def lint(arguments: list[str]) -> int:
	"""Run all linters and say which failed.

	Args:
		arguments: --fix: ruff mends what it can before the others look. --quick: without semgrep. --only-semgrep: nothing
			else, and rules that cannot be fetched are a failure. --semgrep-warnings: show what its rules call worth a
			look; this never fails because of what is found.
	"""
	home.ensure()
	if "--semgrep-warnings" in arguments:
		semgrep(fetch_rules(), "WARNING")
		return 0
	if "--only-semgrep" in arguments:
		return ended(["semgrep"] if semgrep(fetch_rules()) else [])
	failed = quick(fix="--fix" in arguments)
	if "--quick" in arguments:
		return ended(failed)
	try:
		rules = fetch_rules()
	except OutOfReach as e:
		warn(f"NOT RUN: semgrep. {e.sentence}")
	else:
		failed += ["semgrep"] if semgrep(rules) else []
	return ended(failed)


def lint_before_tests() -> bool:
	"""Run the quick linters for `make test`; return whether something failed.

	On a machine where they cannot be installed, a line says so, and the tests run without them.
	"""
	try:
		return bool(ended(quick()))
	except Failure as e:
		warn(f"NOT RUN: the linters. {e.sentence}")
		return False


def ended(failed: list[str]) -> int:
	if failed:
		say(
			f"Error: failed: {', '.join(failed)}. Each says above what it found; `make format` mends what ruff can."
		)
	return 1 if failed else 0


def quick(fix: bool = False) -> list[str]:
	"""The linters that need nothing but packages from PyPI; returns the names of those that failed."""
	tools = venv("lint", REQUIREMENTS, "ruff, import-linter and mypy")
	cache = tools.parent / "cache" / config.checkout_key()
	ruff_cache = ["--cache-dir", str(cache / "ruff")]
	commands = {
		"ruff check": ["ruff", "check", *ruff_cache, *(["--fix"] if fix else []), "."],
		"ruff format": ["ruff", "format", *ruff_cache, *([] if fix else ["--check"]), "."],
		"import-linter": ["lint-imports", "--no-logo", "--cache-dir", str(cache / "import-linter")],
		"mypy": ["mypy", "--cache-dir", str(cache / "mypy")],
	}
	return [name for name, command in commands.items() if not passes(name, tools, command)]


def fetch_rules() -> Path:
	"""Frappe's public rules: a copy that stays, brought up to date by `make update`. Raises OutOfReach."""
	folder = config.home() / "toolchains"
	with home.lock("semgrep-rules"):
		fetch_source(SEMGREP_RULES, folder, config.home() / "logs")
	return folder / SEMGREP_RULES.name / "rules"


def update_rules() -> None:
	"""Bring the copy of the rules up to date, if there is one."""
	folder = config.home() / "toolchains"
	if (folder / SEMGREP_RULES.name).exists():
		with home.lock("semgrep-rules"):
			fetch_source(SEMGREP_RULES, folder, config.home() / "logs", update=True)


def semgrep(rules: Path, severity: str = "ERROR") -> bool:
	"""Check by Frappe's rules; return whether there is anything of this severity."""
	tools = venv("semgrep", SEMGREP_REQUIREMENTS, "semgrep")
	command = ["semgrep", "scan", "--config", str(rules), "--severity", severity, "--error", "--quiet"]
	return not passes("semgrep", tools, [*command, "--metrics", "off", "--disable-version-check", "."])


def venv(name: str, requirements: Path, what: str) -> Path:
	"""A venv of its own, so that no linter's requirements stand in the way of Frappe's."""
	path = config.home() / "toolchains" / f"{name}-{config.python_tag()}" / "venv"
	with home.lock(name):
		make_venv(
			path,
			["-r", str(requirements)],
			[requirements.read_text(encoding="utf-8"), str(path)],
			config.home() / "logs" / f"pip-{name}.log",
			what,
		)
	return path


def passes(name: str, tools: Path, command: list[str]) -> bool:
	step(name)
	# Semgrep looks for its own program on the path; import-linter and mypy find the packages in the working folder.
	env = {
		**os.environ,
		"PATH": os.pathsep.join([str(tools / "bin"), os.environ.get("PATH", "")]),
		"PYTHONPATH": str(config.CHECKOUT),
		"PYTHONDONTWRITEBYTECODE": "1",
	}
	# nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
	return not subprocess.run(
		[tools / "bin" / command[0], *command[1:]], cwd=config.CHECKOUT, env=env
	).returncode
