"""The client secret belongs to the address it was entered for, and is sent to no other.

Whoever may change the address would otherwise read the secret: from what the site sends there. So a proof is kept of the
two together, made with the site's encryption key. A save asks for the secret again where the address is another; where
the address was changed in another way (a script, the database), nothing is sent until somebody has entered it.
"""

import hmac

from frappe.utils.password import get_encryption_key

FIELD = "secret_address"


def proof(base_url: str | None, secret: str) -> str:
	"""That `secret` was entered for `base_url`: nobody can make it without the site's encryption key."""
	text = f"{(base_url or '').strip().rstrip('/')}\n{secret}"
	return hmac.new(get_encryption_key().encode(), text.encode(), "sha256").hexdigest()


def belong_together(settings, secret: str) -> bool:
	"""Whether the secret of a Pax8 Settings document was entered for the address that is in it."""
	return hmac.compare_digest(settings.get(FIELD) or "", proof(settings.base_url, secret))
