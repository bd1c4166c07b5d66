"""The reports of usage count the last total of a month once, mix no currencies, and show nobody's clients to others."""

import csv
import io
import json
from datetime import date, datetime

import pytest
from usage_helpers import GROUP, money
from usage_history import CEDAR, MUELLER, History

FEBRUARY, MARCH = date(2027, 2, 1), date(2027, 3, 1)
MONTHLY = ("Usage by Client", "Usage by Vendor", "Usage by Resource Group")
REPORTS = (*MONTHLY, "Usage by Day", "Usage Products")


def run(name, **filters):
	"""A report as its screen asks for it."""
	import frappe
	from frappe.desk import query_report

	frappe.local.form_dict = frappe._dict(cmd="frappe.desk.query_report.run")
	answer = query_report.run(name, filters=filters)
	answer["rows"] = [row for row in answer["result"] if isinstance(row, dict)]
	return answer


def by(answer, column, value, **also):
	found = [
		row
		for row in answer["rows"]
		if row[column] == value and all(row[key] == wanted for key, wanted in also.items())
	]
	assert len(found) == 1, (found, answer["rows"])
	return found[0]


@pytest.fixture
def history(usage):
	return History(usage)


@pytest.fixture
def two_months(history):
	"""Web Shop of Cedar & Pine: 10 a day all February, 12 a day until 14 March, cost half of it; Backup of Müller & Söhne: a flat
	300 EUR on the 1st of each; Nobody's of nobody; a trial of Cedar & Pine.
	"""
	history.month(FEBRUARY, date(2027, 2, 28), "Web Shop", 10, cost=5)
	history.keep(date(2027, 2, 1), "Backup", 300, company=MUELLER, vendor="Acronis", currency="EUR")
	history.keep(date(2027, 2, 20), "Nobody's", 40, company=None)
	history.month(MARCH, date(2027, 3, 14), "Web Shop", 12, cost=6)
	history.keep(date(2027, 3, 1), "Backup", 300, company=MUELLER, vendor="Acronis", currency="EUR")
	history.keep(date(2027, 3, 14), "Nobody's", 50, company=None)
	history.keep(date(2027, 3, 14), "Try It", 77, trial=True)
	history.usage.clocks.set(datetime(2027, 3, 14, 12, 0))
	return history


class TestAmounts:
	def test_the_last_total_of_a_month_counts_beside_the_month_before(self, two_months):
		row = by(run("Usage by Client"), "client_name", "Cedar & Pine Architects", trial=None)
		assert (row["now"], row["before"], row["same_day"], row["change"]) == (168, 280, 140, 28)
		assert row["change_percent"] == 20.0
		assert (row["cost_now"], row["cost_before"], row["groups"]) == (84, 140, 1)

	def test_a_projection_goes_on_as_the_group_does_and_doubles_no_flat_amount(self, two_months):
		answer = run("Usage by Resource Group")
		even, flat = (by(answer, "group_name", name) for name in ("Web Shop", "Backup"))
		assert even["projected"] == 372, "12 a day"
		assert flat["projected"] == 300
		assert "Projection" in answer["message"] and "invoice is final" in answer["message"]

	def test_a_group_that_was_not_read_on_the_same_day_is_not_guessed(self, two_months):
		row = by(run("Usage by Resource Group"), "group_name", "Nobody's")
		assert (row["now"], row["before"], row["same_day"], row["change"], row["projected"]) == (
			50,
			40,
			None,
			None,
			None,
		)
		assert "too new" in run("Usage by Resource Group")["message"]

	def test_currencies_stay_apart_in_rows_summary_and_chart(self, two_months, history):
		history.keep(date(2027, 3, 14), "In Euro", 1000, currency="EUR")
		answer = run("Usage by Vendor")
		found = {(row["vendor"], row["currency"], row["trial"]): row["now"] for row in answer["rows"]}
		assert found == {
			("SentinelOne", "USD", None): 218,
			("SentinelOne", "EUR", None): 1000,
			("Acronis", "EUR", None): 300,
			("SentinelOne", "USD", "Trial"): 77,
		}
		totals = {item["label"]: item["value"] for item in answer["report_summary"]}
		assert totals["Mar 2027 So Far (USD)"] == 218, "without the trial"
		assert totals["Mar 2027 So Far (EUR)"] == 1300
		assert answer["chart"]["title"] == "Charges in USD"
		assert answer["chart"]["data"]["datasets"][0]["values"][-2:] == [320, 218]

	def test_a_past_month_has_no_projection_and_is_compared_as_a_whole(self, two_months):
		answer = run("Usage by Client", month="2027-02")
		assert "projected" not in {column["fieldname"] for column in answer["columns"]}
		assert by(answer, "client_name", "Cedar & Pine Architects")["now"] == 280
		assert "Projection" not in answer["message"]

	def test_an_unknown_amount_is_no_zero(self, history):
		history.keep(date(2027, 3, 14), "No Amount", None, cost=5)
		history.usage.clocks.set(datetime(2027, 3, 14, 12, 0))
		row = by(run("Usage by Resource Group"), "group_name", "No Amount")
		assert (row["now"], row["projected"], row["cost_now"]) == (None, None, 5)

	def test_filters_narrow_it(self, two_months):
		assert {row["client"] for row in run("Usage by Client", client="Müller & Söhne GmbH")["rows"]} == {
			"Müller & Söhne GmbH"
		}
		assert {row["vendor"] for row in run("Usage by Vendor", vendor="Acronis")["rows"]} == {"Acronis"}
		assert {row["currency"] for row in run("Usage by Client", currency="EUR")["rows"]} == {"EUR"}
		assert {row["trial"] for row in run("Usage by Client", trial="Trials Only")["rows"]} == {"Trial"}
		assert {row["trial"] for row in run("Usage by Client", trial="Without Trials")["rows"]} == {None}

	@pytest.mark.parametrize("month", ["x", "2027-13", "'; drop"])
	def test_a_month_that_is_none_is_refused(self, usage, site, month):
		with pytest.raises(site.ValidationError):
			run("Usage by Client", month=month)

	def test_without_any_usage_every_report_is_empty_and_says_no_error(self, usage):
		for name in REPORTS[:-1]:
			assert not run(name)["rows"], name

	def test_what_is_nobodys_has_a_row_of_its_own(self, two_months):
		row = by(run("Usage by Client"), "client_name", "(unassigned)")
		assert (row["client"], row["now"]) == (None, 50)


