"""The webhook of this site at Pax8: made, repaired, switched, removed. All of it are writes at Pax8, for mode Live only.

Pax8 is told a secret that nobody here ever sees. While it is exchanged the old one counts as well as the new one,
until Pax8 has said which it has taken: no delivery is refused on the way, and none for ever after an answer got lost.
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import frappe
from frappe import _
from frappe.utils import escape_html, get_url
from pydantic import SecretStr

from msp_licensing import transactions
from msp_licensing.pax8 import NotFound, Pax8Client, Pax8Error, TopicDefinition, Webhook, WebhookLog
from msp_licensing.pax8.configuration import is_loopback
from msp_licensing.sync import connection
from msp_licensing.sync.lock import RunLock
from msp_licensing.webhooks import secret
from msp_licensing.webhooks.delivery import KINDS, subject_of
from msp_licensing.webhooks.endpoint import PATH

SETTINGS = "Pax8 Settings"
LOGS_LOOKED_AT = 200


def webhook_id() -> str | None:
	return frappe.db.get_single_value(SETTINGS, "webhook_id") or None


def address() -> str:
	"""Where Pax8 shall deliver to: the site's public address, `host_name` in its configuration or as it was called."""
	return get_url(PATH)


def problem_with_address() -> str | None:
	"""Why Pax8 cannot deliver to this site, in words; None if it can, as far as the address tells.

	This machine may be used if Pax8 itself is a stand-in on this machine.
	"""
	url = urlsplit(address())
	host = (url.hostname or "").rstrip(".")
	if is_loopback(host):
		base_url = frappe.db.get_single_value(SETTINGS, "base_url") or ""
		if is_loopback(urlsplit(base_url).hostname or ""):
			return None
		return _(
			"This site says that its address is {0}, which only this machine can reach. Open it by its public address, "
			"or set host_name in its configuration."
		).format(f"{url.scheme}://{url.netloc}")
	if url.scheme != "https":
		return _(
			"This site says that its address is {0}. Pax8 sends a secret with every event, so it must be https. Set "
			"host_name in the site's configuration to its public address."
		).format(f"{url.scheme}://{url.netloc}")
	if _is_private(host):
		return _("Pax8 cannot reach {0} from the internet.").format(host)
	return None


def _is_private(host: str) -> bool:
	try:
		return not ipaddress.ip_address(host.strip("[]")).is_global
	except ValueError:
		return "." not in host


def problem() -> str | None:
	"""Why nothing can be changed at Pax8 now, in words; None if it can."""
	if reason := connection.problem():
		return reason
	if not connection.is_live():
		return _(
			"Webhooks are set up at Pax8, and in mode {0} nothing is changed there. Switch to Live."
		).format(_(connection.mode()))
	return None


# --------------------------------------------------------------------------------------------- changes
# Each raises frappe.ValidationError, in words, and msp_licensing.pax8.Pax8Error; each commits.


def set_up(*, move: bool = False) -> Webhook:
	"""Makes the webhook, or repairs the one there is: address, secret, topics, switched on.

	Args:
		move: a webhook of ours that delivers to another address is moved here. That address gets nothing any more: it
			may be this site's old one, or that of the site which this one is a copy of.
	"""
	if reason := problem_with_address():
		frappe.throw(reason)
	with _writing() as pax8:
		found = _find(pax8)
		if found and not delivers_here(found) and not move:
			frappe.throw(_("The webhook delivers to {0}.").format(escape_html(found.url)))
		topics = topics_of_interest(pax8.webhook_topics())
		if not topics:
			frappe.throw(_("Pax8 offers no topic that this app knows what to do with."))
		if not found:
			return _exchange_secret(lambda new: _create(pax8, new, topics))
		webhook = _exchange_secret(lambda new: _configure(pax8, found, new))
		if {topic.topic for topic in found.webhook_topics} != set(topics):
			webhook = pax8.replace_webhook_topics(found.id, topics)
		if not found.active:
			webhook = pax8.set_webhook_active(found.id, True)
		return webhook


def renew_secret() -> None:
	"""Gives Pax8 a new secret. The old one counts no more once Pax8 has taken the new one."""
	with _writing() as pax8:
		found = pax8.webhook(_own_id())
		if not delivers_here(found):
			frappe.throw(_("The webhook delivers to {0}.").format(escape_html(found.url)))
		_exchange_secret(lambda new: _configure(pax8, found, new))


def switch(active: bool) -> None:
	with _writing() as pax8:
		pax8.set_webhook_active(_own_id(), active)


