"""How often one user may ask the portal's API. Frappe's own limit counts by address, which a whole office shares."""

import time

import frappe
from frappe import _


class TooOften(frappe.ValidationError):
	"""This user has asked too often in too short a time."""

	http_status_code = 429


# what: how many, in how many seconds, and what the user is told
LIMITS = {
	"change": (30, 3600),
	"decide": (120, 3600),
	"check": (120, 60),
	"look": (240, 60),
}


def count(user: str, what: str) -> None:
	"""Counts one call of `user`, in windows of fixed length.

	Args:
		what: key of `LIMITS`: "change" (ask, withdraw), "decide" (approve, decline), "check" (while typing) or "look" (reading again).

	Raises:
		TooOften: the limit of the window is used up.
	"""
	limit, seconds = LIMITS[what]
	window, passed = divmod(int(time.time()), seconds)
	# With the window in its name, a counter that lost its expiry would still never block anybody for longer.
	key = frappe.cache.make_key(f"msp_licensing:portal:{what}:{user}:{window}")
	pipeline = frappe.cache.pipeline()
	pipeline.incr(key)
	pipeline.expire(key, seconds + 60)
	if pipeline.execute()[0] <= limit:
		return
	minutes = -(-(seconds - passed) // 60)
	if minutes > 1:
		message = _("You have asked very often in a short time. Please try again in {0} minutes.").format(
			minutes
		)
	else:
		message = _("You have asked very often in a short time. Please try again in a minute.")
	frappe.throw(message, TooOften)
