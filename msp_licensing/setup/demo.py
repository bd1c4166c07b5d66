"""A site to try the app on, against the stand-in Pax8 server: two clients, their people, and a manager.

The same people and clients serve the demo, the tests and the screenshots. Run by `make demo`; safe to run again.
"""

import time
from typing import Any, NamedTuple

import frappe
from frappe import _
from frappe.utils.password import update_password

from msp_licensing import permissions
from msp_licensing.clients import site_client_doctype
from msp_licensing.frappe_version import desk_path

PASSWORD = "licensing-demo"
LONGEST_WAIT = 120.0  # seconds for a run of the same kind that is going already


class Person(NamedTuple):
	email: str
	first_name: str
	last_name: str
	role: str
	client: str | None = None


CEDAR = "Cedar & Pine Architects"
MUELLER = "Müller & Söhne GmbH"

PEOPLE = (
	# First: Frappe makes the first desk user of a site a System Manager, whatever roles were asked for.
	Person("admin@msp.example", "Sam", "Systems", "System Manager"),
	Person("manager@msp.example", "Maya", "Manager", permissions.MANAGER),
	Person("olivia@cedarpine.example", "Olivia", "Office", permissions.CLIENT, CEDAR),
	Person("ravi@cedarpine.example", "Ravi", "Reader", permissions.VIEWER, CEDAR),
	Person("jana@mueller.example", "Jana", "Jäger", permissions.CLIENT, MUELLER),
	Person("lars@mueller.example", "Lars", "Leser", permissions.VIEWER, MUELLER),
	Person("paula@cedarpine.example", "Paula", "Partner", permissions.APPROVER, CEDAR),
)


def make(sandbox_url: str = "http://127.0.0.1:8088/v1") -> dict[str, Any]:
	"""Fills the site and syncs it with the sandbox at `sandbox_url`.

	Returns:
		`logins`: rows with `who`, `where`, `user` and `password`.

	Raises:
		frappe.ValidationError: the site is connected to something that is not a sandbox on this machine.
	"""
	_refuse_real_connection(sandbox_url)
	finish_setup_wizard()
	make_mail_account()
	connect(sandbox_url)
	choose_policy()
	choose_client_price()
	make_people()
	_sync("Companies")
	map_companies()
	_sync("Subscriptions")
	_sync("Products")
	make_usage_history()
	_sync("Usage")
	assign_disputed_usage()
	show_owned_products()
	complete_first_steps()
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - run from the command line
	return {"logins": logins()}


def logins() -> list[dict[str, str]]:
	return [
		{
			"who": f"{person.first_name} {person.last_name}, {_what(person)}",
			"where": "/licensing" if person.client else desk_path("msp-licensing"),
			"user": person.email,
			"password": PASSWORD,
		}
		for person in PEOPLE
	]


def _what(person: Person) -> str:
	what = {
		"System Manager": "system manager of the MSP",
		permissions.MANAGER: "licensing manager of the MSP",
		permissions.CLIENT: "may ask for changes",
		permissions.APPROVER: "approves changes, where the client's approval is asked for",
		permissions.VIEWER: "may only look",
	}[person.role]
	return f"{what} ({person.client})" if person.client else what


def _refuse_real_connection(sandbox_url: str) -> None:
	from urllib.parse import urlsplit

	for url in (sandbox_url, frappe.db.get_single_value("Pax8 Settings", "base_url")):
		host = urlsplit(url or "").hostname
		used = url == sandbox_url or frappe.db.get_single_value("Pax8 Settings", "mode") not in (
			None,
			"",
			"Off",
		)
		if used and host not in ("127.0.0.1", "localhost", "::1"):
			frappe.throw(
				_("Demo data is only made against a sandbox on this machine, not against {0}.").format(url)
			)


