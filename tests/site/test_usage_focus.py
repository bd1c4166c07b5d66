"""Usage as a FOCUS file: the last total of each month, for whoever may see it, and approved by FOCUS's own validator."""

import csv
import io
from decimal import Decimal

import pytest
from asking import ask
from usage_helpers import AZURE, LINE, MONTH, SENTINEL

from msp_licensing.sandbox import storybook
from tests.focus_checks import failed_rules, needs_validator

CEDAR, MUELLER = storybook.CEDAR_AND_PINE, storybook.MUELLER_UND_SOEHNE

# What the validator finds all the same: docs/user/focus-export.md explains each.
KNOWN = {
	"InvoiceId-C-005-C": "it wants an invoice for every charge, and no invoice is read yet",
	"ConsumedQuantity-C-006-C": "totals of which no lines prove a quantity have none",
	"ConsumedUnit-C-003-O": "units are as vendors write them; FOCUS only recommends a form",
	"PricingUnit-C-003-O": "the same",
}
# It takes texts with other letters than those of ASCII for wrong, and FOCUS does not: "Müller & Söhne".
NOT_ASCII = {"SubAccountName-C-002-M"}


@pytest.fixture
def export(usage, site):
	"""export(client, **arguments): the rows of a file, as dictionaries."""
	from msp_licensing.desk import focus
	from msp_licensing.setup import demo

	def make(client=None, begin="2027-03-01", end="2027-04-30", **arguments):
		if client:
			arguments.update(client_doctype=demo.site_client_doctype(), client=client)
		response = focus.export(begin, end, **arguments)
		make.response, make.text = response, response.get_data().decode()
		rows = list(csv.DictReader(io.StringIO(make.text)))
		assert response.headers["X-Focus-Rows"] == str(len(rows))
		return rows

	return make


@pytest.fixture
def names(site):
	from msp_licensing.setup import demo

	return demo.CEDAR, demo.MUELLER


def of(rows, group):
	return [row for row in rows if row["x_ResourceGroup"] == group]


def amount(rows, column="BilledCost"):
	return sum((Decimal(row[column]) for row in rows), Decimal(0))


# ------------------------------------------------------------------------------------ what is in it


