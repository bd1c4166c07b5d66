"""Rules for resource groups that recur: what they assign at a sync, what they leave alone, and who may make them."""

from datetime import date

import pytest
from usage_helpers import ASSIGNMENT, SENTINEL

from msp_licensing.sandbox import storybook

RULE = "Pax8 Usage Rule"
NOBODY, OWN = storybook.SENTINELONE_OF_NOBODY, storybook.SENTINELONE_DEFAULT_SITE


@pytest.fixture
def names(site):
	from msp_licensing.setup import demo

	return demo.CEDAR, demo.MUELLER


@pytest.fixture
def make(site):
	from msp_licensing.setup import demo

	def rule(text, client, **values):
		doc = site.get_doc(
			{
				"doctype": RULE,
				"rule_name": values.pop("rule_name", f"Rule {text}"),
				"text_contains": text,
				"client_doctype": demo.site_client_doctype(),
				"client": client,
				"enabled": 1,
				**values,
			}
		).insert()
		site.db.commit()
		return doc

	return rule


def given(site):
	site.db.rollback()
	return site.get_all(
		ASSIGNMENT, ["resource_group", "client", "reason", "from_date", "ended_because"], order_by="creation"
	)


def apply():
	from msp_licensing.usage import rules

	return rules.apply_all()


def test_a_new_group_is_assigned_at_the_sync_that_finds_it_and_the_reason_names_the_rule(
	usage, site, people, names, make
):
	make("new site", names[0], rule_name="Sites of <Cedar>")
	usage.on(2027, 3, 10, 4, 0)
	usage.put("NEW SITE 4411", currentCharges=12)
	usage.on(2027, 3, 15, 4, 0)
	group = usage.group("NEW SITE 4411")
	assert (group.placement, group.client, group.announced_on) == ("Assigned Here", names[0], None)
	(row,) = given(site)
	assert (row.client, row.reason, row.from_date) == (names[0], "Rule: Sites of <Cedar>", date(2027, 3, 1))
	assert [snapshot.client for snapshot in usage.snapshots(group)] == [names[0]]
	assert usage.months(group)[0].client == names[0]


def test_a_rule_reaches_what_is_nobodys_already_and_begins_on_its_day(usage, site, names, make):
	usage.on(2027, 3, 10, 4, 0)
	make("migrated", names[1], from_date="2027-03-05")
	assert apply() == 1 and apply() == 0
	(row,) = given(site)
	assert (row.client, row.from_date) == (names[1], date(2027, 3, 5))
	assert usage.group(NOBODY).client == names[1]


def test_a_rule_of_the_future_waits(usage, names, make):
	usage.on(2027, 3, 10, 4, 0)
	make("migrated", names[1], from_date="2027-03-12")
	assert apply() == 0
	usage.on(2027, 3, 12, 4, 0)
	assert usage.group(NOBODY).client == names[1]


def test_a_rule_never_overrides_a_person_or_pax8(usage, site, names, make):
	from msp_licensing.usage import assignments

	usage.put("Linked", companyId=storybook.MUELLER_UND_SOEHNE)
	for text in ("Given", "Taken away", "Ignored"):
		usage.put(text, currentCharges=1)
	usage.sync()
	usage.assign(usage.group("Given"), names[1])
	assignments.remove(usage.assign(usage.group("Taken away"), names[0]))
	site.db.commit()
	assignments.ignore(usage.group("Ignored").name, "lab")
	site.db.commit()
	before = len(given(site))
	product = usage.group("Given").product
	make(None, names[0], product=product, rule_name="All")
	apply()
	usage.on(2027, 3, 15, 4, 0)
	assert usage.group("Linked").client == usage.group("Given").client == names[1]
	assert usage.group("Taken away").placement == "Unassigned"
	assert usage.group("Ignored").placement == "Ignored"
	assert usage.group(NOBODY).client == names[0] and len(given(site)) > before


def test_an_assignment_of_a_rule_ends_when_pax8_agrees_and_may_come_again(usage, site, names, make):
	make("migrated", names[0])
	usage.sync()
	usage.sandbox.assign_usage(SENTINEL, NOBODY, storybook.CEDAR_AND_PINE)
	usage.on(2027, 3, 15, 4, 0)
	assert [row.ended_because for row in given(site)] == ["Pax8 agrees"]
	usage.sandbox.assign_usage(SENTINEL, NOBODY, None)
	usage.on(2027, 3, 16, 4, 0)
	assert usage.group(NOBODY).placement == "Assigned Here"


def test_rules_that_contradict_assign_nothing_and_the_inbox_says_so(usage, site, names, make):
	from msp_licensing.desk import usage_inbox

	make("migrated", names[0], rule_name="One")
	make("zz_", names[1], rule_name="Two")
	usage.sync()
	assert given(site) == []
	row = next(row for row in usage_inbox.load()["rows"] if row["resource_group"] == NOBODY)
	assert row["rules"] == "Rules contradict each other, so none is applied: One, Two"


