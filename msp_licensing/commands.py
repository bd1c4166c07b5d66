"""Loaded by Frappe whenever a `bench` command starts. The app has no commands; its worker loads here what jobs need.

RQ forks a process for every job. What its parent has not loaded, every job loads again, and the models of Pax8's
records alone take longer than applying a change does.
"""

import contextlib
import sys
from importlib import import_module

commands: list[object] = []

JOBS = ("msp_licensing.changes.apply", "msp_licensing.sync.jobs")


def is_worker(arguments: list[str]) -> bool:
	"""Whether the command line is that of a worker: `bench worker --queue short`."""
	return bool({"worker", "worker-pool"} & set(arguments[1:]))


if is_worker(sys.argv):
	for job in JOBS:
		# What is broken is told by the job that needs it, and must not end the worker.
		with contextlib.suppress(Exception):
			import_module(job)
