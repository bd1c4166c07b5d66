"""A client sees its own usage of each month, in its own price or in units, and never what is somebody else's."""

import csv
import io
import json
import re
from datetime import date, datetime
from decimal import Decimal

import pytest
from usage_helpers import ACRONIS, AZURE, SENTINEL, money

from msp_licensing.sandbox import storybook
from msp_licensing.setup import demo, demo_usage

CEDAR_COMPANY, MUELLER_COMPANY = storybook.CEDAR_AND_PINE, storybook.MUELLER_UND_SOEHNE
PRODUCTION, BACKUP = storybook.CEDAR_AZURE_PRODUCTION, storybook.CEDAR_AZURE_BACKUP


@pytest.fixture(autouse=True)
def fresh_counters(site) -> None:
	for key in site.cache.keys(site.cache.make_key("msp_licensing:portal:*")):
		site.cache.delete(key)


@pytest.fixture
def price(site):
	"""price("Suggested Retail Price"), price("Partner Cost plus Markup", 25): the site's rule for the client's price."""

	def choose(source, markup=0):
		site.db.set_single_value("Licensing Settings", "client_price_from", source)
		site.db.set_single_value("Licensing Settings", "client_price_markup", markup)
		site.clear_document_cache("Licensing Settings", "Licensing Settings")
		site.db.commit()

	return choose


@pytest.fixture
def retail(price):
	price("Suggested Retail Price")


@pytest.fixture
def shown(site, people, as_user):
	"""shown(user, …): the usage page of a user, with the site's checks."""
	from msp_licensing.portal import usage_queries

	def read(user=None, **asked):
		site.db.rollback()
		with as_user(user or people.requester):
			return usage_queries.page_for_session(**asked)

	return read


@pytest.fixture
def overview(site, people, as_user):
	from msp_licensing.portal import api

	def read(user=None):
		site.db.rollback()
		with as_user(user or people.requester):
			return api.overview()

	return read


@pytest.fixture
def download(site, people, as_user):
	"""download(user, …): the file's name and rows."""
	from msp_licensing.portal import api

	def read(user=None, **asked):
		site.db.rollback()
		site.local.response = site._dict()
		with as_user(user or people.requester):
			site.call(api.usage_csv, **asked)
		content = site.local.response.filecontent
		text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
		return site.local.response.filename, list(csv.reader(io.StringIO(text)))

	return read


def card_of(told, subscription):
	return next(card for card in told["page"]["subscriptions"] if card["id"] == subscription)


def group_of(page, name):
	return next(group for group in page["groups"] if group["name"] == name)


# ------------------------------------------------------------------------------------ what is shown


def test_the_card_of_a_usage_product_shows_this_months_charges_as_not_final(usage, people, overview, retail):
	usage.sync()
	expected = sum(money(group.this_month_charges) for group in usage.groups(subscription=AZURE))
	card = card_of(overview(), AZURE)
	assert card["usage"]["lines"] == [f"$ {expected:,.2f} so far this month, not final"]
	assert AZURE in card["usage"]["url"] and card["usage"]["url"].startswith("/licensing/usage?client=")
	assert card_of(overview(), storybook.CEDAR_KEEPER)["usage"] is None, "it is sold by the seat"


def test_a_trial_stands_apart_and_in_no_total(usage, people, overview, shown, retail):
	usage.sync()
	lines = card_of(overview(people.foreign_requester), ACRONIS)["usage"]["lines"]
	assert len(lines) == 2 and lines[1].startswith("Trial: ") and lines[1].endswith("not charged")
	page = shown(people.foreign_requester, subscription=ACRONIS)
	charges, trial = page["amounts"]
	paying = usage.group(storybook.MUELLER_ACRONIS_GROUP, ACRONIS)
	assert (charges["label"], trial["label"]) == ("Charges", "Trial, not charged")
	assert f"{money(paying.this_month_charges):,.2f}" in charges["text"]
	assert group_of(page, storybook.MUELLER_ACRONIS_TRIAL)["marks"] == ["Trial"]


