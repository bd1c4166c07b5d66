"""A spike and a used-up budget are told once, to the managers who may see the client, and to nobody else."""

from datetime import date, datetime, timedelta

import pytest
from notice_helpers import bells, mails
from usage_history import MUELLER, History

ALERT = "Pax8 Usage Alert"
MARCH, TODAY = date(2027, 3, 1), date(2027, 3, 14)
CEDAR_NAME, MUELLER_NAME = "Cedar & Pine Architects", "Müller & Söhne GmbH"


def alerts(site, **filters):
	site.db.rollback()
	return site.get_all(ALERT, filters, ["*"], order_by="creation, name")


def check(site):
	from msp_licensing.usage import alerts

	site.set_user("Administrator")
	alerts.check()
	site.db.commit()


def choose(site, **values):
	settings = site.get_doc("Licensing Settings")
	settings.update(values)
	settings.save()
	site.db.commit()


def policy(site, client=CEDAR_NAME, **values):
	from msp_licensing.setup import demo

	found = site.get_doc(
		{
			"doctype": "Licensing Client Policy",
			"client_doctype": demo.site_client_doctype(),
			"client": client,
			**values,
		}
	).insert()
	site.db.commit()
	return found


def budget(site, amount, currency="USD", client=CEDAR_NAME, **values):
	return policy(site, client, usage_budgets=[{"currency": currency, "amount": amount}], **values)


@pytest.fixture
def history(usage):
	return History(usage)


@pytest.fixture
def spiked(history):
	"""A group of Cedar & Pine that uses 20 a day, and 300 on 14 March."""
	history.month(MARCH, date(2027, 3, 13), "Web Shop", 20)
	history.keep(TODAY, "Web Shop", 560, vendor="SentinelOne")
	return history


