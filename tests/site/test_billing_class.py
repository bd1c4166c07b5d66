"""The billing class of products on a site: verdicts, evidence, what staff choose, and the list for review."""

import json
from contextlib import contextmanager

import pytest

from msp_licensing.sandbox import storybook

PRODUCT = "Pax8 Product"
KEEPER, ACRONIS, AZURE = (
	storybook.KEEPER_BUSINESS,
	storybook.ACRONIS_CLOUD_STORAGE,
	storybook.AZURE_PLAN,
)
REPORT = "Billing Class Review"


@pytest.fixture
def evidence_of(site):
	"""Writes evidence of usage: resource groups of a product, or of a subscription."""

	def write(product, *, groups=1, subscription=None):
		for _number in range(groups):
			site.db.sql(
				"insert into `tabPax8 Resource Group` (name, product, subscription) values (%s, %s, %s)",
				(site.generate_hash(length=10), product, subscription),
			)

	yield write
	site.db.rollback()
	site.db.delete("Pax8 Resource Group")
	site.db.commit()


def row(site, name):
	return site.db.get_value(PRODUCT, name, "*", as_dict=True)


def codes(product):
	return [code for code, _values in json.loads(product.usage_class_reasons)]


def update(*names):
	from msp_licensing.sync import usage_class

	return usage_class.update(names)


def sync_products():
	from msp_licensing.sync import jobs

	return jobs.run("Products", trigger="Manual")


@contextmanager
def queries(frappe, most):
	"""At most so many statements."""
	seen, run = [], frappe.db.sql

	def counted(query, *args, **kwargs):
		seen.append(str(query))
		return run(query, *args, **kwargs)

	frappe.db.sql = counted
	try:
		yield seen
	finally:
		frappe.db.sql = run
	assert len(seen) <= most, seen


# --------------------------------------------------------------------------------------------- verdicts


def test_the_sync_of_products_says_how_each_is_billed_and_why(site, sandbox):
	keeper, azure = row(site, KEEPER), row(site, AZURE)
	assert (keeper.usage_class, keeper.computed_usage_class, codes(keeper)) == ("Seat", "Seat", ["priced"])
	assert (azure.usage_class, azure.computed_usage_class) == ("Usage", "Usage")
	assert codes(azure) == ["zero_rates", "usage_container"]
	# The first verdict is no change, for the list as for the history.
	assert not site.db.count(PRODUCT, {"usage_class_changed_on": ("is", "set")})
	assert not site.db.count("Version", {"ref_doctype": PRODUCT})


def test_evidence_outranks_what_prices_say_and_the_change_is_kept(site, sandbox, evidence_of):
	evidence_of(KEEPER, groups=3)
	assert update(KEEPER, ACRONIS) == 1
	keeper = row(site, KEEPER)
	assert (keeper.usage_class, keeper.computed_usage_class) == ("Usage", "Usage")
	assert (keeper.previous_usage_class, codes(keeper)) == ("Seat", ["usage_summaries"])
	assert keeper.usage_class_changed_on and keeper.usage_class_changed_on_utc
	(version,) = site.get_all("Version", {"docname": KEEPER}, pluck="data")
	assert json.loads(version)["changed"] == [["usage_class", "Seat", "Usage"]]
	assert update(KEEPER) == 0 and site.db.count("Version", {"docname": KEEPER}) == 1


def test_usage_of_another_product_counts_for_the_one_that_was_subscribed_to(site, sandbox, evidence_of):
	from msp_licensing.sync import usage_class

	evidence_of(AZURE, groups=2, subscription=storybook.CEDAR_KEEPER)
	seen = usage_class.evidence()
	assert (seen[AZURE].usage_summaries, seen[KEEPER].usage_summaries) == (2, 2)
	assert set(usage_class.evidence([KEEPER])) == {KEEPER}