def test_the_month_is_shown_by_group_and_day_with_the_months_before(usage, site, people, shown, retail):
	demo_usage.make_history()
	site.db.commit()
	usage.sync()
	page = shown()
	assert (page["month"]["name"], page["month"]["word"]) == ("March 2027", "So far, not final")
	assert "UTC" in page["as_of"] and "14" in page["as_of"]
	assert {group["name"] for group in page["groups"]} == {
		PRODUCTION,
		BACKUP,
		storybook.CEDAR_AZURE_DEV_TEST,
	}
	assert len(page["days"]) == len(page["chart"]["labels"]) == 14
	assert page["chart"]["labels"][0] == "1" and len(page["chart"]["datasets"]) == 3
	total = sum(values["values"][-1] for values in page["chart"]["datasets"])
	assert (
		f"{total:,.2f}" in page["days"][0]["total"] and page["amounts"][0]["text"] == page["days"][0]["total"]
	)
	assert [row["word"] for row in page["history"]] == ["So far"] + ["Provisional"] * 13
	assert len({row["name"] for row in page["history"]}) == 14
	february = shown(month="2027-02")
	assert (february["month"]["name"], february["month"]["word"]) == ("February 2027", "Provisional")
	assert february["amounts"][0]["text"] == page["history"][1]["amounts"][0]
	assert len(february["days"]) == 28


def test_running_totals_of_days_are_never_added_up(usage, shown, retail, site):
	site.db.sql("update `tabPax8 Subscription` set client = null where name = %s", AZURE)
	site.db.commit()
	for day, charges in ((14, 100), (15, 130), (16, 120)):
		usage.put("x", companyId=CEDAR_COMPANY, currentCharges=charges)
		usage.on(2027, 3, day, 4, 0)
	page = shown(subscription=SENTINEL)
	assert page["amounts"][0]["text"] == "$ 120.00"
	assert [(row["total"], row["change"]) for row in page["days"]] == [
		("$ 120.00", "−$ 10.00"),
		("$ 130.00", "+$ 30.00"),
		("$ 100.00", "—"),
	], "what came on the days before the first one that was read is not known"


def test_a_missing_amount_is_a_dash_and_said(usage, shown, retail):
	usage.put("none", companyId=CEDAR_COMPANY, wire={"currentCharges": None})
	usage.put("some", companyId=CEDAR_COMPANY, currentCharges=5)
	usage.sync()
	page = shown(subscription=SENTINEL)
	assert group_of(page, "none")["amount"] == "—"
	assert page["amounts"] == [
		{"label": "Charges", "text": "$ 5.00", "missing": "The amount of 1 resource group is missing."}
	]


def test_currencies_are_never_added_up(usage, shown, retail):
	usage.put("dollars", companyId=CEDAR_COMPANY, currentCharges=5)
	usage.put("euros", companyId=CEDAR_COMPANY, currentCharges=7, wire={"currencyCode": "EUR"})
	usage.sync()
	page = shown(subscription=SENTINEL)
	assert [amount["text"] for amount in page["amounts"]] == ["€ 7.00", "$ 5.00"]
	assert [measure["label"] for measure in page["measures"]][:2] == ["Charges in EUR", "Charges in USD"]
	dollars = shown(subscription=SENTINEL, show=page["measures"][1]["key"])
	assert dollars["days"][0]["total"] == "$ 5.00"


def test_names_of_all_kinds_are_shown_as_text(usage, site, people, visit, retail):
	odd = "<b>bold</b> & 'quoted' 🦫 " + "long " * 60
	usage.put(odd, companyId=CEDAR_COMPANY, currentCharges=5)
	usage.put("unnamed", companyId=CEDAR_COMPANY, currentCharges=6, wire={"resourceGroup": None})
	usage.sync()
	answer = visit(people.requester).http.get("/licensing/usage")
	assert answer.status_code == 200
	assert "&lt;b&gt;bold&lt;/b&gt; &amp; &#39;quoted&#39; 🦫" in answer.text and "<b>bold" not in answer.text
	assert "(no name)" in answer.text


