"""How often a portal user may ask. Frappe's own limit counts by address, which a whole office shares.

What succeeded is counted, for the user and for the client. A try that was refused is given back, and counted by itself:
many of them in a row slow their user down, the longer the more there are; those that name records which are not the
user's are fewer. All counters live in Redis and lapse by its own timers, so that no clock that is set matters.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from frappe import _

from msp_licensing import permissions
from msp_licensing.permissions import ClientRecord


class TooOften(frappe.ValidationError):
	"""This user, or client, has asked too often in too short a time."""

	http_status_code = 429


# what: how many that succeed, in how many seconds
LIMITS = {
	"change": (120, 3600),
	"decide": (300, 3600),
	"check": (120, 60),
	"look": (240, 60),
}
# Of these all people of a client together may make so many times as many as one of them.
TOGETHER = {"change": 3, "decide": 3}

# Tries that did not succeed: how many are free, after how many seconds without another they are forgotten, and the
# seconds to wait after the first and after any that is not free. Each one more doubles the wait.
REFUSED = (60, 600, 30, 900)
GUESSED = (20, 3600, 60, 3600)

# Takes one from every counter, or from none. Returns 0, or which is used up, and the seconds until it lapses.
_TAKE = """
for place, key in ipairs(KEYS) do
	if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[place]) then
		return {place, math.max(redis.call('TTL', key), 1)}
	end
end
for _, key in ipairs(KEYS) do
	redis.call('INCR', key)
	if redis.call('TTL', key) < 0 then redis.call('EXPIRE', key, ARGV[#ARGV]) end
end
return {0, 0}
"""
_GIVE_BACK = """
for _, key in ipairs(KEYS) do
	if tonumber(redis.call('GET', key) or 0) > 0 then redis.call('DECR', key) end
end
"""
_REFUSE = """
local tries = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
local over = tries - tonumber(ARGV[1])
if over > 0 then
	local wait = math.min(tonumber(ARGV[3]) * 2 ^ math.min(over - 1, 30), tonumber(ARGV[4]))
	redis.call('SET', KEYS[2], 1, 'EX', string.format('%d', wait))
end
"""


@contextmanager
def counted(user: str, what: str, client: ClientRecord | None = None) -> Iterator[None]:
	"""Counts what is done in the block, if it succeeds. Staff who act for a client are not counted.

	Args:
		what: key of `LIMITS`: "change" (ask, withdraw), "decide" (approve, decline), "check" (while typing) or "look" (reading again).
		client: whose record it is about, if that is known and the user's own.

	Raises:
		TooOften: the limit is used up, or too many tries were refused. Two tabs at once do not get past it.
	"""
	if _is_staff(user):
		yield
		return
	_check_refusals(user, reading=what == "look")
	keys = _take(user, what, client)
	try:
		yield
	except Exception as error:
		_run(_GIVE_BACK, keys)
		if isinstance(error, frappe.DoesNotExistError):
			_run(_REFUSE, [_key("guessed", user), _key("guessed:wait", user)], GUESSED)
		elif isinstance(error, frappe.ValidationError | frappe.PermissionError):
			_run(_REFUSE, [_key("refused", user), _key("refused:wait", user)], REFUSED)
		raise


def _is_staff(user: str) -> bool:
	data = frappe.session.data or {}
	return permissions.is_manager(user) or bool(data.get("impersonated_by"))


def _take(user: str, what: str, client: ClientRecord | None) -> list[bytes]:
	limit, seconds = LIMITS[what]
	keys, limits = [_key(what, user)], [limit]
	if client and what in TOGETHER:
		keys.append(_key(what, f"{client.doctype}:{client.name}"))
		limits.append(int(limit * TOGETHER[what]))
	used_up, wait = _run(_TAKE, keys, (*limits, seconds))
	if used_up:
		frappe.throw(_words(what, limits[used_up - 1], together=used_up == 2, wait=wait), TooOften)
	return keys


def _check_refusals(user: str, *, reading: bool) -> None:
	kinds = ("guessed:wait",) if reading else ("guessed:wait", "refused:wait")
	wait = max(frappe.cache.ttl(_key(kind, user)) for kind in kinds)
	if wait > 0:
		frappe.throw(
			_("Many of your last tries could not be accepted. Please try again in {0}.").format(
				_time_in_words(wait)
			),
			TooOften,
		)


def _words(what: str, limit: int, *, together: bool, wait: int) -> str:
	if what == "change" and together:
		words = _("Your company has made {0} changes within an hour. Please try again in {1}.")
	elif what == "change":
		words = _("You have made {0} changes within an hour. Please try again in {1}.")
	elif what == "decide" and together:
		words = _("Your company has decided {0} requests within an hour. Please try again in {1}.")
	elif what == "decide":
		words = _("You have decided {0} requests within an hour. Please try again in {1}.")
	else:
		words = _("You have asked very often in a short time. Please try again in {1}.")
	return words.format(limit, _time_in_words(wait))


def _time_in_words(seconds: int) -> str:
	"""Whole minutes, never fewer than there are to wait."""
	minutes = -(-seconds // 60)
	return _("1 minute") if minutes <= 1 else _("{0} minutes").format(minutes)


def _key(what: str, whose: str) -> bytes:
	return frappe.cache.make_key(f"msp_licensing:portal:{what}:{whose}")


def _run(script: str, keys: list[bytes], arguments: tuple[int, ...] = ()) -> list[int]:
	return frappe.cache.register_script(script)(keys=keys, args=arguments, client=frappe.cache)