def finish_setup_wizard() -> None:
	"""So that the desk opens at the workspace. Leaves alone what an administrator has set."""
	settings = frappe.get_doc("System Settings")
	if frappe.db.exists("Country", "United States"):
		settings.country = settings.country or "United States"
	settings.language = settings.language or "en"
	settings.time_zone = settings.time_zone if settings.country else "America/New_York"
	settings.setup_complete = 1
	settings.flags.ignore_mandatory = True
	settings.save(ignore_permissions=True)
	frappe.db.set_default("desktop:home_page", "workspace")
	if frappe.get_meta("Installed Application").has_field("is_setup_complete"):
		frappe.db.set_value("Installed Application", {"name": ("is", "set")}, "is_setup_complete", 1)


def make_mail_account() -> None:
	"""An outgoing account that leads nowhere, so that mails can be looked at in the Email Queue."""
	name = "MSP Licensing Demo"
	if frappe.db.exists("Email Account", name):
		return
	account = frappe.get_doc(
		{
			"doctype": "Email Account",
			"email_account_name": name,
			"email_id": "licensing@msp.example",
			"enable_outgoing": 1,
			"default_outgoing": 1,
			"smtp_server": "127.0.0.1",
			"smtp_port": "9",
			"no_smtp_authentication": 1,
		}
	)
	account.name = name
	account.db_insert()  # a save would try to reach the server


def connect(sandbox_url: str) -> None:
	settings = frappe.get_doc("Pax8 Settings")
	settings.update(
		{"mode": "Live", "base_url": sandbox_url, "client_id": "sandbox", "client_secret": "sandbox"}
	)
	from msp_licensing.sandbox import storybook

	settings.shadow_company_ids = storybook.NORTHWIND_PARTNER
	settings.save(ignore_permissions=True)


def choose_policy() -> None:
	"""Half as many again is fine, more waits; Microsoft always waits."""
	settings = frappe.get_doc("Licensing Settings")
	if settings.vendor_overrides:
		return
	settings.update(
		{
			"require_approval_by_default": 0,
			"use_auto_approve_threshold": 1,
			"auto_approve_threshold": 50,
			"allow_self_service_by_default": 1,
			"default_min_quantity": 1,
			"default_max_quantity": 200,
			"client_doctype": "Customer" if "erpnext" in frappe.get_installed_apps() else "MSP Client",
		}
	)
	settings.append("vendor_overrides", {"vendor": "Microsoft"})
	settings.save(ignore_permissions=True)


def choose_client_price() -> None:
	"""Clients pay Pax8's suggested retail price, so that the portal shows what usage costs them."""
	settings = frappe.get_doc("Licensing Settings")
	if settings.client_price_from in (None, "", "Own Prices Only"):
		settings.client_price_from = "Suggested Retail Price"
		settings.save(ignore_permissions=True)


def make_people() -> None:
	for client in (CEDAR, MUELLER):
		make_client(client)
	for person in PEOPLE:
		make_user(person)


def make_client(name: str) -> None:
	doctype = site_client_doctype()
	if frappe.db.exists(doctype, name):
		return
	values = (
		{"client_name": name}
		if doctype == "MSP Client"
		else {"customer_name": name, "customer_type": "Company"}
	)
	doc = frappe.get_doc({"doctype": doctype, **values})
	doc.flags.ignore_mandatory = True
	doc.insert(ignore_permissions=True)


def make_user(person: Person) -> None:
	"""A user with their role; a client's person has access to the client, and stands in its address book."""
	if frappe.db.exists("User", person.email):
		frappe.get_doc("User", person.email).add_roles(*roles_of(person))
	else:
		user = frappe.get_doc(
			{
				"doctype": "User",
				"email": person.email,
				"first_name": person.first_name,
				"last_name": person.last_name,
				"send_welcome_email": 0,
				"roles": [{"role": role} for role in roles_of(person)],
			}
		)
		user.flags.no_welcome_mail = True
		user.insert(ignore_permissions=True)
	update_password(person.email, PASSWORD)
	if person.client:
		give_access(person, link_contact(person))