def test_ten_thousand_groups_are_counted_and_a_hundred_listed(usage, site, shown, retail):
	usage.put("x", companyId=CEDAR_COMPANY, currentCharges=1)
	usage.sync()
	group, snapshot, month = (
		usage.table(table) for table in ("Pax8 Resource Group", "Pax8 Usage Snapshot", "Pax8 Usage Month")
	)
	mine = usage.group("x").name
	for table, rows, column in (
		("Pax8 Resource Group", group, "name"),
		("Pax8 Usage Snapshot", snapshot, "resource_group"),
		("Pax8 Usage Month", month, "resource_group"),
	):
		row = next(one for one in rows if one[column] == mine)
		columns = list(row)
		places = ", ".join(["%s"] * len(columns))
		copies = [
			{**row, "name": f"g{number}" if column == "name" else f"{table[-5:]}{number}"}
			| ({} if column == "name" else {"resource_group": f"g{number}"})
			for number in range(10_000)
		]
		names = ", ".join(f"`{name}`" for name in columns)
		site.db.sql(
			f"insert into `tab{table}` ({names}) values {', '.join([f'({places})'] * len(copies))}",
			[copy[name] for copy in copies for name in columns],
		)
	site.db.commit()
	page = shown(subscription=SENTINEL)
	assert page["amounts"][0]["text"] == "$ 10,001.00"
	assert len(page["groups"]) == 100 and page["more_groups"].startswith("9901 more")
	assert len(page["chart"]["datasets"]) == 7


def test_the_number_of_queries_depends_on_no_number_of_groups(
	usage, site, people, as_user, retail, monkeypatch
):
	from msp_licensing.portal import usage_queries

	def count():
		queries = []
		sql = site.db.sql
		monkeypatch.setattr(
			site.db, "sql", lambda *args, **options: queries.append(args) or sql(*args, **options)
		)
		with as_user(people.requester):
			usage_queries.page_for_session()
		monkeypatch.setattr(site.db, "sql", sql)
		return len(queries)

	usage.sync()
	count()
	few = count()
	for number in range(20):
		usage.put(f"more {number}", AZURE, companyId=CEDAR_COMPANY, currentCharges=number)
	usage.on(2027, 3, 14, 13, 0)
	count()
	assert count() == few


# ------------------------------------------------------------------------------------ in whose price


def test_without_a_price_rule_a_client_reads_units_and_no_amount(
	usage, site, people, shown, overview, download
):
	demo_usage.make_history(months=2, days=20)
	site.db.commit()
	usage.sync()
	assert card_of(overview(), AZURE)["usage"]["lines"] == []
	page = shown()
	assert page["amounts"] == [] and not page["shows_amounts"]
	assert page["units"] and page["groups"][0]["units"] and not any(g["amount"] for g in page["groups"])
	assert page["chart"]["datasets"] and "(" in page["chart"]["label"], "the chart shows a unit"
	assert [row["word"] for row in page["history"]] == ["So far", "Provisional", "Provisional"]
	assert all(row["units"] and not row["amounts"] for row in page["history"])
	charges = {f"{money(row.charges):,.2f}" for row in usage.table("Pax8 Usage Snapshot") if row.client}
	text = json.dumps(page)
	assert "$" not in text and not any(amount in text for amount in charges if len(amount) > 5)
	for by in ("days", "months"):
		_name, rows = download(by=by)
		assert rows[0][-3:] == ["Item", "Unit", "Quantity"] and len(rows) > 10


def test_units_are_those_of_the_last_day_and_no_sum_of_days(usage, site, shown):
	demo_usage.make_history(months=1, days=10)
	site.db.commit()
	usage.sync()
	page = shown()
	lines = site.get_all(
		"Pax8 Usage Line",
		{"product_name": ("like", "Azure DNS%"), "day": "2027-03-13"},
		["quantity"],
	)
	told = next(row for row in page["units"] if row["product"].startswith("Azure DNS"))
	assert Decimal(told["quantity"].replace(",", "")) == sum(money(line.quantity) for line in lines)
	assert "13" in told["day"]


def test_cost_plus_markup_gives_the_clients_amount(usage, price, shown):
	price("Partner Cost plus Markup", 25)
	usage.put("x", companyId=CEDAR_COMPANY, currentCharges=1000, partnerTotal=80)
	usage.put("no cost", companyId=CEDAR_COMPANY, currentCharges=1000, wire={"partnerTotal": None})
	usage.sync()
	page = shown(subscription=SENTINEL)
	assert group_of(page, "x")["amount"] == "$ 100.00" and group_of(page, "no cost")["amount"] == "—"


def test_a_markup_of_nothing_shows_no_amount_as_it_would_be_the_cost(usage, price, shown):
	price("Partner Cost plus Markup", 0)
	usage.put("x", companyId=CEDAR_COMPANY, currentCharges=1000, partnerTotal=80)
	usage.sync()
	page = shown(subscription=SENTINEL)
	assert not page["shows_amounts"] and "80" not in json.dumps(page["groups"])


