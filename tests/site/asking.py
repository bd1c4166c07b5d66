"""Requests without a web server: the same gate and the same routes, in this process and in this transaction."""

import json
import os
import traceback
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
	"""What a request was answered with: `text` is all that its reader gets to see."""

	text: str
	status: int
	gate: bool = False
	writes: list[str] = field(default_factory=list)

	@property
	def refused(self) -> bool:
		return self.status in (401, 403)


def ask(
	frappe: Any, user: str, path: str, arguments: dict[str, Any] | None = None, *, verb: str = "POST"
) -> Answer:
	"""Asks as a user; nothing is committed, and the caller rolls back.

	Args:
		path: of a function ("frappe.client.get"), or of an address ("/api/resource/ToDo").
	"""
	from frappe.app import Request
	from werkzeug.test import EnvironBuilder

	from msp_licensing.doors import gate

	address = path if path.startswith("/") else f"/api/method/{path}"
	kept = {
		key: getattr(frappe.local, key)
		for key in ("request", "form_dict", "response", "flags")
		if hasattr(frappe.local, key)
	}
	frappe.set_user(user)
	frappe.local.request = Request(EnvironBuilder(path=address, method=verb).get_environ())
	frappe.local.request_ip = "127.0.0.1"
	frappe.local.form_dict = frappe._dict(json.loads(json.dumps(arguments or {})))
	frappe.local.response = frappe._dict(docs=[])
	frappe.local.flags = frappe._dict(in_test=False, currently_saving=[])
	frappe.local.message_log, frappe.local.error_log, frappe.local.debug_log = [], [], []
	passed = False
	try:
		gate.check()
		passed = True
		response = frappe.api.handle(frappe.local.request)
		text = response.get_data(as_text=True) + str(response.headers)
		status = response.status_code
	except Exception as problem:
		status = getattr(problem, "http_status_code", 500)
		text = f"{problem} {frappe.local.message_log}"
		if status >= 500 and os.environ.get("MSP_LICENSING_DRILLS_TRACE"):
			traceback.print_exc()
	finally:
		frappe.local.message_log = []
		if "request" not in kept:
			# Frappe asks whether there is one, not what it is.
			del frappe.local.request
		for key, value in kept.items():
			setattr(frappe.local, key, value)
		frappe.set_user("Administrator")
	return Answer(text, status, gate=not passed)
