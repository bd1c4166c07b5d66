"""The one word that proves that a delivery comes from Pax8. Encrypted in the database, never shown to anybody.

While it is exchanged at Pax8 there are two: the one that counts so far and the next one. Both are accepted until Pax8
has said which it has taken.
"""

import hmac
import secrets

from msp_licensing import stored_secrets

SETTINGS = "Pax8 Settings"
CURRENT, NEXT = "webhook_secret", "webhook_next_secret"


def is_right(secret_given: str | None) -> bool:
	"""Whether an `Authorization` header is the secret; compared in constant time. Never, while there is no secret."""
	right = False
	for password in accepted():
		right |= hmac.compare_digest((secret_given or "").encode(), password.encode())
	return right


def accepted() -> tuple[str, ...]:
	"""The secrets that prove a delivery. None if the site has another encryption key than the one they were kept with."""
	try:
		stored = [stored_secrets.read(SETTINGS, SETTINGS, field) for field in (CURRENT, NEXT)]
	except stored_secrets.UnreadableSecret:
		return ()
	return tuple(filter(None, stored))


def new() -> str:
	"""One word without a blank: Frappe refuses headers of two words before any method runs."""
	return secrets.token_urlsafe(32)
