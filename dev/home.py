"""The home folder: made with a marker, and nothing without that marker is ever removed."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import config
from report import Failure, say

MARKER = ".made-by-msp-licensing"
ALLOWED = {
	MARKER,
	"toolchains",
	"runs",
	"demo",
	"env",
	"logs",
	"benchmarks",
	"bin",
	"yarn",
	"browsers",
	"locks",
}


def ensure() -> Path:
	home = config.home()
	if home == config.CHECKOUT or config.CHECKOUT in home.parents:
		raise Failure(f"MSP_LICENSING_HOME ({home}) must lie outside the checkout.")
	# In this order: another command that starts at the same moment makes the marker before anything else.
	if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
		raise Failure(f"{home} holds something else already. Choose an empty folder with MSP_LICENSING_HOME.")
	home.mkdir(parents=True, exist_ok=True, mode=0o700)
	(home / MARKER).touch()
	return home


def remove(path: Path) -> None:
	"""Removes a folder below the home folder, and nothing that lies anywhere else."""
	home = config.home()
	if home not in path.parents or not (home / MARKER).exists():
		raise Failure(f"{path} is not in {home}: left alone.")
	if path.is_symlink() or path.is_file():
		path.unlink()
	elif path.exists():
		shutil.rmtree(path)


def clean() -> None:
	home = config.home()
	if not home.exists():
		say(f"{home} is not there: nothing to remove.")
		return
	if not (home / MARKER).exists():
		raise Failure(f"{home} has no {MARKER} file, so it was not made here: left alone.")
	strangers = sorted(p.name for p in home.iterdir() if p.name not in ALLOWED)
	for name in ALLOWED - {MARKER}:
		if (home / name).exists():
			remove(home / name)
	if strangers:
		say(f"Left in {home}, since nothing here made them: {', '.join(strangers)}")
		return
	(home / MARKER).unlink()
	home.rmdir()
	say(f"Removed {home}.")


_taken: list[IO[str]] = []


def take(name: str) -> bool:
	"""Takes something for as long as this process lives, and at once; False if another process, or this one, has it."""
	folder = config.home() / "locks"
	folder.mkdir(parents=True, exist_ok=True)
	f = (folder / name).open("w")
	try:
		fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
	except BlockingIOError:
		f.close()
		return False
	_taken.append(f)
	return True


@contextmanager
def lock(name: str) -> Iterator[None]:
	"""One at a time, across processes: two commands started together must not build the same thing twice."""
	folder = config.home() / "locks"
	folder.mkdir(parents=True, exist_ok=True)
	with (folder / name).open("w") as f:
		try:
			fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
		except BlockingIOError:
			say("    waiting for another run that is preparing the same thing")
			fcntl.flock(f, fcntl.LOCK_EX)
		yield