def test_a_rule_that_is_off_or_whose_client_is_disabled_assigns_nothing(usage, site, names, make):
	from msp_licensing.desk import usage_inbox
	from msp_licensing.setup import demo

	make("migrated", names[0], enabled=0)
	make("default", names[1], rule_name="Default")
	site.db.set_value(demo.site_client_doctype(), names[1], "disabled", 1)
	site.db.commit()
	usage.sync()
	assert given(site) == []
	row = next(row for row in usage_inbox.load()["rows"] if row["resource_group"] == OWN)
	assert row["rules"] == "The client of this rule is disabled: Default"


def test_a_rule_by_sku(usage, site, names, make):
	usage.sync()
	product = usage.group(NOBODY).product
	sku = site.db.get_value("Pax8 Product", product, "sku") or site.db.get_value(
		"Pax8 Product", product, "vendor_sku"
	)
	assert sku
	make("migrated", names[0], sku=sku[:5].lower())
	make("default", names[0], sku="NO-SUCH-SKU")
	assert apply() == 1 and usage.group(NOBODY).client == names[0]


# ------------------------------------------------------------------------------------ preview


def test_the_preview_says_what_a_rule_would_do_before_it_is_saved_and_writes_nothing(
	usage, site, people, as_user, names, make
):
	from msp_licensing.desk import usage_inbox
	from msp_licensing.setup import demo
	from msp_licensing.usage import assignments

	usage.sync()
	assignments.remove(usage.assign(usage.group(OWN), names[0]))
	make("migrated", names[1], enabled=1)
	site.db.commit()
	values = {
		"client_doctype": demo.site_client_doctype(),
		"client": names[0],
		"product": usage.group(NOBODY).product,
		"text_contains": "",
	}
	before = usage.everything()
	with as_user(people.manager):
		answer = usage_inbox.preview_rule(values)
	assert usage.everything() == before
	assert (answer["contradicting"], answer["decided"]) == (1, 1)
	listed = {row["resource_group"] for row in answer["rows"]}
	assert storybook.SENTINELONE_OF_CEDAR in listed and not {NOBODY, OWN} & listed
	assert answer["assigned"] == len(listed) and "another rule names another client" in answer["sentence"]
	for wrong in ("no json", "[]"):
		with pytest.raises(site.ValidationError):
			usage_inbox.preview_rule(wrong)


# ------------------------------------------------------------------------------------ the record


def test_a_rule_without_condition_with_a_short_text_or_a_wrong_client_is_refused(usage, site, names, make):
	from msp_licensing.setup import demo

	for text, values, message in (
		("", {}, "at least one condition"),
		("ab", {}, "at least 3"),
		("  ", {"sku": "  "}, "at least one condition"),
	):
		with pytest.raises(site.ValidationError, match=message):
			make(text, names[0], **values)
	with pytest.raises(site.ValidationError):
		make("abc", "Administrator", client_doctype="User")
	site.db.set_value(demo.site_client_doctype(), names[0], "disabled", 1)
	with pytest.raises(site.ValidationError, match="disabled"):
		make("abc", names[0])
	site.db.rollback()


def test_only_managers_of_all_clients_make_change_and_delete_rules(
	usage, site, people, as_user, restrict, names, make
):
	kept = make("migrated", names[1])
	for user in (people.requester, people.reader, people.approver, people.system_manager):
		with as_user(user), pytest.raises(site.PermissionError):
			make("abc", names[0])
		with as_user(user), pytest.raises(site.PermissionError):
			site.delete_doc(RULE, kept.name)
	with as_user(people.manager):
		made = make("abcd", names[0])
	restrict(people.manager, names[1])
	with as_user(people.manager):
		assert site.get_list(RULE, pluck="name") == [kept.name]
		assert not site.has_permission(RULE, "read", made.name)
		with pytest.raises(site.PermissionError):
			make("abcde", names[1])
		with pytest.raises(site.PermissionError):
			site.get_doc(RULE, kept.name).update({"text_contains": "other"}).save()
		with pytest.raises(site.PermissionError):
			site.delete_doc(RULE, kept.name)
	site.db.rollback()


def test_a_client_with_a_rule_keeps_its_name_there_and_is_not_deleted(usage, site, names, make):
	from msp_licensing.setup import demo

	demo.make_client("Blue Harbor")
	rule = make("abc", "Blue Harbor")
	with pytest.raises(site.LinkExistsError):
		site.delete_doc(demo.site_client_doctype(), "Blue Harbor")
	site.rename_doc(demo.site_client_doctype(), "Blue Harbor", "Blue Harbour Ltd")
	site.db.commit()
	rule.reload()
	assert rule.client == "Blue Harbour Ltd"