def test_a_subscription_with_a_price_of_its_own_shows_units(usage, site, shown, overview, retail):
	site.db.set_value("Pax8 Subscription", AZURE, "client_price", 3)
	site.db.commit()
	usage.sync()
	assert card_of(overview(), AZURE)["usage"]["lines"] == []
	assert not shown(subscription=AZURE)["shows_amounts"]


# ------------------------------------------------------------------------------------ whose it is


@pytest.mark.parametrize("who", ["reader", "requester", "approver"])
def test_everybody_with_access_sees_it(usage, people, shown, overview, retail, who):
	usage.sync()
	user = getattr(people, who)
	assert group_of(shown(user), PRODUCTION)
	assert card_of(overview(user), AZURE)["usage"]["lines"]


def test_others_see_nothing_of_it(usage, site, people, shown, make_portal_user, as_user, retail):
	usage.sync()
	key = shown()["key"]
	assert shown("Guest")["state"] == shown(people.manager)["state"] == "elsewhere"
	nobody = make_portal_user("nobody@nowhere.example", None, "Licensing Client")
	assert shown(nobody, client=key)["state"] == "elsewhere"
	foreign = shown(people.foreign_requester, client=key, subscription=AZURE)
	assert foreign["client"] == demo.MUELLER and PRODUCTION not in json.dumps(foreign)


def test_unassigned_and_ignored_groups_are_nobodys(usage, people, shown, as_user, site):
	from msp_licensing.usage import assignments

	usage.sync()
	with as_user(people.manager):
		assignments.ignore(usage.group(storybook.SENTINELONE_OF_NOBODY).name, "A test")
	site.db.commit()
	for user in (people.requester, people.foreign_requester):
		text = json.dumps([shown(user), shown(user, month="2027-02")])
		for name in (
			storybook.SENTINELONE_OF_NOBODY,
			storybook.SENTINELONE_DEFAULT_SITE,
			storybook.SENTINELONE_OF_BLUE_HARBOR,
		):
			assert name not in text


def test_a_group_that_is_assigned_is_seen_though_its_subscription_is_the_providers(
	usage, people, shown, overview, as_user, retail
):
	usage.sync()
	assert not overview()["page"]["other_usage"]
	with as_user(people.manager):
		usage.assign(usage.group(storybook.SENTINELONE_OF_CEDAR), demo.CEDAR)
	told = overview()
	(other,) = told["page"]["other_usage"]
	assert other["product"].startswith("SentinelOne") and other["lines"]
	assert "More usage" in told["html"]
	page = shown(subscription=SENTINEL)
	assert [group["name"] for group in page["groups"]] == [storybook.SENTINELONE_OF_CEDAR]
	(foreign,) = overview(people.foreign_requester)["page"]["other_usage"]
	amount = money(usage.group(storybook.SENTINELONE_DISPUTED).this_month_charges)
	assert foreign["lines"] == [f"$ {amount:,.2f} so far this month, not final"], "its own group only"


def test_a_group_that_moves_in_mid_month_shows_each_client_its_own_days_only(
	usage, people, shown, retail, download
):
	usage.put(storybook.SENTINELONE_DISPUTED, companyId=None)
	usage.put("moving", companyId=CEDAR_COMPANY, currentCharges=111)
	usage.on(2027, 3, 14, 4, 0)
	usage.put("moving", currentCharges=222)
	usage.on(2027, 3, 15, 4, 0)
	usage.put("moving", companyId=MUELLER_COMPANY, currentCharges=345)
	usage.on(2027, 3, 16, 4, 0)
	usage.put("moving", currentCharges=490)
	usage.on(2027, 3, 17, 4, 0)
	before, after = shown(subscription=SENTINEL), shown(people.foreign_requester, subscription=SENTINEL)
	(left,), (came,) = before["groups"], after["groups"]
	assert left["amount"] == "$ 222.00" and left["notes"] == [
		"Yours until 03-15-2027. Not part of the total."
	]
	assert before["amounts"] == []
	assert came["amount"] == "$ 490.00"
	assert came["notes"] == ["Yours since 03-16-2027. The total is that of the whole month."]
	assert [row["total"] for row in before["days"]] == ["$ 222.00", "$ 111.00"]
	assert [row["total"] for row in after["days"]] == ["$ 490.00", "$ 345.00"]
	for told, others in ((before, ("345", "490")), (after, ("111", "222"))):
		assert not any(amount in json.dumps(told) for amount in others)
	_name, rows = download(subscription=SENTINEL)
	assert [Decimal(row[-1]) for row in rows[1:] if row[-1]] == [111, 222]


