"""What the person at the terminal sees: a line per step, progress while it lasts, one sentence when it fails."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Failure(Exception):
	"""Ends the command: one sentence, and where to read more."""

	def __init__(self, sentence: str, log: Path | None = None):
		super().__init__(sentence)
		self.sentence = sentence
		self.log = log


def say(text: str = "") -> None:
	# Everything for people goes to stderr: `test-env up` prints shell code on stdout.
	print(text, file=sys.stderr, flush=True)


def step(text: str) -> None:
	say(f"==> {text}")


def warn(text: str) -> None:
	say(f"!!! {text}")


def last_line(log: Path, size: int = 8192) -> str:
	"""The last line with anything on it."""
	try:
		with log.open("rb") as f:
			f.seek(max(0, log.stat().st_size - size))
			lines = f.read().decode(errors="replace").replace("\r", "\n").splitlines()
	except OSError:
		return ""
	return next((line.strip() for line in reversed(lines) if line.strip()), "")


class Progress:
	"""Shows elapsed seconds and the log's last line; on something that is no terminal, a line every 20 seconds."""

	def __init__(self, log: Path):
		self.log = log
		self.tty = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
		self.done = threading.Event()
		self.thread = threading.Thread(target=self._run, daemon=True)

	def __enter__(self) -> "Progress":
		self.started = time.monotonic()
		self.thread.start()
		return self

	def __exit__(self, *exc: object) -> None:
		self.done.set()
		self.thread.join()
		if self.tty:
			sys.stderr.write("\r\033[K")
			sys.stderr.flush()

	def _run(self) -> None:
		while not self.done.wait(0.5 if self.tty else 20):
			seconds = int(time.monotonic() - self.started)
			text = f"    {seconds:>3} s  {last_line(self.log)}"[:110]
			sys.stderr.write(f"\r\033[K{text}" if self.tty else f"{text}\n")
			sys.stderr.flush()


def run(
	what: str,
	command: Sequence[str | Path],
	log: Path,
	*,
	cwd: Path | None = None,
	env: Mapping[str, str] | None = None,
	timeout: float | None = None,
	hint: Callable[[], str] | None = None,
) -> None:
	"""Runs a step with its output in `log`. `what` completes the sentence "Could not …"."""
	log.parent.mkdir(parents=True, exist_ok=True)
	with log.open("ab") as out, Progress(log):
		out.write(f"\n$ {' '.join(map(str, command))}\n".encode())
		out.flush()
		try:
			code = subprocess.run(  # nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
				[str(part) for part in command],
				stdout=out,
				stderr=subprocess.STDOUT,
				stdin=subprocess.DEVNULL,
				cwd=cwd,
				env=dict(env) if env is not None else None,
				timeout=timeout,
			).returncode
		except FileNotFoundError as e:
			raise Failure(f"Could not {what}: {e.filename} is not installed.", log) from e
		except subprocess.TimeoutExpired as e:
			raise Failure(f"Could not {what}: no end after {timeout:.0f} seconds.", log) from e
	if code:
		reason = (hint() if hint else "") or last_line(log)
		raise Failure(f"Could not {what}: {reason}", log)
