"""The FOCUS project's own validator, in a Python environment of its own: see requirements-focus.txt."""

import os
import shutil
import subprocess
from pathlib import Path

import config
import home
from report import Failure, warn
from toolchain import make_venv

# The Python that has the validator; and where there is none, why.
PYTHON, NONE = "MSP_LICENSING_FOCUS_VALIDATOR", "MSP_LICENSING_NO_FOCUS_VALIDATOR"


def environment() -> dict[str, str]:
	"""What the tests need to find the validator, which is installed if need be; or a sentence why it cannot be had."""
	if given := os.environ.get(PYTHON):
		return {PYTHON: given}
	try:
		return {PYTHON: str(_install())}
	except Failure as e:
		warn(f"{e.sentence} The FOCUS validator is not run.")
		return {NONE: e.sentence}


def installed() -> dict[str, str]:
	"""The same without installing anything."""
	python = _venv() / "bin" / "python"
	return {PYTHON: str(python)} if (_venv() / ".installed").exists() and python.exists() else {}


def _venv() -> Path:
	return config.home() / "toolchains" / "focus-py3.12" / "venv"


def _install() -> Path:
	python = _python()
	if not python:
		raise Failure("The FOCUS validator needs Python 3.12, and none was found.")
	wanted = config.CHECKOUT / "dev" / "requirements-focus.txt"
	venv = _venv()
	home.ensure()
	with home.lock("focus-validator"):
		make_venv(
			venv,
			["-r", str(wanted)],
			[wanted.read_text(encoding="utf-8"), str(venv)],
			config.home() / "logs" / "pip-focus.log",
			"the FOCUS validator (a minute, once)",
			python=python,
		)
	return venv / "bin" / "python"


def _python() -> str | None:
	pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
	candidates = [
		os.environ.get("MSP_LICENSING_PYTHON"),
		shutil.which("python3.12"),
		*(str(path) for path in sorted(pyenv.glob("3.12.*/bin/python3.12"), reverse=True)),
	]
	return next((path for path in candidates if path and _is_fitting(path)), None)


def _is_fitting(python: str) -> bool:
	# A name of pyenv's is there for every Python it has, and fails for those that are not chosen.
	# nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
	done = subprocess.run(
		[python, "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 12))"], capture_output=True
	)
	return done.returncode == 0
