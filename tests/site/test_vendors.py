"""A vendor whose name changes at Pax8 keeps its holds and return windows until a person confirms the new name."""

import json

import pytest

from msp_licensing.sandbox import storybook

KEEPER, SOPHOS = storybook.CEDAR_KEEPER, storybook.CEDAR_SOPHOS
PRODUCT = storybook.KEEPER_BUSINESS
WARNING = "Pax8 Sync Warning"
HELD, RENAMED = "Keeper Security", "Keeper CSP"


@pytest.fixture
def access(site, people):
	from msp_licensing import permissions

	return permissions.portal_access(people.requester)


@pytest.fixture
def held(site, sandbox):
	"""The vendor of the subscription always needs approval, and takes licenses back for 7 days."""
	settings = site.get_doc("Licensing Settings")
	settings.append("vendor_overrides", {"vendor": vendor(site)})
	settings.append("return_windows", {"vendor": vendor(site), "days": 7})
	settings.save()
	site.db.commit()
	return vendor(site)


def vendor(site, product=PRODUCT):
	return site.db.get_value("Pax8 Product", product, "vendor")


def rename(sandbox, name, *products):
	for product in products or (PRODUCT,):
		sandbox.change("products", product, vendorName=name or "")


def sync(site, *kinds):
	from msp_licensing.sync import jobs

	for kind in kinds or ("Products", "Subscriptions"):
		assert jobs.run(kind, trigger="Manual")
	site.set_user("Administrator")


def submit(access, wanted=12, subscription=KEEPER):
	import frappe

	from msp_licensing.changes import requests

	doc = requests.submit(subscription, wanted, access=access)
	frappe.db.commit()
	return doc


def told(site, user):
	return site.get_all(
		"Notification Log", {"for_user": user, "document_name": "Licensing Settings"}, pluck="subject"
	)


@pytest.mark.parametrize("kinds", [("Products",), ("Products", "Subscriptions")])
@pytest.mark.parametrize("name", [RENAMED, None, "Sophos"])
def test_a_product_is_held_by_the_vendor_it_was_known_by(site, sandbox, access, held, people, name, kinds):
	rename(sandbox, name)
	sync(site, *kinds)
	doc = submit(access)
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "vendor_override")
	assert held in doc.decision_summary
	assert site.db.get_value("Pax8 Product", PRODUCT, "known_vendor") == held


def test_a_return_window_stays_with_the_product(site, sandbox, access):
	settings = site.get_doc("Licensing Settings")
	settings.append("return_windows", {"vendor": vendor(site), "days": 7})
	settings.save()
	rename(sandbox, RENAMED)
	sync(site)
	doc = submit(access, 8)
	assert (doc.workflow_state, doc.decision_rule) == ("Pending Approval", "commitment_unknown")
	step = next(step for step in json.loads(doc.decision_trace) if step["rule"] == "commitment_unknown")
	assert step["numbers"]["reason"] == "vendor_changed"


def test_other_spellings_of_a_name_change_nothing_and_tell_nobody(site, sandbox, access, held, people):
	rename(sandbox, held.upper().replace(" ", ", ") + ".")
	sync(site)
	assert submit(access).decision_rule == "vendor_override"
	assert not site.db.count(WARNING, {"about": "Vendor"}) and not told(site, people.manager)
	assert not site.db.get_value("Pax8 Product", PRODUCT, "vendor_changed_on")


def test_managers_are_told_once_and_the_warning_ends_with_the_confirmation(
	site, sandbox, held, people, as_user
):
	from msp_licensing.changes import bell
	from msp_licensing.desk import vendors
	from msp_licensing.sync import watch

	rename(sandbox, RENAMED)
	sync(site)
	sync(site, "Products")
	watch.check()
	site.set_user("Administrator")
	assert told(site, people.manager) == [bell.something()], "the mail says which vendor"
	warning = site.get_doc(WARNING, {"about": "Vendor"})
	assert warning.open_key and RENAMED in warning.reason
	assert site.db.count("Email Queue Recipient", {"recipient": people.manager}) == 1
	with as_user(people.manager):
		(change,) = vendors.overview()["changes"]
		assert (change["known"], change["vendor"], change["may_confirm"]) == (held, RENAMED, True)
		assert change["always"] and change["days"] == 7 and change["subscriptions"]
		assert vendors.confirm(held, RENAMED)["products"] == change["products"]
		assert vendors.confirm(held, RENAMED)["products"] == 0, "a second click"
		assert vendors.overview()["changes"] == []
	assert warning.reload().ended_on and not warning.open_key


