"""The settings of a connection, checked before anything is sent."""

from __future__ import annotations

import ipaddress
import re

import httpx
from pydantic import SecretStr

from msp_licensing.pax8.auth import Credentials
from msp_licensing.pax8.errors import ConfigurationError

BASE_URL = "https://api.pax8.com/v1"
AUDIENCE = "https://api.pax8.com"

DEFAULT_TIMEOUT = httpx.Timeout(connect=10, read=90, write=30, pool=90)
"""Pax8's lists are known to take more than 30 s for large partners."""


def checked_credentials(client_id: str, client_secret: SecretStr, audience: str) -> Credentials:
	"""Return the credentials without blanks around them. Raises `ConfigurationError` when one part is missing."""
	client_id = (client_id or "").strip()
	if not client_id:
		raise ConfigurationError("The client id of the Pax8 credential is missing.")
	# Blanks around a secret come from copying it.
	client_secret = SecretStr(client_secret.get_secret_value().strip()) if client_secret else SecretStr("")
	if not client_secret.get_secret_value():
		raise ConfigurationError("The client secret of the Pax8 credential is missing.")
	if not (audience or "").strip():
		raise ConfigurationError("The audience for Pax8's token endpoint is missing.")
	return Credentials(client_id, client_secret, audience.strip())


def checked_url(text: str) -> str:
	"""Return a base URL without a slash at its end, for settings that check before they save.

	Plain http is allowed for loopback hosts only (127.0.0.0/8, ::1, localhost and names below it).

	Raises:
		ConfigurationError: with one sentence that says what is wrong.
	"""
	text = (text or "").strip()
	try:
		url = httpx.URL(text)
		host = url.raw_host.decode("ascii").rstrip(".").casefold()
	except (httpx.InvalidURL, ValueError, TypeError):
		url, host = None, ""
	if url is not None and re.match(r"[a-z]+:/*[^/?#]*@", text, re.I):
		raise ConfigurationError("The base URL must not hold a user name or password.")
	if url is None or url.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:-]+", host, re.ASCII):
		raise ConfigurationError(f"The base URL must look like {BASE_URL}.")
	if re.search(r"[\s\\]", text):
		raise ConfigurationError(f"The base URL must look like {BASE_URL}.")
	if url.query or url.fragment or "?" in text or "#" in text:
		raise ConfigurationError("The base URL must not hold a query or a fragment.")
	if url.scheme == "http" and not is_loopback(host):
		raise ConfigurationError("The base URL must use https, since it carries credentials.")
	return str(url).rstrip("/")


def webhooks_url(base_url: str) -> str:
	"""Return the base URL of Pax8's webhooks, which lives beside the one of all else: `…/v1` → `…/api/v2`.

	Fact: `https://api.pax8.com/v1` and `https://api.pax8.com/api/v2` are the servers of the two specifications.
	"""
	return re.sub(r"/v\d+$", "", base_url) + "/api/v2"


def is_loopback(host: str) -> bool:
	"""Return whether a host name in lower case means this machine."""
	if host == "localhost" or host.endswith(".localhost"):
		return True
	try:
		address = ipaddress.ip_address(host.strip("[]"))
	except ValueError:
		return False
	# An IPv4 address in IPv6 clothes counts as not loopback here: nobody needs it, and systems differ on it.
	return address.is_loopback if address.version == 4 else address == ipaddress.ip_address("::1")


def checked_timeout(timeout: httpx.Timeout | float) -> httpx.Timeout:
	"""Return the timeout with all its parts. Raises `ConfigurationError` for one that never ends, or at once."""
	bounded = httpx.Timeout(timeout)
	for seconds in bounded.as_dict().values():
		if seconds is None or not 0 < seconds < float("inf"):
			raise ConfigurationError("Every part of the timeout must be a number of seconds above 0.")
	return bounded