def test_a_group_that_leaves_today_is_not_in_the_total_before_the_next_sync(
	usage, site, people, shown, as_user, retail
):
	usage.sync()
	with as_user(people.manager):
		group = usage.group(storybook.SENTINELONE_OF_CEDAR)
		name = usage.assign(group, demo.CEDAR)
		usage.clocks.set(datetime(2027, 3, 15, 4, 0))
		from msp_licensing.usage import assignments

		assignments.change(name, demo.site_client_doctype(), demo.MUELLER)
		site.db.commit()
	page = shown(subscription=SENTINEL)
	assert page["amounts"] == [] and "Yours until 03-14-2027" in page["groups"][0]["notes"][0]


def test_what_staff_hide_is_hidden_with_its_usage(usage, site, shown, overview, download, retail):
	usage.sync()
	site.db.set_value("Pax8 Subscription", AZURE, "show_to_client", 0)
	site.db.commit()
	assert shown()["groups"] == [] and not overview()["page"]["other_usage"]
	_name, rows = download()
	assert len(rows) == 1


def test_a_disabled_client_still_reads_its_usage(usage, site, shown, retail):
	usage.sync()
	client = site.get_doc(demo.site_client_doctype(), demo.CEDAR)
	client.db_set("disabled", 1)
	site.db.commit()
	assert shown()["groups"]


# ------------------------------------------------------------------------------------ nothing to show


def test_a_month_without_usage_says_what_happens_next(usage, site, people, shown):
	page = shown()
	assert (
		page["empty"]["title"] == "There is no usage this month yet" and "once a day" in page["empty"]["text"]
	)
	assert page["chart"] is None and page["files"] == []
	assert "UTC" not in page["as_of"]
	site.db.sql("update `tabPax8 Product` set usage_class = 'Seat'")
	site.db.commit()
	assert shown()["empty"]["title"] == "None of your products is billed by usage"
	usage.sync()
	assert shown(month="2026-12")["empty"]["title"] == "There is no usage in December 2026"


@pytest.mark.parametrize("month", ["nonsense", "2027-13", "9999-99", "", "2031-01", "2027-3"])
def test_a_month_that_makes_no_sense_is_the_running_one(usage, shown, month):
	usage.sync()
	assert shown(month=month)["month"]["key"] == "2027-03"


# ------------------------------------------------------------------------------------ pages and files


def test_the_page_is_served_to_its_client_only_and_guests_sign_in(usage, people, visit, retail):
	usage.sync()
	guest = visit().http.get("/licensing/usage?month=2027-03")
	assert guest.status_code in (301, 302, 303, 307)
	assert guest.headers["Location"].endswith("/login?redirect-to=%2Flicensing%2Fusage%3Fmonth%3D2027-03")
	answers = [
		visit(user).http.get("/licensing/usage")
		for user in (people.requester, people.foreign_reader, people.reader)
	]
	assert [PRODUCTION in answer.text for answer in answers] == [True, False, True]
	assert all("no-store" in answer.headers.get("Cache-Control", "") for answer in answers)
	staff = visit(people.manager).http.get("/licensing/usage")
	assert staff.status_code in (301, 302, 303, 307) and staff.headers["Location"].endswith("/licensing")


def test_the_chart_is_loaded_where_there_is_one_and_the_table_stands_there_too(usage, people, visit, retail):
	script = re.compile(r'<script src="[^"]*usage_chart')
	visitor = visit(people.requester)
	assert not script.search(visitor.http.get("/licensing/usage").text)
	usage.sync()
	answer = visitor.http.get("/licensing/usage").text
	assert script.search(answer) and "<caption" in answer and "data-usage-chart-data" in answer
	assert not script.search(visitor.page().text)