def give_access(person: Person, contact: str) -> None:
	"""What an invitation does. Rights that the person has for the client already stay."""
	from msp_licensing.access import records

	client = permissions.ClientRecord(site_client_doctype(), str(person.client))
	known = records.find(person.email, client) or frappe._dict()
	records.grant(
		person.email,
		client,
		may_request=bool(known.may_request or person.role == permissions.CLIENT),
		may_approve=bool(known.may_approve or person.role == permissions.APPROVER),
		contact=contact,
	)


def roles_of(person: Person) -> tuple[str, ...]:
	"""The roles that a person of the demo is given."""
	# Customers belong to ERPNext: who maps companies to them needs a role that may read and make them.
	if person.role == permissions.MANAGER and site_client_doctype() == "Customer":
		return (person.role, "Sales User")
	return (person.role,)


def link_contact(person: Person) -> str:
	# Frappe makes a Contact of its own for most new users; it is found by its e-mail address.
	name = frappe.db.get_value("Contact", {"email_id": person.email})
	contact = frappe.get_doc("Contact", name) if name else frappe.new_doc("Contact")
	contact.update({"first_name": person.first_name, "last_name": person.last_name, "user": person.email})
	if not contact.email_ids:
		contact.append("email_ids", {"email_id": person.email, "is_primary": 1})
	if not any(link.link_name == person.client for link in contact.links):
		contact.append("links", {"link_doctype": site_client_doctype(), "link_name": person.client})
	contact.save(ignore_permissions=True)
	return contact.name


def map_companies() -> None:
	from msp_licensing.sandbox import storybook

	for company, client in (
		(storybook.CEDAR_AND_PINE, CEDAR),
		(storybook.MUELLER_UND_SOEHNE, MUELLER),
	):
		doc = frappe.get_doc("Pax8 Company", company)
		if not doc.client:
			doc.update({"client_doctype": site_client_doctype(), "client": client})
			doc.save(ignore_permissions=True)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - mapping backfills by a job


def assign_disputed_usage() -> None:
	"""A resource group that is assigned to one client here, while Pax8 links it to another one: a conflict for the inbox."""
	from msp_licensing.sandbox import storybook
	from msp_licensing.usage import assignments

	group = frappe.db.get_value(
		"Pax8 Resource Group",
		{
			"subscription_id": storybook.NORTHWIND_SENTINELONE_USAGE,
			"resource_group": storybook.SENTINELONE_DISPUTED,
		},
	)
	if not group or frappe.db.exists("Pax8 Usage Assignment", {"resource_group": group}):
		return
	user = frappe.session.user
	frappe.set_user(next(person.email for person in PEOPLE if person.role == permissions.MANAGER))
	try:
		assignments.assign(group, site_client_doctype(), CEDAR, reason=_("Their new site, said Olivia"))
	finally:
		frappe.set_user(user)


def make_usage_history() -> None:
	from msp_licensing.setup import demo_usage

	demo_usage.make_history()
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - run from the command line


def show_owned_products() -> None:
	for product in frappe.get_all("Pax8 Subscription", pluck="product", distinct=True):
		frappe.db.set_value("Pax8 Product", product, "visible", 1)


def complete_first_steps() -> None:
	"""The steps that Frappe shows to whoever sets the app up are done."""
	for step in frappe.get_doc("Module Onboarding", "MSP Licensing").steps:
		frappe.db.set_value("Onboarding Step", step.step, "is_complete", 1)
	# Frappe would close them at the next look at the workspace, and fail where two look at once.
	frappe.db.set_value("Module Onboarding", "MSP Licensing", "is_complete", 1)


def _sync(kind: str) -> None:
	from msp_licensing.sync import jobs

	user = frappe.session.user
	end = time.monotonic() + LONGEST_WAIT
	# A worker may be reading a company that was just mapped: then this waits its turn.
	while not jobs.run(kind, trigger="Manual"):
		if time.monotonic() > end:
			frappe.throw(_("Another sync of {0} does not end.").format(kind))
		time.sleep(0.3)
	frappe.set_user(user)
