"""Totals of usage are kept as long as they are right, and not a moment longer."""

import threading
from datetime import date, datetime
from typing import Any

import pytest
from usage_helpers import GROUP
from usage_history import CEDAR, MUELLER, History

from msp_licensing.setup import demo

CEDAR_CLIENT, MUELLER_CLIENT = "Cedar & Pine Architects", "Müller & Söhne GmbH"
MARCH, DAY = date(2027, 3, 1), date(2027, 3, 14)


@pytest.fixture
def history(usage):
	found = History(usage)
	found.keep(DAY, "Web Shop", 100)
	found.keep(DAY, "Backup", 30, company=MUELLER)
	found.keep(DAY, "Nobody's", 7, company=None)
	usage.clocks.set(datetime(2027, 3, 14, 12, 0))
	return found


@pytest.fixture
def computed(monkeypatch):
	"""How often totals were computed, and not only looked up."""
	from msp_licensing.usage import group_months

	found, own = [], group_months.by_group

	def by_group(*args: Any, **kwargs: Any) -> Any:
		found.append(args)
		return own(*args, **kwargs)

	monkeypatch.setattr(group_months, "by_group", by_group)
	return found


def totals(split: str = "client", **scope: Any) -> dict[str | None, float]:
	from msp_licensing.usage import group_months
	from msp_licensing.usage.amounts import Scope

	found = group_months.totals(Scope(**scope), MARCH, split, cost=True)
	return {
		total.row.get("client_name" if split == "client" else "vendor"): float(total.charges.now)
		for total in found
	}


def test_the_same_question_is_answered_without_computing(history, computed):
	first = totals()
	assert first == {CEDAR_CLIENT: 100, MUELLER_CLIENT: 30, None: 7}
	assert totals() == first and len(computed) == 1
	assert totals("vendor") == {"SentinelOne": 137} and len(computed) == 2, "another question"
	assert totals(currency="EUR") == {} and len(computed) == 3
	assert totals() == first and len(computed) == 3


def test_what_was_handed_out_and_changed_is_not_what_is_kept(history):
	from msp_licensing.usage import group_months
	from msp_licensing.usage.amounts import Scope

	def asked():
		return group_months.totals(Scope(), MARCH, "vendor", cost=False)

	asked()[0].charges.now = 0
	asked()[0].charges.now = 0
	assert asked()[0].charges.now == 137


class TestChanges:
	def test_a_total_that_was_read(self, history):
		totals()
		history.keep(DAY, "Web Shop", 120)
		assert totals()[CEDAR_CLIENT] == 120

	def test_a_group_of_a_sync(self, usage):
		before = totals()
		usage.sync()
		after = totals()
		assert before == {} and after
		usage.put("brand new", currentCharges=5)
		usage.on(2027, 3, 15, 4, 0)
		assert sum(totals().values()) != sum(after.values())

	def test_an_assignment_and_its_end(self, history, site):
		from msp_licensing.usage import assignments

		totals()
		group = site.db.get_value(GROUP, {"resource_group": "Nobody's"})
		name = assignments.assign(group, demo.site_client_doctype(), CEDAR_CLIENT)
		assert totals() == {CEDAR_CLIENT: 107, MUELLER_CLIENT: 30}
		assignments.remove(name, from_date=MARCH)
		assert totals() == {CEDAR_CLIENT: 100, MUELLER_CLIENT: 30, None: 7}

	def test_a_company_that_is_mapped_to_another_client(self, history, site):
		totals()
		company = site.get_doc("Pax8 Company", CEDAR)
		company.client = MUELLER_CLIENT
		company.save()
		assert totals() == {MUELLER_CLIENT: 130, None: 7}

	def test_a_client_that_has_another_name(self, history, site):
		totals()
		client = site.get_doc(demo.site_client_doctype(), CEDAR_CLIENT)
		title = client.meta.get_title_field()
		client.set(title, "Cedar & Oak")
		client.save()
		assert totals() == {"Cedar & Oak": 100, MUELLER_CLIENT: 30, None: 7}

	def test_a_client_that_is_merged_into_another_one(self, history, site):
		totals()
		site.rename_doc(demo.site_client_doctype(), CEDAR_CLIENT, MUELLER_CLIENT, merge=True)
		assert totals() == {MUELLER_CLIENT: 130, None: 7}

	def test_another_month_has_begun(self, history, usage):
		from msp_licensing.usage import group_months
		from msp_licensing.usage.amounts import Scope

		def projected():
			return [
				one.charges.projected for one in group_months.totals(Scope(), MARCH, "vendor", cost=False)
			]

		assert projected() == [None]
		usage.clocks.set(datetime(2027, 4, 1, 12, 0))
		assert projected() == [137], "the month is over"

	def test_user_permissions_that_are_given_and_taken(self, history, site, people, as_user, restrict):
		with as_user(people.manager):
			assert len(totals()) == 3
		restrict(people.manager, MUELLER_CLIENT)
		with as_user(people.manager):
			assert totals() == {MUELLER_CLIENT: 30}
		assert len(totals()) == 3, "of others"
		site.db.delete("User Permission", {"user": people.manager})
		site.db.commit()
		site.clear_cache(user=people.manager)
		with as_user(people.manager):
			assert len(totals()) == 3