def test_without_evidence_a_sync_writes_nothing_new(site, sandbox):
	from msp_licensing.sync import usage_class

	assert usage_class.evidence() == {} and update(KEEPER) == 0


def test_evidence_that_goes_leaves_the_verdict_to_the_prices_again(site, sandbox, evidence_of):
	evidence_of(KEEPER, groups=1)
	update(KEEPER)
	site.db.delete("Pax8 Resource Group")
	update(KEEPER)
	assert row(site, KEEPER).usage_class == "Seat"


def test_every_sync_of_products_looks_at_all_verdicts_again(site, sandbox, evidence_of):
	# A name that changes at Pax8 while the prices stay as they are, and evidence that nobody has acted on.
	sandbox.change("products", ACRONIS, name="Acronis Cyber Protect Cloud - Cloud Storage (Trial)")
	evidence_of(KEEPER, groups=1)
	site.db.commit()
	sync_products()
	assert row(site, ACRONIS).usage_class == "Unknown"
	assert row(site, ACRONIS).previous_usage_class == "Usage"
	assert row(site, KEEPER).usage_class == "Usage"
	before = {name: row(site, name).modified for name in (KEEPER, ACRONIS, AZURE)}
	sync_products()
	assert {name: row(site, name).modified for name in before} == before, "nothing new, nothing written"


def test_any_number_of_products_takes_the_same_few_queries(site, sandbox, evidence_of):
	names = site.get_all(PRODUCT, pluck="name")
	evidence_of(KEEPER, groups=1)
	evidence_of(ACRONIS, groups=1)
	site.db.set_value(PRODUCT, {"name": ("in", names)}, "computed_usage_class", "")
	with queries(site, most=8):
		update(*names)
	with queries(site, most=6):
		update(*names)


# --------------------------------------------------------------------------------------------- what staff choose


def test_a_choice_outranks_evidence_survives_every_sync_and_can_be_taken_back(
	site, sandbox, people, as_user, evidence_of
):
	from msp_licensing.desk import usage_class as door

	evidence_of(KEEPER, groups=1)
	update(KEEPER)
	with as_user(people.manager):
		assert door.choose([KEEPER], "Seat")["changed"] == 1
	site.db.commit()
	sandbox.change("products", KEEPER, name="Keeper Business (usage)")
	sync_products()
	keeper = row(site, KEEPER)
	assert (keeper.usage_class, keeper.computed_usage_class) == ("Seat", "Usage")
	assert (keeper.usage_class_set_by_staff, keeper.usage_class_set_by) == (1, people.manager)
	assert site.get_all("Version", {"docname": KEEPER, "owner": people.manager})
	with as_user(people.manager):
		assert door.let_app_decide([KEEPER])["changed"] == 1
	keeper = row(site, KEEPER)
	assert (keeper.usage_class, keeper.usage_class_set_by_staff) == ("Usage", 0)
	assert not keeper.usage_class_set_by and not keeper.usage_class_set_on


def test_a_choice_in_the_form_says_whose_it_is_and_what_the_app_would_say(site, sandbox, people, as_user):
	with as_user(people.manager):
		doc = site.get_doc(PRODUCT, KEEPER)
		doc.usage_class = "Usage"
		doc.save()
	doc = site.get_doc(PRODUCT, KEEPER)
	assert (doc.usage_class_set_by, doc.computed_usage_class) == (people.manager, "Seat")
	doc.run_method("onload")
	assert doc.get_onload("billing_class") == {
		"reasons": ["It has a price per unit."],
		"contradicts": False,
		"differs": True,
	}


def test_keeping_what_the_app_says_makes_it_a_choice(site, sandbox, evidence_of):
	from msp_licensing.desk import usage_class as door

	assert door.choose(json.dumps([KEEPER]), "seat") == {"changed": 1, "message": "1 product set."}
	assert door.choose([KEEPER], "Seat")["changed"] == 0
	evidence_of(KEEPER, groups=1)
	update(KEEPER)
	assert row(site, KEEPER).usage_class == "Seat"


