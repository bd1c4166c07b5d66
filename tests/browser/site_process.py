"""Runs code on the site for the browser tests, each time in a process of its own that is connected to it.

A parent process imports Frappe and the app once and is forked for each piece of code: so it starts with nothing that
an earlier one left in memory, and need not wait seconds for the imports.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_HELPERS = Path(__file__).parent.parent / "site"


class SiteProcess:
	"""`run(code)` returns what the code assigns to `answer`. Its changes are committed; an exception fails the test."""

	def __init__(self) -> None:
		self._lock = threading.Lock()
		self._process = subprocess.Popen(
			[sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
		)

	def run(self, code: str) -> Any:
		with self._lock:
			self._process.stdin.write(json.dumps(code) + "\n")
			self._process.stdin.flush()
			line = self._process.stdout.readline()
		assert line, "the process that runs code on the site has ended"
		reply = json.loads(line)
		assert "error" not in reply, reply["error"][-3000:]
		return reply["answer"]

	def close(self) -> None:
		self._process.stdin.close()
		self._process.wait(30)
		self._process.stdout.close()


def serve() -> None:
	"""Reads pieces of code, a JSON string on each line; writes an object with `answer` or `error` for each."""
	sys.path.insert(0, str(_HELPERS))
	os.chdir(os.environ["FRAPPE_SITES_PATH"])
	import conftest  # noqa: F401 - loaded once, for all that follow
	import frappe  # noqa: F401

	from msp_licensing.setup import demo  # noqa: F401
	from msp_licensing.sync import jobs  # noqa: F401

	replies = os.fdopen(os.dup(1), "w")
	os.dup2(2, 1)  # what the code prints is no reply
	for line in sys.stdin:
		child = os.fork()
		if not child:
			reply = _reply(json.loads(line))
			replies.write(reply + "\n")
			replies.flush()
			os._exit(0)
		os.waitpid(child, 0)


def _reply(code: str) -> str:
	import traceback

	import frappe

	names: dict[str, Any] = {"frappe": frappe, "answer": None}
	try:
		frappe.init(os.environ["FRAPPE_TEST_SITE"], sites_path=".")
		frappe.connect()
		exec(code, names)
		frappe.db.commit()
		return json.dumps({"answer": names["answer"]}, default=str)
	except BaseException:
		return json.dumps({"error": traceback.format_exc()})
	finally:
		frappe.destroy()


if __name__ == "__main__":
	serve()