class TestTwoAtOnce:
	def test_a_reader_that_began_earlier_keeps_nothing_for_those_who_began_later(self, history, site):
		"""One reads the old state while the other has written the new one, and computes after that."""
		import frappe

		name, turn, seen = frappe.local.site, threading.Barrier(2, timeout=30), []

		def reader():
			frappe.init(name, sites_path=".")
			frappe.connect()
			try:
				frappe.db.sql(
					"select 1 from `tabPax8 Usage Month` limit 1"
				)  # its view of the database begins here
				turn.wait()
				turn.wait()
				seen.append(totals()[CEDAR_CLIENT])
			finally:
				frappe.destroy()

		thread = threading.Thread(target=reader)
		thread.start()
		turn.wait()
		history.keep(DAY, "Web Shop", 500)
		turn.wait()
		thread.join(30)
		assert seen == [100], "what it sees is of one moment"
		site.db.rollback()
		assert totals()[CEDAR_CLIENT] == 500

	def test_what_was_rolled_back_is_not_kept(self, history, site):
		from msp_licensing.sync.kinds.usage import revision

		totals()
		site.db.sql("update `tabPax8 Usage Month` set charges = 999")
		revision.changed()
		assert set(totals().values()) == {999}
		site.db.rollback()
		assert totals()[CEDAR_CLIENT] == 100


def test_a_sync_leaves_one_mark_and_has_the_reports_prepared(usage, site, computed):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.desk import usage_preparation
	from msp_licensing.sync.kinds.usage import revision

	usage.sync()
	usage.on(2027, 3, 15, 4, 0)
	site.db.rollback()
	marks = site.db.sql("select name from `tabSeries` where name like %s", f"{revision._PREFIX}%")
	assert len(marks) == 1
	jobs = [job.kwargs["method"] for job in get_queue("long").jobs]
	assert jobs.count("msp_licensing.desk.usage_preparation.prepare") == 1
	usage_preparation.prepare()
	computed.clear()
	from frappe.desk import query_report

	site.local.form_dict = site._dict(cmd="frappe.desk.query_report.run")
	for name in ("Usage by Client", "Usage by Vendor", "Usage by Day", "Usage by Resource Group"):
		query_report.run(name, filters={})
	assert not computed, "what the reports show is there"


def test_only_the_largest_groups_are_shown_and_a_file_has_all(history, site, monkeypatch):
	from test_usage_reports import run

	from msp_licensing.desk import usage_reports

	everything = run("Usage by Resource Group")
	monkeypatch.setattr(usage_reports, "MOST_GROUPS", 2)
	shown = run("Usage by Resource Group")
	assert [row["group_name"] for row in shown["rows"]] == ["Web Shop", "Backup"]
	assert shown["report_summary"] == everything["report_summary"], "the sums are of all"
	assert "The 2 resource groups with the highest charges are shown, of 3." in shown["message"]
	assert "highest" not in everything["message"]
	site.local.form_dict = site._dict(cmd="frappe.desk.query_report.export_query")
	assert len(usage_reports.run({}, usage_reports.BY_GROUP)[1]) == 3


def test_groups_of_the_month_before_fill_up_what_is_shown(history, usage, monkeypatch):
	from test_usage_reports import run

	from msp_licensing.desk import usage_reports

	history.keep(date(2027, 4, 2), "Web Shop", 5)
	usage.clocks.set(datetime(2027, 4, 2, 12, 0))
	monkeypatch.setattr(usage_reports, "MOST_GROUPS", 2)
	rows = run("Usage by Resource Group")["rows"]
	assert {(row["group_name"], row["now"], row["before"]) for row in rows} == {
		("Web Shop", 5, 100),
		("Backup", None, 30),
	}
