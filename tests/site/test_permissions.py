"""A client reaches nothing but its own, and nothing of it but through the portal."""

import pytest

from msp_licensing.sandbox import storybook

DOCTYPES = (
	"Pax8 Company",
	"Pax8 Product",
	"Pax8 Resource Group",
	"Pax8 Subscription",
	"Pax8 Sync Run",
	"Pax8 Usage Alert",
	"Pax8 Usage Assignment",
	"Pax8 Usage Line",
	"Pax8 Usage Month",
	"Pax8 Usage Rule",
	"Pax8 Usage Snapshot",
	"Pax8 Webhook Event",
	"License Change Request",
	"Licensing Portal User",
	"MSP Client",
)
SINGLES = ("Pax8 Settings", "Licensing Settings")
PORTAL_USERS = ("requester", "reader", "approver", "foreign_requester")


@pytest.mark.parametrize("who", PORTAL_USERS)
def test_portal_users_have_no_rights_on_any_doctype(site, people, as_user, who):
	user = getattr(people, who)
	with as_user(user):
		for doctype in (*DOCTYPES, *SINGLES):
			for right in (
				"read",
				"write",
				"create",
				"delete",
				"report",
				"export",
				"share",
				"select",
				"print",
			):
				assert not site.has_permission(doctype, right), (doctype, right)
		for doctype in DOCTYPES:
			with pytest.raises(site.PermissionError):
				site.get_list(doctype)


def test_a_right_given_by_mistake_opens_nothing(site, people, as_user):
	"""An administrator gives the portal role a DocPerm: the hooks take it away again."""
	from frappe.permissions import add_permission

	add_permission("Pax8 Subscription", "Licensing Client")
	try:
		with as_user(people.requester):
			assert not site.get_list("Pax8 Subscription", fields=["name", "price", "partner_cost"])
			assert not site.get_doc("Pax8 Subscription", storybook.CEDAR_KEEPER).has_permission("read")
	finally:
		site.db.delete("Custom DocPerm", {"parent": "Pax8 Subscription"})
		site.clear_cache(doctype="Pax8 Subscription")
		site.db.commit()


def test_a_portal_user_without_a_client_sees_nothing(site, sandbox, make_portal_user):
	from msp_licensing import permissions

	user = make_portal_user("nobody@nowhere.example", None, "Licensing Client")
	assert permissions.portal_access(user).clients == ()


def test_an_empty_client_is_nobodys(site, people):
	from msp_licensing import permissions

	access = permissions.portal_access(people.requester)
	assert not access.owns(None, None) and not access.owns("MSP Client", "") and not access.owns("", "")


def test_guests_and_staff_without_the_role_are_no_portal_users(site, people, make_portal_user):
	from msp_licensing import permissions

	make_portal_user("clerk@msp.example", None, "Report Manager")
	for user in ("Guest", "clerk@msp.example", "Administrator"):
		with pytest.raises(site.PermissionError):
			permissions.portal_access(user)


def test_a_reader_may_not_ask(site, people):
	from msp_licensing import permissions
	from msp_licensing.setup.demo import CEDAR, site_client_doctype

	assert permissions.portal_access(people.requester).may_request_for(site_client_doctype(), CEDAR)
	assert not permissions.portal_access(people.reader).may_request_for(site_client_doctype(), CEDAR)


def test_costs_are_out_of_reach_without_their_level(site, people, make_portal_user, as_user):
	"""Somebody in sales may be given the subscriptions, and still sees neither price nor cost."""
	from frappe.permissions import add_permission

	user = make_portal_user("sales@msp.example", None, "Report Manager")
	site.get_doc("User", user).add_roles("System Manager")
	site.db.delete("Has Role", {"parent": user, "role": "System Manager"})
	site.clear_cache(user=user)
	add_permission("Pax8 Subscription", "Report Manager")
	try:
		with as_user(user):
			doc = site.get_doc("Pax8 Subscription", storybook.CEDAR_KEEPER)
			doc.apply_fieldlevel_read_permissions()
			assert doc.quantity == 10
			assert not doc.get("price") and not doc.get("partner_cost") and not doc.get("has_partner_cost")
	finally:
		site.db.delete("Custom DocPerm", {"parent": "Pax8 Subscription"})
		site.clear_cache(doctype="Pax8 Subscription")
		site.db.commit()


def test_managers_see_costs_and_cannot_share_records(site, people, as_user):
	with as_user(people.manager):
		doc = site.get_doc("Pax8 Subscription", storybook.CEDAR_KEEPER)
		doc.apply_fieldlevel_read_permissions()
		assert doc.price
		for doctype in DOCTYPES:
			assert not site.has_permission(doctype, "share"), doctype
		for doctype in (
			"Pax8 Company",
			"Pax8 Product",
			"Pax8 Subscription",
			"Pax8 Sync Run",
			"Pax8 Webhook Event",
		):
			assert not site.has_permission(doctype, "create") and not site.has_permission(
				doctype, "delete"
			), doctype
		assert not site.has_permission("Pax8 Settings", "write"), "the connection is the System Manager's"