@pytest.mark.parametrize(
	("rules", "overrides", "rule"),
	[
		("Both Names", {HELD, RENAMED}, "vendor_override"),
		("New Name Only", {RENAMED}, "vendor_override"),
		("Not the New Name", {HELD}, "within_threshold"),
	],
)
def test_a_confirmed_name_takes_the_rules_over_as_chosen(
	site, sandbox, access, held, people, as_user, rules, overrides, rule
):
	from msp_licensing.desk import vendors

	rename(sandbox, RENAMED)
	sync(site)
	with as_user(people.manager):
		vendors.confirm(held, RENAMED, rules=rules)
	settings = site.get_doc("Licensing Settings")
	expected = {name.replace(HELD, held) for name in overrides}
	assert {row.vendor for row in settings.vendor_overrides} - {"Microsoft"} == expected
	assert {row.vendor for row in settings.return_windows} - {"Microsoft"} == expected
	assert {row.days for row in settings.return_windows} == {7}
	assert submit(access).decision_rule == rule
	version = site.get_last_doc("Version", {"docname": PRODUCT})
	assert json.loads(version.data)["changed"] == [["known_vendor", held, RENAMED]]
	assert version.owner == people.manager


def test_the_old_rule_stays_while_products_are_known_by_the_old_name(site, sandbox, people, as_user):
	from msp_licensing.desk import vendors

	rename(sandbox, "Microsoft CSP", storybook.M365_BUSINESS_BASIC)
	sync(site)
	with as_user(people.manager):
		vendors.confirm("Microsoft", "Microsoft CSP", rules="New Name Only")
	assert {row.vendor for row in site.get_doc("Licensing Settings").vendor_overrides} == {
		"Microsoft",
		"Microsoft CSP",
	}


def test_a_new_product_of_a_renamed_vendor_is_held_and_one_of_an_old_vendor_is_not(
	site, sandbox, access, held
):
	"""Keeper's product goes to Keeper CSP, which nobody knows; another one to Sophos, which everybody knows."""
	product = sandbox.subscription(SOPHOS)["productId"]
	rename(sandbox, RENAMED, PRODUCT)
	sandbox.change("products", id="product-of-tomorrow", name="Keeper Tomorrow", vendorName=RENAMED)
	sandbox.change("subscriptions", SOPHOS, productId="product-of-tomorrow")
	sync(site)
	assert site.db.get_value("Pax8 Product", "product-of-tomorrow", "known_vendor") == RENAMED
	assert submit(access, 43, SOPHOS).decision_rule == "vendor_override"
	assert product != "product-of-tomorrow"


def test_a_product_that_moves_to_a_known_vendor_takes_no_others_with_it(site, sandbox, access, held):
	rename(sandbox, vendor(site, sandbox.subscription(SOPHOS)["productId"]))
	sync(site)
	assert submit(access).decision_rule == "vendor_override"
	assert submit(access, 43, SOPHOS).decision == "Auto-Approved"


def test_renamed_twice_and_back(site, sandbox, access, held):
	rename(sandbox, RENAMED)
	sync(site)
	rename(sandbox, "KCSP")
	sync(site)
	assert submit(access).decision_rule == "vendor_override"
	rename(sandbox, held)
	sync(site)
	assert not site.db.get_value("Pax8 Product", PRODUCT, "vendor_changed_on")
	assert not site.db.count(WARNING, {"about": "Vendor", "open_key": ("is", "set")})


