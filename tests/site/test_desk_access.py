"""Who may call what of the staff screens' API, and how."""

import importlib
import json
import pkgutil

import pytest

from msp_licensing.sandbox import storybook

COMPANY = storybook.BLUE_HARBOR_DENTAL
SUBSCRIPTION = storybook.CEDAR_KEEPER
PRODUCT = storybook.KEEPER_BUSINESS
CLIENT = {"client_doctype": "§", "client": "Cedar & Pine Architects"}

# function: arguments that a manager's call gets through with ("…": a waiting request, "§": the DocType of
# clients, "¶": a webhook event, "†": another waiting request, "¤": a client's policy, "‡": a resource group of nobody,
# "※": the assignment of one)
READS = {
	"connection.state": {},
	"webhooks.state": {},
	"sync.status": {},
	"settings.banner": {},
	"settings.vendors": {},
	"settings.currencies": {},
	"settings.explain": {"settings": '{"auto_approve_threshold": 50}'},
	"settings.explain_client": {"policy": '{"require_approval": "On"}'},
	"vendors.overview": {},
	"policies.duplicates": {"policy": "¤"},
	"catalog.products": {},
	"catalog.matching": {},
	"catalog.facets": {},
	"rules.subscriptions": {},
	"rules.clients": {},
	"rules.describe": {"subscription": SUBSCRIPTION},
	"mapping.choices": {"company": COMPANY},
	"mapping.own_companies": {"ids": storybook.NORTHWIND_PARTNER},
	"requests.trace": {"request": "…"},
	"applying.attempts": {"request": "…"},
	"whatif.replay_requests": {"days": 30},
	"whatif.simulate": {"subscription": SUBSCRIPTION, "wanted": "12"},
	"evidence.make": {**CLIENT, "from_date": "2026-01-01", "to_date": "2026-01-31"},
	"focus.export": {**CLIENT, "from_date": "2026-01-01", "to_date": "2026-01-31"},
	"focus.preview": {**CLIENT, "from_date": "2026-01-01", "to_date": "2026-01-31"},
	"focus.choices": {},
	"overview.last_sync": {},
	"sync.overview": {},
	"overview.commitments_ending": {},
	"usage_inbox.load": {},
	"usage_inbox.group": {"name": "‡"},
	"usage_inbox.unassigned_amount": {},
	"usage_trend.trend": {"doctype": "Pax8 Subscription", "name": SUBSCRIPTION},
}
MANAGER_READS = {
	"requests.preview": {"subscription": SUBSCRIPTION, "wanted": "12"},
	"clients.portal_people": CLIENT,
	"requests.disabled_among": {"names": ["…"]},
	"usage_inbox.preview_rule": {"rule": '{"text_contains": "xyz"}'},
}
MANAGER_WRITES = {
	"sync.sync_now": {"kind": "Companies"},
	"catalog.act": {"names": [PRODUCT], "action": "Hide"},
	"catalog.show_owned": {},
	"usage_class.choose": {"names": [PRODUCT], "usage_class": "Usage"},
	"usage_class.accept": {"names": [PRODUCT]},
	"usage_class.let_app_decide": {"names": [PRODUCT]},
	"mapping.create_client": {"company": COMPANY, "client_name": "Blue Harbor"},
	"subscriptions.refresh": {"subscription": SUBSCRIPTION},
	"requests.set_reject_reason": {"request": "…", "reason": "No"},
	"requests.check_again": {"request": "…"},
	"requests.check_seen": {"request": "…", "seen_quantity": 10, "seen_amount": ""},
	"requests.decide_many": {"names": ["LCR-1999-00001"], "action": "Approve"},
	"requests.approve": {"request": "…"},
	"requests.reject": {"request": "†"},
	"applying.approve_another": {"request": "…", "quantity": 12, "reason": "Enough", "seen_quantity": 10},
	"applying.change_now": {"subscription": storybook.CEDAR_SOPHOS, "quantity": "43", "reason": "By phone"},
	"vendors.confirm": {"known": "Microsoft", "vendor": "Microsoft CSP"},
	"policies.make_one": {"policy": "¤"},
	"policies.keep": {"policy": "¤"},
	"webhooks.process_again": {"event": "¶"},
	"clients.invite": {**CLIENT, "email": "new@cedarpine.example", "first_name": "New"},
	"clients.decide_access": {"names": ["none"], "action": "Revoke"},
	# The order is that of a group's life.
	"usage_inbox.ignore": {"groups": "‡", "reason": "Our lab"},
	"usage_inbox.stop_ignoring": {"groups": "‡"},
	"usage_inbox.assign": {"groups": "‡", "client": CLIENT["client"]},
	"usage_inbox.change": {"assignment": "※", "client": "Müller & Söhne GmbH"},
	"usage_inbox.remove": {"assignment": "※"},
}
# The webhook is set up by System Managers; the order is that of a life.
SYSTEM_READS = {"webhooks.test_result": {"topic": "SUBSCRIPTION", "since": "2026-01-01"}}
SYSTEM_WRITES = {
	"webhooks.set_up": {},
	"webhooks.send_test": {},
	"webhooks.new_secret": {},
	"webhooks.switch": {"active": False},
	"webhooks.remove": {},
}
SYSTEM = {**SYSTEM_READS, **SYSTEM_WRITES}
# A test of the connection changes nothing here, but calls Pax8.
CONNECTION_WRITES = {"connection.test": {}}
# What a manager gets as far as: it is past the question of who may.
COME_TOO_LATE = {"requests.check_again": "needs review", "applying.approve_another": "decided already"}
ALL = {**READS, **MANAGER_READS, **MANAGER_WRITES, **CONNECTION_WRITES}
EVERYTHING = {**ALL, **SYSTEM}