class TestByDay:
	def test_each_day_says_what_it_added(self, two_months):
		answer = run("Usage by Day", currency="USD", trial="Without Trials")
		last = by(answer, "day", date(2027, 3, 14))
		assert (last["added"], last["total"]) == (62, 218), "12, and the 50 of nobody"
		assert by(answer, "day", date(2027, 3, 2))["added"] == 12
		assert last["before"] == 140
		assert len(answer["rows"]) == 14

	def test_a_group_that_was_not_read_on_a_day_keeps_its_total(self, history):
		for day, total in ((1, 10), (4, 40), (5, 30)):
			history.keep(date(2027, 3, day), "Gaps", total)
		history.month(MARCH, date(2027, 3, 5), "Steady", 1)
		history.usage.clocks.set(datetime(2027, 3, 5, 12, 0))
		rows = {row["day"].day: row for row in run("Usage by Day")["rows"]}
		assert [rows[day]["total"] for day in range(1, 6)] == [11, 12, 13, 44, 35]
		assert rows[5]["added"] == -9 and rows[5]["decreased"] == 1

	def test_the_last_day_says_the_same_as_the_month(self, two_months):
		for client in ("Cedar & Pine Architects", "Müller & Söhne GmbH"):
			days = run("Usage by Day", client=client, trial="Without Trials")["rows"]
			month = run("Usage by Client", client=client, trial="Without Trials")["rows"]
			assert days[0]["total"] == month[0]["now"]

	def test_both_months_are_in_the_chart(self, two_months):
		chart = run("Usage by Day", currency="USD")["chart"]["data"]
		now, before = (line["values"] for line in chart["datasets"])
		assert (now[12], now[14], before[13], before[27]) == (156, 0, 140, 320)
		assert before[30] == 320, "what the month came to, and no fall to 0"
		assert len(chart["labels"]) == 31