def test_a_product_that_had_no_vendor_is_known_by_its_first(site, sandbox):
	site.db.set_value("Pax8 Product", PRODUCT, {"known_vendor": None, "vendor": None, "fingerprint": None})
	site.db.commit()
	sync(site, "Products")
	row = site.db.get_value("Pax8 Product", PRODUCT, ["vendor", "known_vendor"], as_dict=True)
	assert row.vendor and row.known_vendor == row.vendor


def test_an_unchanged_sync_writes_no_product(site, sandbox, held):
	sync(site, "Products")
	sync(site, "Products")
	run = site.get_last_doc("Pax8 Sync Run")
	assert run.rows_read and not run.rows_changed
	assert not site.db.count("Pax8 Product", {"vendor_changed_on": ("is", "set")})


def test_a_renamed_product_that_always_waits_still_does(site, sandbox, access):
	site.db.set_value("Pax8 Product", PRODUCT, "hold_changes", 1)
	site.db.commit()
	sandbox.change("products", PRODUCT, name="Keeper Enterprise Plus")
	sync(site)
	assert submit(access).decision_rule == "product_always"


def test_a_vendor_in_the_settings_that_no_product_has_is_shown(site, sandbox, held, people, as_user):
	from msp_licensing.desk import vendors

	with as_user(people.manager):
		assert vendors.overview()["unmatched"] == []
		form = {
			"vendor_overrides": [{"vendor": "Mircosoft"}, {"vendor": " microsoft "}],
			"return_windows": [{"vendor": "Adobee", "days": 14}, {"vendor": "Mircosoft", "days": 7}],
		}
		assert vendors.overview(json.dumps(form))["unmatched"] == ["Adobee", "Mircosoft"]


def test_a_vendor_that_is_gone_cannot_be_confirmed(site, sandbox, held, people, as_user):
	from msp_licensing.desk import vendors

	rename(sandbox, None)
	sync(site)
	with as_user(people.manager):
		(change,) = vendors.overview()["changes"]
		assert change["vendor"] is None and not change["may_confirm"]
		with pytest.raises(site.ValidationError, match="names no vendor"):
			vendors.confirm(held, "")


def test_the_known_vendor_is_changed_by_nobodys_save(site, sandbox, people, as_user):
	with as_user(people.manager):
		doc = site.get_doc("Pax8 Product", PRODUCT)
		doc.known_vendor = "Somebody"
		with pytest.raises(site.PermissionError):
			doc.save()


def test_the_patch_keeps_what_is_known_and_can_run_again(site, sandbox):
	from msp_licensing import clock
	from msp_licensing.patches import keep_known_vendors

	site.db.sql("update `tabPax8 Product` set known_vendor = null")
	site.db.set_value("Pax8 Product", PRODUCT, {"known_vendor": "Old Name", "first_synced_on": None})
	created = site.db.get_value("Pax8 Product", PRODUCT, "creation")
	for _time in range(2):
		keep_known_vendors.execute()
	assert site.db.get_value("Pax8 Product", PRODUCT, "first_synced_on") == clock.to_utc(created)
	rows = site.get_all("Pax8 Product", fields=["name", "vendor", "known_vendor"])
	assert all(row.known_vendor == row.vendor for row in rows if row.name != PRODUCT)
	assert site.db.get_value("Pax8 Product", PRODUCT, "known_vendor") == "Old Name"


def test_what_if_and_the_desk_name_the_rule_by_the_known_name(site, sandbox, held, people, as_user):
	from msp_licensing.desk import rules, whatif

	rename(sandbox, RENAMED)
	sync(site)
	with as_user(people.manager):
		answer = whatif.simulate(KEEPER, "12")
		assert answer["outcome"] == "Held" and held in answer["summary"] and RENAMED in answer["summary"]
		step = next(step for step in answer["steps"] if step["decided"])
		assert held in step["detail"] and RENAMED in step["detail"]
		assert rules.describe(KEEPER)["rule"]["approval"]["text"] == f"Always, as all of {held}"