# What a manager whom User Permissions restrict to another client gets through with: it is about no client, and its
# answer names none but the manager's own. Everything else here is about Cedar & Pine, about a company that nobody has
# mapped, or counts for every client: it is refused.
NO_CLIENT = {
	*(
		"connection.state",
		"connection.test",
		"webhooks.state",
		"sync.status",
		"sync.overview",
		"sync.sync_now",
	),
	*("settings.banner", "settings.vendors", "settings.currencies"),
	*("settings.explain", "settings.explain_client"),
	*("catalog.products", "catalog.matching", "catalog.facets", "rules.subscriptions", "rules.clients"),
	*("whatif.replay_requests", "overview.last_sync", "overview.commitments_ending"),
	*("requests.disabled_among", "clients.decide_access", "vendors.overview", "mapping.own_companies"),
	"focus.choices",
	"usage_inbox.load",
	"usage_inbox.unassigned_amount",
	"requests.decide_many",  # an answer for each request: see test_restrictions.py
}


def function(path):
	module, name = path.split(".")
	return getattr(importlib.import_module(f"msp_licensing.desk.{module}"), name)


def whitelisted(frappe):
	"""Every whitelisted function of the package, by `module.name`."""
	import msp_licensing.desk as package

	found = {}
	for info in pkgutil.iter_modules(package.__path__):
		module = importlib.import_module(f"{package.__name__}.{info.name}")
		for name, value in vars(module).items():
			if getattr(value, "__module__", None) == module.__name__ and value in frappe.whitelisted:
				found[f"{info.name}.{name}"] = value
	return found


@pytest.fixture
def pending(people, site, sandbox):
	"""A request of Cedar & Pine that waits for approval."""
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	# A FOCUS file says who the partner is at Pax8.
	site.db.set_single_value("Pax8 Settings", "shadow_company_ids", storybook.NORTHWIND_PARTNER)
	access = permissions.portal_access(people.requester)
	doc = requests.submit(SUBSCRIPTION, 40, access=access)
	requests.submit(storybook.CEDAR_SOPHOS, 90, access=access)
	site.db.commit()
	return doc.name


def an_event():
	"""A Pax8 Webhook Event."""
	import frappe

	from msp_licensing.webhooks import delivery, events

	found = delivery.read(b'{"webhookTopic": {"topic": "PRODUCT"}}')
	events.keep(found)
	return frappe.db.get_value(events.DOCTYPE, {"event_hash": found.event_hash})


def a_policy():
	"""A Licensing Client Policy of Cedar & Pine."""
	import frappe

	from msp_licensing.setup import demo

	doctype = "Licensing Client Policy"
	client = {"client_doctype": demo.site_client_doctype(), "client": CLIENT["client"]}
	found = frappe.db.exists(doctype, client)
	return (
		found
		or frappe.get_doc({"doctype": doctype, **client}).db_insert()
		or frappe.db.exists(doctype, client)
	)


def a_group():
	"""A Pax8 Resource Group that is nobody's."""
	import frappe

	if not frappe.db.exists("Pax8 Resource Group", "a-group"):
		doc = frappe.get_doc({"doctype": "Pax8 Resource Group", "resource_group": "Lab"})
		doc.name = "a-group"
		doc.db_insert()
	return "a-group"


