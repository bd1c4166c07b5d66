"""Steering the sandbox: clock, start anew, settings, tokens, and faults that are ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msp_licensing.sandbox.areas.control.asked import is_number, moment_of, only
from msp_licensing.sandbox.areas.control.looking import clock_state
from msp_licensing.sandbox.errors import ApiError
from msp_licensing.sandbox.faults import KINDS
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App


def post_clock(app: App, request: Request) -> dict[str, Any]:
	"""`{"now": "2025-01-31T12:00:00Z"}` or `{"advance_seconds": 90}`; `"frozen": true` stops it."""
	asked = request.json_object()
	only(asked, {"now", "advance_seconds", "frozen"})
	if not asked:
		raise ApiError(400, "Give 'now', 'advance_seconds' or 'frozen'")
	moment = moment_of(asked, "now")
	seconds = asked.get("advance_seconds", 0)
	if not is_number(seconds):
		raise ApiError(400, "'advance_seconds' must be a number")
	if not isinstance(asked.get("frozen", False), bool):
		raise ApiError(400, "'frozen' must be true or false")
	if moment:
		app.clock.set(moment)
	app.clock.advance(seconds)
	if "frozen" in asked:
		app.clock.freeze(asked["frozen"])
	app.settle()
	return clock_state(app)


def post_reset(app: App, request: Request) -> dict[str, Any]:
	"""Back to the start; settings such as `seed` and `companies` may be given anew. Tokens stay valid."""
	return {"config": app.reset(request.json_object()).as_dict(), "clock": clock_state(app)}


def get_config(app: App, request: Request) -> dict[str, Any]:
	"""The settings in force."""
	return app.config.as_dict()


def post_config(app: App, request: Request) -> dict[str, Any]:
	"""Change `provisioning_seconds`, `rate_limit`, `retry_after`, `latency_ms` or `azure_usage_lines`."""
	return app.configure(request.json_object()).as_dict()


def delete_tokens(app: App, request: Request) -> dict[str, Any]:
	"""Make every issued token invalid at once, as a rotated credential would."""
	return {"revoked": app.tokens.revoke_all()}


def get_faults(app: App, request: Request) -> dict[str, Any]:
	"""The orders, spent ones included, and the kinds there are."""
	return {"faults": app.faults.list(), "kinds": KINDS}


def post_faults(app: App, request: Request) -> Response:
	"""Order a fault: `{"operation", "kind", "status", "body", "headers", "seconds", "count", "skip", ...}`."""
	asked = request.json_object()
	kind, operation = asked.pop("kind", None), asked.pop("operation", "*")
	if not isinstance(kind, str) or not isinstance(operation, str):
		raise ApiError(400, f"'kind' is required and is one of {', '.join(KINDS)}; 'operation' is a string")
	return Response(201, app.faults.add(kind, operation, **asked).as_dict())


def delete_faults(app: App, request: Request) -> dict[str, Any]:
	"""Withdraw all orders."""
	return {"withdrawn": app.faults.clear()}


def delete_fault(app: App, request: Request, faultId: str) -> dict[str, Any]:
	"""Withdraw one order."""
	if not faultId.isdigit() or not app.faults.clear(int(faultId)):
		raise ApiError(404, f"There is no fault {faultId}")
	return {"withdrawn": 1}


ROUTES = (
	Route("POST", "/reset", "reset", post_reset),
	Route("POST", "/clock", "clock", post_clock),
	Route("GET", "/config", "config", get_config),
	Route("POST", "/config", "config", post_config),
	Route("DELETE", "/tokens", "tokens", delete_tokens),
	Route("GET", "/faults", "faults", get_faults),
	Route("POST", "/faults", "faults", post_faults),
	Route("DELETE", "/faults", "faults", delete_faults),
	Route("DELETE", "/faults/{faultId}", "faults", delete_fault),
)
