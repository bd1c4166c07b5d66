"""RQ workers of the site as processes of their own, for tests that end them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


class Worker:
	"""An RQ worker of the site, in a process group of its own, as a service manager would run it."""

	def __init__(self) -> None:
		self.process = subprocess.Popen(
			[
				sys.executable,
				"-m",
				"frappe.utils.bench_helper",
				"frappe",
				"worker",
				"--queue",
				"short,default,long",
				"--quiet",
			],
			start_new_session=True,
			stdout=subprocess.DEVNULL,
			stderr=subprocess.DEVNULL,
		)

	def kill(self) -> None:
		"""As when the machine loses power: the worker and the job it has forked are gone at once."""
		# RQ gives the process of a job a session of its own: left alive, it would finish the job.
		pid = self.process.pid
		jobs = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
		os.killpg(pid, signal.SIGKILL)
		for job in jobs:
			with contextlib.suppress(ProcessLookupError):
				os.kill(int(job), signal.SIGKILL)
		self.process.wait()

	def stop(self) -> None:
		if self.process.poll() is None:
			self.kill()


def wait_for(site, check, what, seconds=60):
	end = time.monotonic() + seconds
	while time.monotonic() < end:
		site.db.rollback()
		if check():
			return
		time.sleep(0.1)
	pytest.fail(f"{what}: not within {seconds} s")
