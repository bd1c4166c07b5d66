"""Links in mails, notices and documents: always to the site's own address, whatever name a request called it by.

`frappe.utils.get_url` follows the Host header of the request where the site has no `host_name`. Whoever sends a request
chooses that header, and others would click on the link.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import frappe
from frappe.utils import get_url, get_url_to_form, get_url_to_list

HOST_NAME = "host_name"


def has_address() -> bool:
	"""Whether the site's configuration says by which address it is reached."""
	return bool(frappe.local.conf.host_name or frappe.local.conf.hostname)


def site_address() -> str:
	"""The address of the site, with its scheme: `host_name` in its configuration, else made of the site's name, as for
	mails that are sent by a job."""
	if not hasattr(frappe.local, "request"):
		return get_url()
	request = frappe.local.request
	frappe.local.request = None
	try:
		return get_url()
	finally:
		frappe.local.request = request


@contextmanager
def to_the_site() -> Iterator[None]:
	"""All links that are made in the block lead to the site's own address, also those that Frappe makes by itself."""
	if has_address():
		yield
		return
	frappe.local.conf[HOST_NAME] = site_address()
	try:
		yield
	finally:
		frappe.local.conf.pop(HOST_NAME, None)


def page(path: str) -> str:
	"""The address of a page of the website."""
	with to_the_site():
		return get_url(path)


def form(doctype: str, name: Any) -> str:
	"""The address of a record in the desk."""
	with to_the_site():
		return get_url_to_form(doctype, name)


def listing(doctype: str) -> str:
	"""The address of a list in the desk."""
	with to_the_site():
		return get_url_to_list(doctype)