class TestWho:
	def test_cost_is_for_whom_permlevel_1_is_read_by(self, two_months, site, people, as_user):
		from frappe.permissions import update_permission_property

		def shown():
			return {
				column["fieldname"]
				for name in REPORTS
				for column in run(name)["columns"]
				if "cost" in column["fieldname"]
			}

		with as_user(people.manager):
			assert shown()
		update_permission_property("Pax8 Usage Month", "Licensing Manager", 1, "read", 0)
		try:
			with as_user(people.manager):
				assert not shown()
				assert all("cost" not in key for row in run("Usage by Client")["rows"] for key in row)
		finally:
			site.db.delete("Custom DocPerm", {"parent": "Pax8 Usage Month"})
			site.clear_cache(doctype="Pax8 Usage Month")
			site.db.commit()

	def test_a_restricted_manager_sees_the_own_clients_only(
		self, two_months, site, people, as_user, restrict
	):
		restrict(people.manager, "Müller & Söhne GmbH")
		with as_user(people.manager):
			for name in MONTHLY * 2:  # the second time from what is kept
				answer = run(name)
				assert [row["now"] for row in answer["rows"]] == [300], name
				told = json.dumps([answer["rows"], answer["chart"], answer["report_summary"]], default=str)
				for foreign in ("Cedar", "Web Shop", "Nobody's", "USD"):
					assert foreign not in told, (name, foreign)
			days = run("Usage by Day")
			assert {row["currency"] for row in days["rows"]} == {"EUR"}
			assert not run("Usage by Client", client="Cedar & Pine Architects")["rows"]

	def test_a_restricted_manager_sees_no_day_on_which_a_group_was_anothers(
		self, history, site, people, as_user, restrict
	):
		history.month(MARCH, date(2027, 3, 9), "Moved", 10)
		history.month(date(2027, 3, 10), date(2027, 3, 14), "Moved", 10, company=MUELLER)
		history.usage.clocks.set(datetime(2027, 3, 14, 12, 0))
		restrict(people.manager, "Müller & Söhne GmbH")
		with as_user(people.manager):
			days = {row["day"].day: row["total"] for row in run("Usage by Day")["rows"]}
		assert days == {10: 100, 11: 110, 12: 120, 13: 130, 14: 140}

	@pytest.mark.parametrize("who", ["requester", "reader", "approver", "foreign_requester"])
	@pytest.mark.parametrize("name", REPORTS)
	def test_nobody_of_a_client_opens_a_report(self, site, usage, people, as_user, name, who):
		with as_user(getattr(people, who)), pytest.raises(site.PermissionError):
			run(name)


class TestFiles:
	@pytest.mark.parametrize("name", REPORTS)
	def test_a_file_carries_no_formula_out_and_keeps_numbers(
		self, two_months, history, site, people, as_user, name
	):
		from msp_licensing.overrides.exports import export_report

		history.keep(date(2027, 3, 14), "=HYPERLINK(1)", 5, vendor="=cmd")
		with as_user(people.manager):
			site.local.form_dict = site._dict(
				cmd="frappe.desk.query_report.export_query",
				report_name=name,
				file_format_type="CSV",
				filters="{}",
			)
			export_report()
		rows = list(csv.reader(io.StringIO(bytes(site.response.filecontent).decode("utf-8-sig"))))
		assert len(rows) > 1
		assert not [cell for row in rows for cell in row if cell.startswith("=")]
		if name == "Usage by Resource Group":
			assert any(row[0] == "Web Shop" for row in rows), "the name, and not the key of the record"

	def test_names_with_markup_are_no_markup_in_the_chart(self, history):
		history.keep(date(2027, 3, 14), "<img src=x>", 5)
		history.usage.clocks.set(datetime(2027, 3, 14, 12, 0))
		answer = run("Usage by Resource Group")
		assert by(answer, "group_name", "<img src=x>")
		assert "<" not in json.dumps(answer["chart"])


def test_the_number_of_queries_does_not_grow_with_the_groups(history, site):
	from msp_licensing.sync.kinds.usage import revision

	def count(name):
		revision.changed()  # nothing is kept
		asked = []
		own = site.db.sql

		def counted(*args, **kwargs):
			asked.append(args[0])
			return own(*args, **kwargs)

		site.db.sql = counted
		try:
			run(name)
		finally:
			del site.db.sql
		return len(asked)

	history.keep_all(date(2027, 3, 13), {"one": 1})
	history.keep_all(date(2027, 3, 14), {"one": 2})
	for name in REPORTS:
		run(name)
	few = {name: count(name) for name in REPORTS}
	many = {f"group {number}": number for number in range(60)}
	history.keep_all(date(2027, 3, 14), many)
	for name in REPORTS:
		run(name)
	assert {name: count(name) for name in REPORTS} == few