def remove() -> None:
	"""Deletes the webhook at Pax8, and its secret here. One that Pax8 does not know any more is just forgotten."""
	with _writing() as pax8:
		with suppress(NotFound):
			pax8.delete_webhook(_own_id())
		_save({"webhook_id": None, secret.CURRENT: None, secret.NEXT: None})


def send_test() -> str:
	"""Has Pax8 send a sample event; returns its topic."""
	with _writing() as pax8:
		found = pax8.webhook(_own_id())
		topics = [topic.topic for topic in found.webhook_topics]
		if not topics:
			frappe.throw(_("The webhook has no topics. Set it up again."))
		topic = next((name for name in topics if "SUBSCRIPTION" in name.upper()), topics[0])
		pax8.test_webhook_topic(found.id, topic)
		return topic


def topics_of_interest(definitions: Iterable[TopicDefinition]) -> list[str]:
	"""The topics to subscribe to, by what their names say, or their descriptions where names say nothing."""

	def subject(definition: TopicDefinition) -> str | None:
		texts = (definition.topic, definition.name, definition.description)
		return next(filter(None, (subject_of(text or "") for text in texts)), None)

	return [definition.topic for definition in definitions if subject(definition) in KINDS]


def last_log(pax8: Pax8Client, identifier: str, **filters: Any) -> WebhookLog | None:
	"""The newest of Pax8's records of deliveries, among the first it lists: in which order is not documented."""
	logs = [log for log in islice(pax8.webhook_logs(identifier, **filters), LOGS_LOOKED_AT) if log.created_at]
	return max(logs, key=lambda log: log.created_at, default=None)


@contextmanager
def _writing() -> Iterator[Pax8Client]:
	if reason := problem():
		frappe.throw(reason)
	lock = RunLock("Webhook")
	if not lock.acquire():
		frappe.throw(_("Somebody else is changing the webhook at this moment."))
	try:
		with connection.client(timeout=20, max_retries=1, priority=True) as pax8:
			yield pax8
	finally:
		lock.release()


def _own_id() -> str:
	identifier = webhook_id()
	if not identifier:
		frappe.throw(_("No webhook is set up."))
	return identifier


def _find(pax8: Pax8Client) -> Webhook | None:
	"""The webhook of this site: by its id, else by the address, for one whose id got lost."""
	if identifier := webhook_id():
		try:
			return pax8.webhook(identifier)
		except NotFound:
			pass
	return next(filter(delivers_here, pax8.webhooks()), None)


def delivers_here(webhook: Webhook) -> bool:
	return (webhook.url or "").rstrip("/").casefold() == address().casefold()


def _create(pax8: Pax8Client, new: SecretStr, topics: list[str]) -> Webhook:
	return pax8.create_webhook(
		display_name=f"MSP Licensing ({frappe.local.site})",
		url=address(),
		authorization=new,
		topics=topics,
		contact_email=_own_email(),
	)


def _configure(pax8: Pax8Client, found: Webhook, new: SecretStr) -> Webhook:
	"""Tells everything again: Pax8 may empty what is not told."""
	return pax8.configure_webhook(
		found.id,
		display_name=found.display_name or f"MSP Licensing ({frappe.local.site})",
		url=address(),
		authorization=new,
		contact_email=found.contact_email or _own_email(),
		error_threshold=found.error_threshold,
	)


def _own_email() -> str | None:
	"""Whom Pax8 tells when deliveries fail: whoever sets the webhook up."""
	user = frappe.session.user
	return frappe.db.get_value("User", user, "email") if user != "Administrator" else None


def _exchange_secret(send: Callable[[SecretStr], Webhook]) -> Webhook:
	new = SecretStr(secret.new())
	_save({secret.NEXT: new.get_secret_value()})
	try:
		webhook = send(new)
	except Exception as error:
		if not isinstance(error, Pax8Error) or error.effect == "none":
			_save({secret.NEXT: None})
		raise
	_save({"webhook_id": webhook.id, secret.CURRENT: new.get_secret_value(), secret.NEXT: None})
	return webhook


def _save(password_or_id: dict[str, str | None]) -> None:
	def save() -> None:
		# Locked, so that what was saved while Pax8 was asked is seen, and kept.
		settings = frappe.get_doc(SETTINGS, SETTINGS, for_update=True)
		settings.update(password_or_id)
		settings.save()
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - known here before Pax8 is told, and before anything else can fail

	# What Pax8 has told must not get lost because somebody saved the settings at the same moment.
	transactions.repeat(save, when=transactions.is_busy)