class TestSpikes:
	def test_a_spike_is_told_once_with_a_picture_of_the_days(self, spiked, site, people):
		check(site)
		(alert,) = alerts(site)
		assert (alert.kind, alert.day, alert.client, alert.group_name) == (
			"Spike",
			TODAY,
			CEDAR_NAME,
			"Web Shop",
		)
		assert (alert.amount, alert.usual_amount, alert.threshold, alert.currency) == (300, 20, 3, "USD")
		assert people.manager in alert.told_to.split("\n")
		(mail,) = mails(site, people.manager)
		for words in (
			"Unusual usage: Web Shop",
			"300.00 USD on",
			"a usual day is 20.00 USD",
			"03-14",
			"03-13",
		):
			assert words in mail, words
		assert "240" in mail and 'bgcolor="#e24c4c"' in mail, "the day itself is as wide as the picture"
		ours = mail[mail.index("a usual day is") : mail.index("the invoice is final")]
		assert "src=" not in ours and ours.count("http") == ours.count(site.utils.get_url()) == 1
		(bell,) = bells(site, people.manager)
		assert bell == "A resource group had an unusual day of usage."
		for _time in range(2):
			check(site)
		assert len(alerts(site)) == len(mails(site, people.manager)) == 1

	def test_a_day_that_grows_after_it_was_told_is_not_told_again(self, spiked, site, people):
		check(site)
		spiked.keep(TODAY, "Web Shop", 5000)
		check(site)
		assert len(alerts(site)) == 1

	def test_days_that_go_on_like_it_are_the_same_spike_and_a_later_one_is_another(self, spiked, site):
		check(site)
		spiked.keep(date(2027, 3, 15), "Web Shop", 860)
		check(site)
		assert len(alerts(site)) == 1
		spiked.keep(date(2027, 3, 16), "Web Shop", 880)
		check(site)
		spiked.keep(date(2027, 3, 17), "Web Shop", 1280)
		check(site)
		assert [alert.day for alert in alerts(site)] == [TODAY, date(2027, 3, 17)]

	def test_it_is_told_after_a_sync_by_itself(self, usage, history, site, people):
		from usage_helpers import SENTINEL

		from msp_licensing.sandbox import storybook

		text = storybook.SENTINELONE_DEFAULT_SITE
		usage.sync()
		total = float(usage.group(text).this_month_charges)
		site.db.sql("delete from `tabPax8 Usage Snapshot`")
		for number in range(13):
			day = MARCH + timedelta(days=number)
			history.keep(day, text, round(total / 14 * (number + 1), 2), company=storybook.NORTHWIND_PARTNER)
		usage.clocks.set(datetime(2027, 3, 14, 12, 0))
		usage.sandbox.spike_usage(SENTINEL, text, 40)
		run = usage.sync()
		assert run.status == "Completed", run.error
		(alert,) = alerts(site)
		assert (alert.group_name, alert.client) == (text, None)
		assert mails(site, people.manager)

	@pytest.mark.parametrize(
		"trouble", ["trial", "no history", "ignored", "off", "high minimum", "decreased"]
	)
	def test_what_is_no_spike_is_told_to_nobody(self, history, site, people, trouble):
		values = {"trial": True} if trouble == "trial" else {}
		first = date(2027, 3, 9) if trouble == "no history" else MARCH
		history.month(first, date(2027, 3, 13), "Web Shop", 20, **values)
		history.keep(TODAY, "Web Shop", 560 if trouble != "decreased" else 10, **values)
		if trouble == "ignored":
			site.db.set_value("Pax8 Resource Group", {}, "placement", "Ignored")
		elif trouble == "off":
			choose(site, usage_alerts=0)
		elif trouble == "high minimum":
			choose(site, spike_minimums=[{"currency": "USD", "amount": 500}])
		check(site)
		assert not alerts(site) and not mails(site, people.manager)

	def test_a_minimum_is_of_its_currency(self, history, site):
		choose(site, spike_minimum=1000, spike_minimums=[{"currency": "EUR", "amount": 100}])
		for currency in ("USD", "EUR"):
			history.month(MARCH, date(2027, 3, 13), "Web Shop", 20, currency=currency)
			history.keep(TODAY, "Web Shop", 560, currency=currency)
		check(site)
		assert [alert.currency for alert in alerts(site)] == ["EUR"]

	@pytest.mark.parametrize(
		("vendor", "client", "told"),
		[
			({}, {}, True),
			({"spike_factor": 20}, {}, False),
			({"no_alerts": 1}, {}, False),
			({"no_alerts": 1}, {"usage_alerts": "Own", "spike_factor": 4}, True),
			({}, {"usage_alerts": "Own", "spike_factor": 20}, False),
			({}, {"usage_alerts": "Never"}, False),
			({"spike_factor": 20}, {"usage_alerts": "Inherit", "spike_factor": 2}, False),
		],
	)
	def test_the_clients_threshold_counts_before_the_vendors_before_the_one_of_all(
		self, spiked, site, vendor, client, told
	):
		if vendor:
			choose(site, usage_vendors=[{"vendor": " sentinelone", **vendor}])
		if client:
			policy(site, **client)
		check(site)
		assert bool(alerts(site)) is told

	def test_of_merged_clients_the_policy_that_tells_sooner_counts(self, spiked, site):
		first = policy(site, usage_alerts="Never")
		second = policy(site, MUELLER_NAME, usage_alerts="Own", spike_factor=4)
		site.db.set_value("Licensing Client Policy", second.name, "client", first.client)
		check(site)
		assert alerts(site)

	def test_the_strictest_of_merged_policies_is_written_into_one(self, site, sandbox):
		from msp_licensing.changes import merged_policies

		first = budget(site, 500, usage_alerts="Never")
		second = policy(
			site,
			MUELLER_NAME,
			usage_alerts="Own",
			spike_factor=4,
			usage_budgets=[{"currency": "USD", "amount": 200}, {"currency": "EUR", "amount": 9}],
		)
		site.db.set_value("Licensing Client Policy", second.name, "client", first.client)
		merged_policies.make_one(site.get_doc("Licensing Client Policy", first.name))
		kept = site.get_doc("Licensing Client Policy", first.name)
		assert {row.currency: row.amount for row in kept.usage_budgets} == {"USD": 200, "EUR": 9}
		assert (kept.usage_alerts, kept.spike_factor) == ("Own", 4)
		assert site.db.get_value("Licensing Client Policy", second.name, "disabled") == 1

	def test_managers_read_of_the_clients_they_may_see(self, spiked, site, people, restrict, as_user):
		spiked.month(MARCH, date(2027, 3, 13), "Theirs", 20, company=MUELLER)
		spiked.keep_all(TODAY, {"Theirs": 560}, company=MUELLER)
		restrict(people.manager, MUELLER_NAME)
		check(site)
		assert len(alerts(site)) == 2
		(mail,) = mails(site, people.manager)
		assert "Theirs" in mail and "Web Shop" not in mail and "Cedar" not in mail
		with as_user(people.manager):
			assert site.get_list(ALERT, pluck="group_name") == ["Theirs"]

	def test_several_are_one_mail(self, history, site, people):
		names = [f"Group {number}" for number in range(12)]
		for number in range(13):
			history.keep_all(MARCH + timedelta(days=number), dict.fromkeys(names, 20 * (number + 1)))
		history.keep_all(TODAY, dict.fromkeys(names, 900))
		check(site)
		(mail,) = mails(site, people.manager)
		assert "Unusual usage: 12 resource groups" in mail and "and 2 more" in mail
		assert len(bells(site, people.manager)) == 1

	def test_markup_in_a_name_is_text_in_the_mail(self, history, site, people):
		name = '<b onclick="x">A & B</b>'
		history.month(MARCH, date(2027, 3, 13), name, 20)
		history.keep(TODAY, name, 560)
		check(site)
		(mail,) = mails(site, people.manager)
		_subject, html = mail.split("<!DOCTYPE", 1)
		assert "<b onclick" not in html and "&lt;b onclick" in html

	def test_the_last_posts_of_a_month_are_judged_in_the_first_days_of_the_next(self, history, site):
		history.month(MARCH, date(2027, 3, 30), "Web Shop", 20)
		history.keep(date(2027, 3, 31), "Web Shop", 1600)
		history.usage.clocks.set(datetime(2027, 4, 1, 4, 0))
		check(site)
		assert [alert.day for alert in alerts(site)] == [date(2027, 3, 31)]

	def test_an_alert_that_fails_stops_no_sync(self, usage, site, monkeypatch):
		from msp_licensing.usage import alert_settings

		def broken():
			raise RuntimeError("broken")

		monkeypatch.setattr(alert_settings, "thresholds", broken)
		assert usage.sync().status == "Completed"
		assert site.get_all("Error Log", {"method": ("like", "%usage alerts%")})