def an_assignment():
	"""The Pax8 Usage Assignment of such a group that is in force."""
	import frappe

	from msp_licensing.setup import demo

	doctype, group = "Pax8 Usage Assignment", a_group()
	if found := frappe.db.exists(doctype, {"open_key": group}):
		return found
	doc = frappe.get_doc(
		{
			"doctype": doctype,
			"resource_group": group,
			"client_doctype": demo.site_client_doctype(),
			"client": CLIENT["client"],
			"client_name": CLIENT["client"],
			"from_date": "2026-01-01",
			"open_key": group,
		}
	)
	doc.name = "an-assignment"
	doc.db_insert()
	return doc.name


def another():
	import frappe

	return frappe.db.get_value("License Change Request", {"subscription": storybook.CEDAR_SOPHOS})


def call(path, arguments, pending):
	from msp_licensing.setup import demo

	stand_ins = {
		"¤": a_policy(),
		"…": pending,
		"†": another(),
		"§": demo.site_client_doctype(),
		"¶": an_event(),
	}
	if "‡" in arguments.values():
		stand_ins["‡"] = a_group() if "name" in arguments else json.dumps([a_group()])
	if "※" in arguments.values():
		stand_ins["※"] = an_assignment()
	arguments = {
		key: stand_ins.get(value, value) if isinstance(value, str) else value
		for key, value in arguments.items()
	}
	return function(path)(**arguments)


def test_no_whitelisted_function_escapes_these_tests(site):
	assert set(whitelisted(site)) == set(EVERYTHING)


def test_changes_are_made_by_post_only(site):
	for path, fn in whitelisted(site).items():
		methods = site.allowed_http_methods_for_whitelisted_func[fn]
		if path in {**MANAGER_WRITES, **CONNECTION_WRITES, **SYSTEM_WRITES}:
			assert methods == ["POST"], path
		else:
			assert "GET" in methods, path


def test_no_guest_reaches_any_of_them(site):
	for path, fn in whitelisted(site).items():
		assert fn not in site.guest_methods, path


def test_portal_people_and_staff_without_the_role_are_refused(site, people, pending, as_user):
	plain = site.get_doc(
		{
			"doctype": "User",
			"email": "clerk@msp.example",
			"first_name": "Clerk",
			"send_welcome_email": 0,
			"roles": [{"role": "Desk User"}],
		}
	).insert(ignore_permissions=True)
	site.db.commit()
	portal = (people.requester, people.reader, people.approver, people.foreign_requester)
	for user in ("Guest", *portal, plain.name):
		for path, arguments in EVERYTHING.items():
			with as_user(user), pytest.raises(site.PermissionError):
				call(path, arguments, pending)
			site.db.rollback()


def test_a_system_manager_reads_and_tests_but_decides_nothing(site, people, pending, as_user):
	for path, arguments in {**READS, **CONNECTION_WRITES, **SYSTEM}.items():
		with as_user(people.system_manager):
			call(path, arguments, pending)
	for path, arguments in {**MANAGER_READS, **MANAGER_WRITES}.items():
		with as_user(people.system_manager), pytest.raises(site.PermissionError):
			call(path, arguments, pending)


def test_a_manager_gets_through_everywhere(site, people, pending, as_user):
	for path, arguments in ALL.items():
		with as_user(people.manager):
			if path in COME_TOO_LATE:
				with pytest.raises(site.ValidationError, match=COME_TOO_LATE[path]):
					call(path, arguments, pending)
			else:
				call(path, arguments, pending)
		site.db.commit()


def test_a_manager_may_look_at_the_webhook_and_changes_nothing_of_it(site, people, pending, as_user):
	for path, arguments in SYSTEM.items():
		with as_user(people.manager), pytest.raises(site.PermissionError, match="System Manager"):
			call(path, arguments, pending)


def test_a_manager_for_another_client_gets_through_nowhere(site, people, pending, as_user, restrict):
	restrict(people.manager, "Müller & Söhne GmbH")
	for path, arguments in ALL.items():
		with as_user(people.manager):
			if path in NO_CLIENT:
				answer = str(call(path, arguments, pending))
				for mark in ("Cedar", SUBSCRIPTION, storybook.CEDAR_SOPHOS, COMPANY, "olivia"):
					assert mark not in answer, (path, mark)
			else:
				with pytest.raises(site.PermissionError):
					call(path, arguments, pending)
		site.db.rollback()


def test_products_are_counted_as_owned_by_the_own_client_only(site, people, as_user, restrict):
	from msp_licensing.desk import catalog

	def owned():
		return {row.name: row.owned for row in catalog.products(owned=True, page_length=200)["rows"]}

	restrict(people.manager, "Müller & Söhne GmbH")
	assert PRODUCT in owned()
	with as_user(people.manager):
		assert owned() and PRODUCT not in owned()