def test_a_file_has_the_days_or_the_months(usage, site, download, retail):
	demo_usage.make_history(months=2, days=20)
	site.db.commit()
	usage.sync()
	name, rows = download(by="days", month="2027-03")
	assert name == "usage-cedar-pine-architects-2027-03-days.csv"
	assert rows[0] == [
		*("Client", "Day (UTC)", "Vendor", "Product", "Resource Group", "Trial"),
		*("Item", "Unit", "Quantity", "Currency", "Amount So Far"),
	]
	amounts = [row for row in rows[1:] if row[10]]
	assert len(amounts) == 14 + 14 + 12
	last = usage.group(PRODUCTION, AZURE)
	assert any(
		row[1] == "2027-03-14" and row[4] == PRODUCTION and money(row[10]) == money(last.this_month_charges)
		for row in amounts
	)
	assert any(row[7] == "1 Hour" and Decimal(row[8]) > 0 for row in rows[1:])
	name, rows = download(by="months")
	assert name.endswith("-months.csv")
	assert {(row[1], row[2]) for row in rows[1:]} == {
		("2027-03", "So far"),
		("2027-02", "Provisional"),
		("2027-01", "Provisional"),
	}


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-2+3", "@x", "\t=1", "<b>=1</b>"])
def test_a_name_that_is_a_formula_is_none_in_the_file(usage, download, retail, name):
	from msp_licensing.desk.spreadsheets import plain

	usage.put(name, companyId=CEDAR_COMPANY, currentCharges=5)
	usage.sync()
	_file, rows = download(subscription=SENTINEL)
	written = rows[1][4]
	assert (plain(written) == written and written.startswith("'")) or written.lstrip("+-").isdigit()


def test_the_name_of_a_file_is_safe_whatever_the_client_is_called(usage, site):
	from msp_licensing.portal.usage_file import file_name
	from msp_licensing.portal.usage_records import Usage

	some = Usage(date(2027, 3, 1), date(2027, 3, 14), {})
	for title in ('../../"x"\r\nSet-Cookie: a=b', "株式会社", "", "Müller & Söhne GmbH", "x" * 300):
		name = file_name(title, some, "days")
		assert name.isascii() and len(name) < 80 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_somebody_elses_client_answers_like_one_that_does_not_exist(usage, site, people, shown, download):
	usage.sync()
	key = shown()["key"]
	with pytest.raises(site.DoesNotExistError) as foreign:
		download(people.foreign_requester, client=key)
	with pytest.raises(site.DoesNotExistError) as unknown:
		download(people.foreign_requester, client="MSP Client:nobody")
	assert str(foreign.value) == str(unknown.value)
	with pytest.raises(site.PermissionError):
		download("Guest")


# ------------------------------------------------------------------------------------ planted marks


def test_no_answer_to_a_client_has_costs_or_names_of_others(
	usage, site, people, shown, overview, download, retail, visit
):
	demo_usage.make_history(months=2, days=20)
	site.db.commit()
	usage.sync()
	site.db.sql("update `tabPax8 Usage Snapshot` set cost = 7654321.0, has_cost = 1")
	site.db.sql("update `tabPax8 Usage Month` set cost = 7654321.0, has_cost = 1")
	site.db.sql("update `tabPax8 Usage Line` set cost = 7654321.0, has_cost = 1")
	site.db.sql(
		"""update `tabPax8 Resource Group` set this_month_cost = 7654321.0, has_this_month_cost = 1,
		last_month_cost = 7654321.0, has_last_month_cost = 1"""
	)
	site.db.sql(
		"""update `tabPax8 Resource Group` set resource_group = concat('BRAVO', name), product_name = 'BRAVO',
		vendor = 'BRAVO', pax8_company_name = 'BRAVO' where not (client <=> %s)""",
		demo.CEDAR,
	)
	site.db.sql(
		"update `tabPax8 Usage Line` l join `tabPax8 Resource Group` g on g.name = l.resource_group set l.product_name = 'BRAVO' where not (g.client <=> %s)",
		demo.CEDAR,
	)
	site.db.commit()
	for user in (people.requester, people.reader, people.approver):
		visitor = visit(user)
		answers = [
			json.dumps(overview(user)),
			*(json.dumps(shown(user, month=month)) for month in (None, "2027-02")),
			*(str(download(user, by=by)) for by in ("days", "months")),
			visitor.http.get("/licensing/usage").text,
			visitor.http.get("/licensing").text,
			visitor.http.get("/api/method/msp_licensing.portal.api.usage_csv").text,
		]
		for answer in answers:
			assert PRODUCTION in answer or "Azure" in answer
			assert "BRAVO" not in answer and "7654321" not in answer and "7,654,321" not in answer