class TestBudgets:
	def test_80_and_100_percent_are_told_once_each(self, history, site, people):
		budget(site, 1000)
		for day, total, told in (
			(10, 790, []),
			(11, 800, [80]),
			(12, 950, [80]),
			(13, 1000, [80, 100]),
			(14, 2000, [80, 100]),
		):
			history.keep(date(2027, 3, day), "Web Shop", total)
			check(site)
			assert [alert.percent for alert in alerts(site, kind="Budget")] == told, day
		first, second = mails(site, people.manager)
		assert first.startswith("Usage budget of Cedar & Pine Architects: 80 % reached")
		assert "800.00 USD of 1,000.00 USD used in March 2027" in first
		assert "1,000.00 USD of 1,000.00 USD" in second
		assert bells(site, people.manager)[0] == "The usage of a client has reached a part of its budget."

	def test_100_percent_at_once_is_told_alone_and_a_correction_tells_nothing(self, history, site):
		budget(site, 1000)
		history.keep(date(2027, 3, 13), "Web Shop", 1500)
		check(site)
		history.keep(TODAY, "Web Shop", 850)
		check(site)
		assert [alert.percent for alert in alerts(site)] == [100]

	def test_a_new_month_begins_anew(self, history, site):
		budget(site, 100)
		history.keep(TODAY, "Web Shop", 90)
		check(site)
		history.keep(date(2027, 4, 10), "Web Shop", 95)
		check(site)
		assert [(alert.month, alert.percent) for alert in alerts(site)] == [
			(MARCH, 80),
			(date(2027, 4, 1), 80),
		]

	def test_late_posts_of_a_month_that_is_over_still_count(self, history, site):
		budget(site, 1000)
		history.keep(date(2027, 3, 31), "Web Shop", 1200)
		history.usage.clocks.set(datetime(2027, 4, 2, 4, 0))
		check(site)
		assert [alert.month for alert in alerts(site)] == [MARCH]

	def test_currencies_trials_and_other_clients_do_not_count(self, history, site):
		budget(site, 1000)
		history.keep(TODAY, "In Euro", 5000, currency="EUR")
		history.keep(TODAY, "Trial", 5000, trial=True)
		history.keep(TODAY, "Theirs", 5000, company=MUELLER)
		history.keep(TODAY, "Nobody's", 5000, company=None)
		history.keep(TODAY, "Web Shop", 799)
		check(site)
		assert not alerts(site, kind="Budget")

	def test_totals_of_groups_count_together_and_no_day_twice(self, history, site):
		budget(site, 1000)
		for day in (12, 13, 14):
			history.keep_all(date(2027, 3, day), {"one": 390, "two": 390})
			check(site)
		assert not alerts(site, kind="Budget")
		history.keep_all(TODAY, {"one": 390, "two": 410})
		check(site)
		assert [alert.amount for alert in alerts(site, kind="Budget")] == [800]

	def test_a_disabled_policy_has_no_budget_and_of_merged_ones_the_lowest_counts(self, history, site):
		history.keep(TODAY, "Web Shop", 90)
		budget(site, 100, disabled=1)
		check(site)
		assert not alerts(site)
		first = budget(site, 1000)
		second = budget(site, 100, client=MUELLER_NAME)
		site.db.set_value("Licensing Client Policy", second.name, "client", first.client)
		check(site)
		assert [alert.budget for alert in alerts(site)] == [100]

	def test_a_client_that_is_renamed_is_not_told_of_twice(self, history, site):
		from msp_licensing.setup import demo

		budget(site, 100)
		history.keep(TODAY, "Web Shop", 90)
		check(site)
		site.rename_doc(demo.site_client_doctype(), CEDAR_NAME, "Cedar New")
		try:
			check(site)
			(alert,) = alerts(site)
			assert alert.client == "Cedar New"
		finally:
			site.rename_doc(demo.site_client_doctype(), "Cedar New", CEDAR_NAME)
			site.db.commit()

	def test_a_currency_stands_in_a_policy_once(self, site, sandbox):
		rows = [{"currency": "USD", "amount": 100}, {"currency": "USD", "amount": 200}]
		with pytest.raises(site.ValidationError, match="USD"):
			policy(site, usage_budgets=rows)