def test_what_only_the_app_writes_cannot_be_written_by_hand(site, sandbox):
	for field, value in (
		("computed_usage_class", "Usage"),
		("usage_class_reasons", "[]"),
		("usage_class_accepted_by", "somebody"),
		("usage_class_set_by_staff", 1),
	):
		doc = site.get_doc(PRODUCT, KEEPER)
		doc.set(field, value)
		with pytest.raises(site.PermissionError):
			doc.save()


@pytest.mark.parametrize("wrong", ["", "Metered", "<b>Seat</b>"])
def test_another_class_than_the_three_is_refused(site, sandbox, wrong):
	from msp_licensing.desk import usage_class as door

	with pytest.raises(site.ValidationError):
		door.choose([KEEPER], wrong)
	with pytest.raises(site.ValidationError):
		door.choose("{}", "Seat")


def test_reasons_are_said_in_the_readers_language(site, sandbox, monkeypatch):
	import frappe

	from msp_licensing.usage import billing_class

	text = row(site, KEEPER).usage_class_reasons
	assert billing_class.sentences(text) == ["It has a price per unit."]
	monkeypatch.setattr(
		frappe.translate,
		"get_all_translations",
		lambda lang: {"It has a price per unit.": "Es hat einen Preis je Einheit."},
	)
	assert billing_class.sentences(text) == ["Es hat einen Preis je Einheit."]
	assert billing_class.sentences("what an older release wrote") == []


# --------------------------------------------------------------------------------------------- for review


def listed(site, **filters):
	from frappe.desk import query_report

	answer = query_report.run(REPORT, filters=filters)
	return {line["name"]: line for line in answer["result"] if isinstance(line, dict)}


def quiet(site):
	"""Nothing to review: every product has a class."""
	site.db.set_value(PRODUCT, {"usage_class": "Unknown"}, {"usage_class_accepted_on": "2026-01-01"})


def test_the_list_has_what_changed_contradicts_or_is_unknown(site, sandbox, evidence_of):
	from msp_licensing.desk import usage_class as door

	quiet(site)
	assert listed(site) == {}
	evidence_of(KEEPER, groups=2)
	evidence_of(storybook.SOPHOS_INTERCEPT_X, groups=1)
	door.choose([storybook.SOPHOS_INTERCEPT_X], "Seat")
	update(KEEPER, storybook.SOPHOS_INTERCEPT_X)
	door.choose([AZURE], "Unknown")
	evidence_of(AZURE, groups=1)
	found = listed(site)
	assert {name: line["why"] for name, line in found.items()} == {
		KEEPER: "Changed Lately",
		# What the app says has changed, and the choice contradicts it.
		storybook.SOPHOS_INTERCEPT_X: "Changed Lately, Staff Choice Contradicts Evidence",
		AZURE: "Unknown with Evidence, Unknown with Subscriptions",
	}
	keeper = found[KEEPER]
	assert (keeper["usage_class"], keeper["previous"], keeper["groups"]) == ("Usage", "Seat", 2)
	assert keeper["reasons"] == "Pax8 reports usage for it (resource groups: 2)."
	assert keeper["subscriptions"] >= 1
	assert set(listed(site, kind="Staff Choice Contradicts Evidence")) == {storybook.SOPHOS_INTERCEPT_X}
	assert set(listed(site, kind="Unknown with Evidence")) == {AZURE}
	assert set(listed(site, vendor="keeper")) == {KEEPER}
	assert set(listed(site, usage_class="Unknown")) == {AZURE}


def test_what_changed_long_ago_is_not_listed_but_a_contradiction_stays(site, sandbox, evidence_of):
	from msp_licensing import clock
	from msp_licensing.desk import usage_class as door

	quiet(site)
	evidence_of(KEEPER, groups=1)
	update(KEEPER)
	site.db.set_value(PRODUCT, KEEPER, clock.at("usage_class_changed_on", clock.before(days=31)))
	assert KEEPER not in listed(site)
	assert KEEPER in listed(site, days=40)
	door.choose([KEEPER], "Seat")
	assert listed(site)[KEEPER]["why"] == "Staff Choice Contradicts Evidence"


