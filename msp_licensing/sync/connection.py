"""The site's connection to Pax8: settings, mode, and a client that shares token and rate limit with all workers."""

import json
import time
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from msp_licensing import stored_secrets
from msp_licensing.pax8 import Pax8Client, Token
from msp_licensing.sync import credentials

OFF, OBSERVE, LIVE = "Off", "Observe", "Live"

# Share of the burst that only calls somebody waits for may use.
RESERVED_SHARE = 0.25


def mode() -> str:
	"""The mode as it is stored: a worker may have begun under another one."""
	return frappe.db.get_single_value("Pax8 Settings", "mode", cache=False) or OFF


def is_active() -> bool:
	"""Whether Pax8 may be read: mode is not Off and there are credentials."""
	return problem() is None


def is_live() -> bool:
	"""Whether approved changes may be sent."""
	return is_active() and mode() == LIVE


def calls_per_minute(settings: Any = None) -> int:
	"""What all workers of the site together are held to."""
	return cint((settings or frappe.get_cached_doc("Pax8 Settings")).calls_per_minute) or 1000


def problem() -> str | None:
	"""Why there is no active connection, in words for staff; None if there is one."""
	settings = frappe.get_cached_doc("Pax8 Settings")
	if (settings.mode or OFF) == OFF:
		return _("Pax8 is not connected: the mode is Off.")
	try:
		secret = stored_secrets.of(settings, "client_secret")
	except stored_secrets.UnreadableSecret:
		return _(
			"Pax8 is not connected: the saved client secret cannot be read with this site's encryption key. Enter it again."
		)
	if not settings.client_id or not secret:
		return _("Pax8 is not connected: client ID or client secret is missing.")
	return problem_with_address(settings, secret)


def problem_with_address(settings: Any, secret: str) -> str | None:
	"""Why the saved secret is not sent to the saved address, in words; None if it was entered for it."""
	if credentials.belong_together(settings, secret):
		return None
	return _(
		"Pax8 is not connected: the API address was changed without the client secret. A System Manager checks the address and enters the secret again."
	)


def client(*, settings: Any = None, priority: bool = False, **options: Any) -> Pax8Client:
	"""A client for the site's credentials; the caller closes it (`with`).

	Args:
		settings: a Pax8 Settings document, for a test of what is not saved yet; then tokens are not shared.
		priority: the calls may use the part of the rate limit that is kept for changes being applied.
		options: passed on to `Pax8Client` (timeout, max_retries, …).

	Raises:
		frappe.ValidationError: there is no active connection, or its secret cannot be read.
		msp_licensing.pax8.ConfigurationError: the API address cannot be used.
	"""
	saved = settings is None
	settings = settings or frappe.get_cached_doc("Pax8 Settings")
	if saved and (reason := problem()):
		frappe.throw(reason)
	secret = stored_secrets.of(settings, "client_secret")
	return Pax8Client(
		client_id=settings.client_id or "",
		client_secret=secret or "",
		base_url=settings.base_url,
		audience=settings.audience,
		token_store=RedisTokenStore(settings.client_id, settings.base_url) if saved else None,
		limiter=SharedRateLimiter(calls_per_minute(settings)),
		priority=priority,
		writes_allowed=saved and settings.mode == LIVE,
		**options,
	)


def for_one_record(pax8: Pax8Client | None = None) -> AbstractContextManager[Pax8Client]:
	"""`pax8`, or a client of the site's own that asks after one record: for a job, or for somebody who waits.

	It waits as long as RQ gives a job time, and no longer: who is ended from outside cannot write down what happened.
	"""
	return nullcontext(pax8) if pax8 else client(priority=True, timeout=20, max_retries=1)


class RedisTokenStore:
	"""Keeps the token where all workers of the site find it, until it expires. Never in the database.

	Used from the client's threads, which have no `frappe.local`: the key is made once, with the site in it.
	"""

	def __init__(self, client_id: str | None, base_url: str) -> None:
		digest = sha256(f"{client_id}|{base_url}".encode()).hexdigest()[:24]
		self._redis = frappe.cache
		self._key = frappe.cache.make_key(f"msp_licensing:pax8_token:{digest}")

	def get(self) -> Token | None:
		stored = self._redis.get(self._key)
		return Token.load(json.loads(stored)) if stored else None

	def set(self, token: Token) -> None:
		seconds = int(token.expires_at - time.time())
		if seconds > 0:
			self._redis.set(self._key, json.dumps(token.dump()), ex=seconds)

	def clear(self, token: Token) -> None:
		"""Forgets `token`; a newer one that another worker has stored meanwhile stays."""
		if self.get() == token:
			self._redis.delete(self._key)

	def lock(self) -> AbstractContextManager[object]:
		"""One worker at a time asks for a new token; the others wait and find it."""
		return self._redis.lock(self._key + b":lock", timeout=60, blocking_timeout=60)


# One bucket per site in Redis. GCRA: `tat` is the time at which the bucket would be empty again; a call moves it by
# one interval and may be made once it is no further ahead than the burst. Redis' own clock is used, so that workers
# on several machines agree.
_GCRA = """
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1000000
local tat = tonumber(redis.call('GET', KEYS[1]) or now)
local blocked = tonumber(redis.call('GET', KEYS[2]) or 0)
if tat < now then tat = now end
local wait = math.max(tat - now - tonumber(ARGV[2]), blocked - now, 0)
if wait > 0 then return tostring(wait) end
redis.call('SET', KEYS[1], string.format('%.6f', tat + tonumber(ARGV[1])), 'EX', 120)
return '0'
"""


# The pause that Pax8 asked for, by Redis' clock too; a shorter one never cuts a longer one short.
_PENALTY = """
local now = redis.call('TIME')
local till = tonumber(now[1]) + tonumber(now[2]) / 1000000 + tonumber(ARGV[1])
if till > tonumber(redis.call('GET', KEYS[2]) or 0) then
	redis.call('SET', KEYS[2], string.format('%.3f', till), 'PX', math.ceil(tonumber(ARGV[1]) * 1000) + 1000)
end
"""


class SharedRateLimiter:
	"""Holds all workers of a site together to `calls_per_minute`."""

	BURST_SECONDS = 2.0

	def __init__(self, calls_per_minute: int) -> None:
		# Burst and refill together stay within the limit in any 60 seconds.
		self._interval = (60 + self.BURST_SECONDS) / calls_per_minute
		self._keys = [frappe.cache.make_key(f"msp_licensing:pax8_rate:{part}") for part in ("tat", "blocked")]
		self._redis = frappe.cache
		self._script = self._redis.register_script(_GCRA)
		self._penalty = self._redis.register_script(_PENALTY)

	def acquire(self, priority: bool = False) -> None:
		"""Waits until a call may be made.

		Args:
			priority: may use the end of the burst, so that a long walk does not starve a change being applied.
		"""
		ahead = self.BURST_SECONDS * (1 if priority else 1 - RESERVED_SHARE)
		while (
			wait := float(self._script(keys=self._keys, args=[self._interval, ahead], client=self._redis))
		) > 0:
			time.sleep(min(wait, 5))

	def penalize(self, seconds: float) -> None:
		"""Pax8 answered 429: nobody calls for `seconds`."""
		if seconds > 0:
			self._penalty(keys=self._keys, args=[seconds], client=self._redis)
