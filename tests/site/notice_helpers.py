"""What people have been told of requests, to be looked at by tests."""

import email
from email.header import decode_header, make_header
from typing import Any

from msp_licensing.sandbox import storybook

DT = "License Change Request"
NOTICE = "License Change Notice"
KEEPER = storybook.CEDAR_KEEPER


def ask(site: Any, user: str, wanted: str = "40") -> Any:
	"""A requester asks in the portal; the request, committed."""
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	site.set_user(user)
	try:
		doc = requests.submit(KEEPER, wanted, access=permissions.portal_access(user))
	finally:
		site.set_user("Administrator")
	site.db.commit()
	return doc


def choose(site: Any, **values: Any) -> None:
	"""Settings of the notices."""
	for field, value in values.items():
		site.db.set_single_value("Licensing Settings", field, value)
	site.clear_document_cache("Licensing Settings", "Licensing Settings")
	site.db.commit()


def about(event: str, doc: Any, **context: Any) -> None:
	from msp_licensing.changes import notify

	notify.about(event, doc, **context)


def bells(site: Any, user: str | None = None) -> list[str]:
	"""The subjects in a user's bell, in order; of nobody's: whose bells have rung."""
	if user:
		return site.get_all(
			"Notification Log", {"for_user": user}, pluck="subject", order_by="creation, name"
		)
	return sorted(site.get_all("Notification Log", pluck="for_user"))


def mails(site: Any, user: str | None = None) -> list[str]:
	"""Subject and text of the mails to a user, in order; of nobody's: who got them."""
	if not user:
		return sorted(site.get_all("Email Queue Recipient", pluck="recipient"))
	rows = site.get_all(
		"Email Queue Recipient", {"recipient": user}, pluck="parent", order_by="creation, name"
	)
	return [text_of(site, name) for name in rows]


def text_of(site: Any, queued: str) -> str:
	message = email.message_from_string(site.db.get_value("Email Queue", queued, "message"))
	html = next(part for part in message.walk() if part.get_content_type() == "text/html")
	subject = make_header(decode_header(message["Subject"]))
	return f"{subject}\n{html.get_payload(decode=True).decode()}"


def assigned(site: Any, request: str) -> list[str]:
	"""Whom a request is assigned to."""
	return sorted(site.get_all("ToDo", {"reference_name": request, "status": "Open"}, pluck="allocated_to"))