class TestRecords:
	def test_an_alert_keeps_no_client_from_being_deleted(self, history, site):
		from msp_licensing.setup import demo

		client = site.get_doc(
			{"doctype": demo.site_client_doctype(), "client_name": "Gone", "customer_name": "Gone"}
		).insert()
		site.get_doc(
			{"doctype": ALERT, "kind": "Budget", "client_doctype": client.doctype, "client": client.name}
		).insert()
		client.delete()
		assert not site.db.exists(client.doctype, client.name)

	def test_nobody_changes_or_makes_one(self, site, people, as_user):
		for who in (people.manager, people.system_manager):
			with as_user(who):
				for right in ("write", "create", "delete"):
					assert not site.has_permission(ALERT, right)

	def test_old_ones_are_cleared_and_those_that_keep_from_telling_again_are_not(self, site):
		from msp_licensing.msp_licensing.doctype.pax8_usage_alert.pax8_usage_alert import Pax8UsageAlert

		for name, created in (("old", "2020-01-01"), ("new", site.utils.now())):
			doc = site.get_doc({"doctype": ALERT, "kind": "Spike", "unique_key": name}).insert()
			site.db.set_value(ALERT, doc.name, "creation", created)
		Pax8UsageAlert.clear_old_logs(1)
		assert [alert.unique_key for alert in alerts_now(site)] == ["new"]


def alerts_now(site):
	return site.get_all(ALERT, fields=["unique_key"])