def test_a_month_is_its_last_total_and_not_the_sum_of_its_days(usage, export, names):
	usage.put("x", companyId=CEDAR, currentCharges=10, partnerTotal=8)
	usage.on(2027, 3, 14, 4, 0)
	usage.put("x", currentCharges=25, partnerTotal=20)
	usage.on(2027, 3, 15, 4, 0)
	rows = of(export(names[0]), "x")
	assert (amount(rows), {row["x_MonthStatus"] for row in rows}) == (25, {"Running"})
	assert {(row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in rows} == {
		("2027-03-01T00:00:00Z", "2027-03-16T00:00:00Z")
	}, "so far, and no further"
	usage.on(2027, 4, 10, 4, 0)
	rows = of(export(names[0]), "x")
	march = [row for row in rows if row["BillingPeriodStart"].startswith("2027-03")]
	assert (amount(march), march[0]["x_MonthStatus"], march[0]["x_LastReadDay"]) == (
		25,
		"Provisional",
		"2027-03-15",
	)
	assert march[0]["ChargePeriodEnd"] == "2027-04-01T00:00:00Z"
	assert {row["BillingPeriodStart"][:7] for row in rows} == {"2027-03", "2027-04"}
	assert not of(export(names[0], end="2027-03-31"), "x")[1:], "one month, one row"


def test_cost_is_the_partners_and_charges_are_the_customers(usage, export, names):
	usage.put("x", companyId=CEDAR, currentCharges=10, partnerTotal=8)
	usage.sync()
	(theirs,), (ours,) = of(export(names[0]), "x"), of(export(names[0], amounts="cost"), "x")
	assert (theirs["BilledCost"], ours["BilledCost"], ours["x_CustomerCharges"]) == ("10.0", "8.0", "10.0")
	assert "x_CustomerCharges" not in theirs
	assert "8.0" not in theirs.values(), "no file of charges tells what the partner pays"
	assert (theirs["ProviderName"], theirs["InvoiceIssuerName"], theirs["BillingAccountName"]) == (
		"Northwind IT Services (Partner)",
		"Northwind IT Services (Partner)",
		names[0],
	)
	assert (ours["ProviderName"], ours["BillingAccountId"]) == ("Pax8", storybook.NORTHWIND_PARTNER)
	assert (ours["SubAccountId"], ours["PublisherName"], ours["ResourceId"]) == (
		CEDAR,
		usage.group("x").vendor,
		SENTINEL,
	)


def test_a_trial_is_reported_and_not_billed(usage, export, names):
	usage.put("x", companyId=CEDAR, currentCharges=10, isTrial=True)
	usage.sync()
	(row,) = of(export(names[0]), "x")
	assert (row["BilledCost"], row["x_ReportedAmount"], row["x_IsTrial"]) == ("0.0", "10.0", "true")


def test_currencies_stay_apart_and_no_missing_amount_is_a_zero(usage, export, names):
	usage.put("euro", companyId=CEDAR, currentCharges=10, wire={"currencyCode": "EUR"})
	usage.put("odd", companyId=CEDAR, currentCharges=10, wire={"currencyCode": "U1D"})
	usage.put("no charges", companyId=CEDAR, wire={"currentCharges": None})
	usage.put("below zero", companyId=CEDAR, currentCharges=-4)
	usage.sync()
	rows = export(names[0])
	assert of(rows, "euro")[0]["BillingCurrency"] == "EUR"
	assert of(rows, "below zero")[0]["BilledCost"] == "-4.0"
	assert not of(rows, "odd") and not of(rows, "no charges")
	assert export.response.headers["X-Focus-Left-Out"] == "2"
	from msp_licensing.desk import focus
	from msp_licensing.setup import demo

	told = focus.preview("2027-03-01", "2027-03-31", demo.site_client_doctype(), names[0])
	assert told["rows"] == told["running"] == len(rows)
	assert [sentence.split(":")[0] for sentence in told["sentences"][2:]] == ["1 total is left out"] * 2
	assert of(export(names[0], amounts="cost"), "no charges"), "there is a cost"


def test_lines_that_prove_to_be_the_total_give_quantities_and_no_other_do(usage, export, names, site):
	usage.on(2027, 3, 31, 23, 30)
	group = usage.group(storybook.CEDAR_AZURE_PRODUCTION, AZURE)
	(month,) = usage.months(group)
	lines = site.get_all(LINE, {"resource_group": group.name, "day": "2027-03-31"}, ["charges", "unit"])
	rows = of(export(names[0], end="2027-03-31"), storybook.CEDAR_AZURE_PRODUCTION)
	assert len(rows) == len(lines) > 1 and all(row["PricingQuantity"] and row["PricingUnit"] for row in rows)
	assert {row["PricingUnit"] for row in rows} == {line.unit for line in lines}
	assert abs(amount(rows) - Decimal(str(month.charges))) < Decimal("1e-6")
	site.db.sql("update `tabPax8 Usage Line` set charges = charges + 1 where resource_group = %s", group.name)
	(whole,) = of(export(names[0], end="2027-03-31"), storybook.CEDAR_AZURE_PRODUCTION)
	assert whole["PricingQuantity"] == "" and abs(
		Decimal(whole["BilledCost"]) - Decimal(str(month.charges))
	) < Decimal("1e-6")


def test_an_amount_keeps_every_digit(usage, export, names, site):
	usage.put("x", companyId=CEDAR, currentCharges=1)
	usage.sync()
	amount = "123456789012.123456789"
	site.db.sql(
		f"update `tabPax8 Usage Month` set charges = {amount} where resource_group = %s",
		usage.group("x").name,
	)
	assert of(export(names[0]), "x")[0]["BilledCost"] == amount


def test_texts_are_kept_and_no_spreadsheet_carries_them_out(usage, export, names):
	for text in ("=HYPERLINK(1)", '💾 Bäckerei, "the" best\nof 株式会社', "<b>Sons</b>"):
		usage.put(text, companyId=CEDAR, currentCharges=1)
	usage.sync()
	found = {row["x_ResourceGroup"] for row in export(names[0])}
	assert {"'=HYPERLINK(1)", '💾 Bäckerei, "the" best\nof 株式会社', "<b>Sons</b>"} <= found


# ------------------------------------------------------------------------------------ for whom


def test_a_client_has_its_own_usage_only_and_what_is_nobodys_is_in_no_clients_file(usage, export, names):
	usage.sync()
	mine, theirs = export(names[0]), export(names[1])
	assert mine and theirs
	assert {row["x_ClientName"] for row in mine} == {names[0]}
	assert {row["x_ClientName"] for row in theirs} == {names[1]}
	everything = export(amounts="cost")
	assert {row["x_ClientName"] for row in everything} == {*names, ""}
	assert of(everything, storybook.SENTINELONE_OF_NOBODY) and not of(mine, storybook.SENTINELONE_OF_NOBODY)


def test_a_manager_of_some_clients_exports_theirs_only(usage, export, names, people, as_user, restrict, site):
	usage.sync()
	restrict(people.manager, names[1])
	with as_user(people.manager):
		assert {row["x_ClientName"] for row in export(amounts="cost")} == {names[1]}
		with pytest.raises(site.PermissionError):
			export(names[0])


def test_costs_are_for_those_who_may_read_them(usage, export, names, people, as_user, site):
	from frappe.permissions import setup_custom_perms

	from msp_licensing.desk import focus

	usage.put("x", companyId=CEDAR, currentCharges=10, partnerTotal=7.77)
	usage.sync()
	setup_custom_perms(MONTH)
	site.db.delete("Custom DocPerm", {"parent": MONTH, "permlevel": 1})
	site.clear_cache(doctype=MONTH)
	try:
		with as_user(people.manager):
			assert focus.choices() == {"cost": False}
			assert of(export(names[0]), "x") and "7.77" not in export.text
			with pytest.raises(site.PermissionError, match="costs"):
				export(names[0], amounts="cost")
			with pytest.raises(site.PermissionError, match="costs"):
				focus.preview("2027-03-01", "2027-03-31", amounts="cost")
	finally:
		site.db.delete("Custom DocPerm", {"parent": MONTH})
		site.db.commit()
		site.clear_cache(doctype=MONTH)


def test_what_cannot_be_exported_is_refused_with_a_sentence(usage, export, names, site):
	with pytest.raises(site.ValidationError, match="ends before"):
		export(names[0], "2027-04-01", "2027-03-01")
	with pytest.raises(site.ValidationError, match="Choose a client"):
		export()
	with pytest.raises(site.ValidationError, match="charges or cost"):
		export(names[0], amounts="partner_cost")
	with pytest.raises(site.DoesNotExistError):
		export("Nobody & Sons")
	site.db.set_single_value("Pax8 Settings", "shadow_company_ids", "")
	with pytest.raises(site.ValidationError, match="Own Company IDs"):
		export(names[0])


def test_more_than_a_web_worker_can_do_is_refused(usage, export, names, monkeypatch, site):
	from msp_licensing.usage import focus

	usage.sync()
	monkeypatch.setattr(focus, "MOST", 2)
	with pytest.raises(site.ValidationError, match="shorter period"):
		export(amounts="cost")


# ------------------------------------------------------------------------------------ by REST


def test_programs_get_the_file_by_rest_and_portal_users_nothing(usage, names, people, site):
	from frappe.deferred_insert import save_to_db

	from msp_licensing.setup import demo

	usage.sync()
	arguments = {
		"client_doctype": demo.site_client_doctype(),
		"client": names[0],
		"from_date": "2027-03-01",
		"to_date": "2027-03-31",
	}
	for verb in ("GET", "POST"):
		answer = ask(site, people.manager, "msp_licensing.desk.focus.export", arguments, verb=verb)
		assert answer.status == 200 and answer.text.startswith("BilledCost,"), answer.text[:500]
		assert storybook.CEDAR_AZURE_PRODUCTION in answer.text and "text/csv" in answer.text
	for user in ("Guest", people.requester, people.approver, people.reader, people.foreign_requester):
		for function in ("export", "preview", "choices"):
			answer = ask(site, user, f"msp_licensing.desk.focus.{function}", arguments)
			assert answer.refused and storybook.CEDAR_AZURE_PRODUCTION not in answer.text, user
	save_to_db()  # Frappe 16 writes these rows later
	assert site.get_all("Access Log", {"method": "FOCUS"}), "who has taken a file is known"


def test_the_number_of_queries_does_not_grow_with_the_groups(usage, export, names, site, monkeypatch):
	from test_usage_sync import statements

	counts = []
	for size in (5, 200):
		with usage.sandbox.app.lock:
			book, subscription = usage.sandbox.world.usage, usage.sandbox.world.subscriptions.get(SENTINEL)
			for number in range(size):
				book.add(subscription, f"{size}-{number}", CEDAR, Decimal(number), False)
		usage.sync()
		counts.append(statements(site, monkeypatch, lambda: export(names[0])))
	assert counts[1] <= counts[0], counts


# ------------------------------------------------------------------------------------ the validator


@needs_validator
@pytest.mark.parametrize("amounts", ["charges", "cost"])
def test_the_validator_of_the_focus_project_finds_nothing_but_what_is_known(
	usage, export, names, tmp_path, amounts
):
	from msp_licensing.rules.focus import VERSION

	usage.put("trial", companyId=CEDAR, currentCharges=10, isTrial=True)
	usage.put("euro", companyId=CEDAR, currentCharges=10, wire={"currencyCode": "EUR"})
	usage.put("below zero", companyId=CEDAR, currentCharges=-4)
	usage.put("no name, later", companyId=CEDAR, wire={"resourceGroup": ""}, currentCharges=4)
	usage.on(2027, 3, 31, 23, 30)
	usage.on(2027, 4, 10, 4, 0)
	rows = export(None if amounts == "cost" else names[0], amounts=amounts)
	assert {row["x_MonthStatus"] for row in rows} == {"Running", "Provisional"}
	assert any(row["ConsumedQuantity"] for row in rows) and not all(row["ConsumedQuantity"] for row in rows)
	file = tmp_path / "focus.csv"
	file.write_text(export.text, encoding="utf-8", newline="")
	assert failed_rules(file, VERSION) == {*KNOWN, *(NOT_ASCII if amounts == "cost" else ())}


@needs_validator
def test_the_validator_would_find_what_is_wrong(usage, export, names, tmp_path):
	usage.sync()
	export(names[0])
	file = tmp_path / "focus.csv"
	file.write_text(export.text.replace("Usage-Based", "Now and then"), encoding="utf-8", newline="")
	assert any(rule.startswith("ChargeFrequency") for rule in failed_rules(file, "1.2"))