def test_what_is_accepted_comes_back_when_the_verdict_changes(site, sandbox, people, as_user, evidence_of):
	from msp_licensing.desk import usage_class as door

	quiet(site)
	evidence_of(KEEPER, groups=1)
	update(KEEPER)
	with as_user(people.manager):
		assert door.accept([KEEPER])["changed"] == 1
		assert door.accept([KEEPER])["changed"] == 0
	assert listed(site) == {}
	assert listed(site, accepted=1)[KEEPER]["accepted_by"] == people.manager
	site.db.delete("Pax8 Resource Group")
	update(KEEPER)
	assert set(listed(site)) == {KEEPER}


def test_the_list_takes_the_same_few_queries_however_many_products(site, sandbox):
	from msp_licensing.usage import billing_class

	site.db.set_value(PRODUCT, {"name": ("is", "set")}, {"usage_class": "Unknown"})
	billing_class.to_review()
	with queries(site, most=8) as seen:
		assert len(billing_class.to_review()) > 5
	many = len(seen)
	site.db.set_value(PRODUCT, {"name": ("!=", KEEPER)}, {"usage_class": "Seat"})
	with queries(site, most=many):
		assert len(billing_class.to_review()) <= 1


def test_staff_read_the_list_and_nobody_sees_a_cost_in_it(site, sandbox, people, as_user, evidence_of):
	evidence_of(KEEPER, groups=1)
	update(KEEPER)
	site.db.commit()
	for user in (people.manager, people.system_manager):
		with as_user(user):
			found = listed(site)
			assert KEEPER in found
			assert not {key for key in found[KEEPER] if "cost" in key or "price" in key or "rate" in key}
	for user in (people.requester, people.reader, people.approver):
		with as_user(user), pytest.raises(site.PermissionError):
			listed(site)


def test_a_manager_for_some_clients_counts_only_their_subscriptions_and_changes_nothing(
	site, sandbox, people, as_user, restrict, evidence_of
):
	from msp_licensing.desk import usage_class as door

	evidence_of(KEEPER, groups=1)
	update(KEEPER)
	site.db.commit()
	restrict(people.manager, "Müller & Söhne GmbH")
	mine = site.db.count("Pax8 Subscription", {"product": KEEPER, "client": "Müller & Söhne GmbH"})
	with as_user(people.manager):
		assert listed(site)[KEEPER]["subscriptions"] == mine
		for call in (lambda: door.choose([KEEPER], "Seat"), lambda: door.accept([KEEPER])):
			with pytest.raises(site.PermissionError):
				call()


def test_names_of_vendors_do_no_harm_in_a_file(site, sandbox, evidence_of):
	from msp_licensing.msp_licensing.report.billing_class_review import billing_class_review

	site.db.set_value(PRODUCT, KEEPER, "product_name", "=HYPERLINK(1)")
	evidence_of(KEEPER, groups=1)
	update(KEEPER)
	rows = {line["name"]: line for line in billing_class_review.execute({})[1]}
	assert rows[KEEPER]["product_name"] == "'=HYPERLINK(1)"


def test_two_who_choose_at_once_leave_one_choice(site, sandbox):
	# The rows are locked before they are looked at, so the second one sees what the first one wrote.
	from msp_licensing.usage import billing_class

	assert billing_class.choose([KEEPER], "Usage") == 1
	assert billing_class.choose([KEEPER], "Unknown") == 1
	assert billing_class.let_app_decide([KEEPER]) == 1
	assert billing_class.let_app_decide([KEEPER]) == 0
	assert row(site, KEEPER).usage_class == "Seat"
