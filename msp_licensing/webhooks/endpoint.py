"""The address that Pax8 delivers to: `POST /api/method/msp_licensing.webhooks.receive`.

Pax8 signs nothing. It sends the string it was given as `authorization` back in the `Authorization` header, and that is
the only proof there is (guide "how to use webhook APIs"; the OpenAPI file knows no signature). Frappe takes a header
of two words for a login and refuses it before any method runs, so the string is one word.
"""

import json
from typing import Any

import frappe
from werkzeug.exceptions import abort
from werkzeug.wrappers import Response

from msp_licensing.sync import connection
from msp_licensing.webhooks import events, secret
from msp_licensing.webhooks.delivery import BadDelivery, read

PATH = "/api/method/msp_licensing.webhooks.receive"
PATH_V2 = PATH.replace("/api/", "/api/v2/")
MAX_BYTES = 256 * 1024


@frappe.whitelist(allow_guest=True, methods=["POST"])
def receive() -> Response:
	"""Keeps an event, and answers before anything is done about it: Pax8 waits ten seconds and calls that a failure.

	Returns:
		200 whether the event is new or not; 401 for anybody but Pax8, without a word why; 413 for a body over
		`MAX_BYTES`; 400 for one that is no JSON object. Nothing but 200 leaves anything behind.
	"""
	if not secret.is_right(frappe.get_request_header("Authorization")):
		return _answer(401, "unauthorized")
	request = frappe.request
	if (request.content_length or 0) > MAX_BYTES or len(request.get_data()) > MAX_BYTES:
		return _answer(413, "too large")
	try:
		delivery = read(request.get_data(), secrets=secret.accepted())
	except BadDelivery:
		return _answer(400, "not a JSON object")
	if problem := connection.problem():
		events.keep(delivery, status=events.IGNORED, result=problem)
	else:
		events.keep(delivery)
		events.queue_processing()
	return _answer(200, "received")


def refuse_strangers() -> None:
	"""Hook before every request: whoever has not the secret is sent away before Frappe does anything else for them.

	The body has been read by then: Frappe reads it before it asks any app (`frappe.app.init_request`). A web server in
	front of Frappe can refuse earlier, see docs/operations/webhooks.md.
	"""
	request = frappe.local.request
	if _is_for_us(request) and not secret.is_right(request.headers.get("Authorization")):
		abort(_answer(401, "unauthorized"))


def _is_for_us(request: Any) -> bool:
	return request.method == "POST" and request.path.rstrip("/") in (PATH, PATH_V2)


def _answer(status: int, message: str) -> Response:
	return Response(json.dumps({"message": message}), status=status, content_type="application/json")


def keep_errors_short(response: Any = None, request: Any = None) -> None:
	"""Hook after every request: what Frappe refuses before `receive` runs is told in two words as well.

	Frappe parses JSON and looks at the `Authorization` header itself, and answers with tracebacks.
	"""
	if response is None or request is None or response.status_code < 400:
		return
	if "/method/msp_licensing.webhooks." not in request.path:
		return
	if not secret.is_right(request.headers.get("Authorization")):
		response.status_code = 401
	elif response.status_code in (417, 500) and request.is_json:
		response.status_code = _status_of_body(request.get_data())
	response.set_data(json.dumps({"message": response.status.split(" ", 1)[-1].lower()}))
	response.content_type = "application/json"


def _status_of_body(body: bytes) -> int:
	"""What was wrong with a body that Frappe stumbled over; 500 if it was not the body."""
	if len(body) > MAX_BYTES:
		return 413
	try:
		read(body)
		json.dumps(json.loads(body), ensure_ascii=False).encode()
	except (BadDelivery, UnicodeEncodeError):  # Frappe 16 does not read halves of surrogate pairs
		return 400
	return 500