class TestProducts:
	def test_products_with_usage_stand_there_with_their_evidence(self, usage, site):
		usage.sync()
		answer = run("Usage Products")
		proven = {row["name"]: row for row in answer["rows"] if row["groups"]}
		assert set(proven) == set(site.get_all(GROUP, {"product": ("is", "set")}, pluck="product"))
		row = next(iter(proven.values()))
		assert row["usage_class"] == "Usage" and row["reasons"] and row["set_by"] == "App"
		assert all(row["usage_class"] == "Usage" or row["groups"] for row in answer["rows"])

	def test_subscriptions_are_those_that_the_manager_may_see(self, usage, people, as_user, restrict):
		usage.sync()
		before = {row["name"]: row["subscriptions"] for row in run("Usage Products")["rows"]}
		restrict(people.manager, "Müller & Söhne GmbH")
		with as_user(people.manager):
			after = {row["name"]: row["subscriptions"] for row in run("Usage Products")["rows"]}
		assert set(after) == set(before) and sum(after.values()) < sum(before.values())


class TestForms:
	def trend(self, doctype, name):
		from msp_licensing.desk import usage_trend

		return usage_trend.trend(doctype, name)

	def test_a_client_sees_the_months_beside_each_other_in_each_currency(self, two_months, history, site):
		from msp_licensing.setup import demo

		history.keep(date(2027, 3, 14), "In Euro", 9, currency="EUR")
		answer = self.trend(demo.site_client_doctype(), "Cedar & Pine Architects")
		assert [(row["currency"], row["is_trial"]) for row in answer["usage"]] == [
			("EUR", 0),
			("USD", 0),
			("USD", 1),
		]
		row = answer["usage"][1]
		assert row["charges"] == {"now": 168, "before": 280, "same_day": 140, "projected": 372}
		assert row["cost"]["now"] == 84
		assert row["by_day"]["now"][11:16] == [144, 156, 168, None, None]
		assert row["by_day"]["before"][27:29] == [280, None]
		assert row["by_month"][-3:] == [None, 280, 168]
		assert answer["labels"] == {"now": "Mar 2027 So Far", "before": "Feb 2027"}

	def test_company_subscription_and_group_show_their_own(self, two_months, site):
		from usage_helpers import SENTINEL

		company = self.trend("Pax8 Company", MUELLER)
		assert [row["charges"]["now"] for row in company["usage"]] == [300]
		group = site.db.get_value(GROUP, {"resource_group": "Web Shop"})
		assert [row["charges"]["now"] for row in self.trend("Pax8 Resource Group", group)["usage"]] == [168]
		with pytest.raises(site.DoesNotExistError):
			self.trend("Pax8 Subscription", SENTINEL)

	def test_cost_is_left_out_for_whom_it_is_not(self, two_months, site, monkeypatch):
		from msp_licensing.setup import demo
		from msp_licensing.usage import amounts

		monkeypatch.setattr(amounts, "sees_cost", lambda: False)
		answer = self.trend(demo.site_client_doctype(), "Cedar & Pine Architects")
		assert "cost" not in json.dumps(answer)

	def test_a_restricted_manager_sees_nothing_of_another_client(
		self, two_months, site, people, as_user, restrict
	):
		from msp_licensing.setup import demo

		restrict(people.manager, "Müller & Söhne GmbH")
		group = site.db.get_value(GROUP, {"resource_group": "Web Shop"})
		with as_user(people.manager):
			assert self.trend(demo.site_client_doctype(), "Müller & Söhne GmbH")["usage"]
			for doctype, name in (
				(demo.site_client_doctype(), "Cedar & Pine Architects"),
				("Pax8 Resource Group", group),
				("Pax8 Company", CEDAR),
			):
				with pytest.raises(site.PermissionError):
					self.trend(doctype, name)

	def test_other_doctypes_have_none(self, usage, site):
		for doctype in ("User", "Pax8 Product"):
			with pytest.raises(site.ValidationError):
				self.trend(doctype, "Administrator")

	def test_without_usage_there_is_nothing_to_show(self, usage):
		from msp_licensing.setup import demo

		assert self.trend(demo.site_client_doctype(), "Cedar & Pine Architects")["usage"] == []


def test_what_a_group_came_to_is_in_the_report_as_pax8_has_it(history, usage):
	history.keep(date(2027, 3, 14), "Exact", 0.123456789)
	history.usage.clocks.set(datetime(2027, 3, 14, 12, 0))
	assert money(by(run("Usage by Resource Group"), "group_name", "Exact")["now"]) == money("0.123456789")
