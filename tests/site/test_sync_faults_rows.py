"""Syncs under fire: rows with values that cannot be. See test_sync_faults for what has to hold."""

from typing import Any

import pytest
from faulty import DOCTYPES, EXAMPLES, KINDS, LISTS, Rig, differences, look, sync

from msp_licensing.sandbox import storybook

HUGE = {"name": "huge_text"}
REFUSED, TAKEN = "refused", "taken"

# kind: the row that meets it, and then field: values that make the row refused, values that are taken.
VALUES: dict[str, tuple[str, dict[str, tuple[list[Any], dict[Any, tuple[str, Any]]]]]] = {
	"Subscriptions": (
		storybook.CEDAR_KEEPER,
		{
			"quantity": (
				[None, "seven", [7], {"n": 7}, True, 7.5, 2**31, 2**63, 10**15, 1e300],
				{"7": ("quantity", 7), 7.0: ("quantity", 7)},
			),
			"companyId": ([None, {"id": 1}, [1], "x" * 500], {}),
			"productId": ([None, {"id": 1}, "x" * 500], {}),
			"status": ([["Active"], {"is": "Active"}, True], {"Hibernating": ("status", "Hibernating")}),
			"billingTerm": ([["Monthly"], False], {"Per Moon": ("billing_term", "Per Moon")}),
			"startDate": (["soon", 20250101, ["2025-01-01"], "2025-13-01", "0000-00-00", "99999-01-01"], {}),
			"updatedDate": (["soon", True], {}),
			"endDate": (["soon"], {"9999-12-31T23:59:59.999-0600": ("end_date", "9999-12-31")}),
			"billingStart": (["soon", 7], {}),
			"price": (["dear", "1e400", 1e300, True, [1]], {"12.5": ("price", 12.5), 0: ("price", 0)}),
			"partnerCost": (["dear", 10**17], {}),
			"currencyCode": ([["USD"], "US-Dollars of America"], {"usd": ("currency", "USD")}),
			"commitmentTerm": ([7, [7]], {}),
			"productName": ([["Keeper"], True], {}),
		},
	),
	"Companies": (
		storybook.BLUE_HARBOR_DENTAL,
		{
			"name": (
				[None, "", "  ", ["Blue"], {"is": "Blue"}, True],
				{"株式会社": ("company_name", "株式会社")},
			),
			"address": (["Main Street", 7, [7]], {None: ("street", None)}),
			"address.country": ([["US"]], {"United States": ("country", "United States")}),
			"status": ([["Active"]], {"Hibernating": ("status", "Hibernating")}),
			"updatedDate": (["soon", 7], {}),
			"selfServiceAllowed": (["perhaps", [True]], {"true": ("self_service_allowed", 1)}),
			"phone": ([{"number": 7}], {}),
			"externalId": ([[7], {"x": 7}], {7: ("external_id", "7")}),
		},
	),
	"Products": (
		storybook.KEEPER_BUSINESS,
		{
			"name": ([None, "", ["Keeper"], True], {"Kéeper ☃": ("product_name", "Kéeper ☃")}),
			"vendorName": ([["Keeper"], {"is": "Keeper"}], {"New Owner": ("vendor", "New Owner")}),
			"shortDescription": ([["Keeper"]], {None: ("short_description", None)}),
			"requiresCommitment": (["perhaps", [True]], {"false": ("requires_commitment", 0)}),
			"sku": ([{"sku": 7}], {7: ("sku", "7")}),
		},
	),
}


def one_value(kind: str, field: str, value: Any) -> dict[str, Any]:
	row = {"name": "set_field", "id": VALUES[kind][0], "field": field, "value": value}
	return {"kind": "rewrite", "operation": LISTS[kind], "rewrites": [row], "count": None}


def refused(rig: Rig, kind: str, run: Any, name: str) -> None:
	"""The row was left alone and reported; all others are as they should be."""
	assert (run.status, run.rows_refused) == ("Incomplete", 1), (
		f"{run.status}, {run.rows_refused} refused: {run.error}"
	)
	assert run.reached_end, "one row that cannot be understood is no reason to stop"
	assert name in run.error, f"which row? {run.error}"
	found = {key: pair for key, pair in differences(run.stored, rig._right[kind]).items() if name not in key}
	assert not found, f"other rows than the refused one: {found}"
	table = DOCTYPES[kind]
	assert run.stored[table][name] == rig.before[table][name], "the refused row has changed"


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_with_a_value_that_cannot_be_is_refused_alone(rig, kind):
	row, fields = VALUES[kind]
	for field, (impossible, _possible) in fields.items():
		for value in impossible:
			with rig.case(f"{field} = {str(value)[:60]!r}"):
				refused(rig, kind, rig.run(kind, one_value(kind, field, value)), row)
	rig.end()


def test_the_end_of_a_commitment_that_cannot_be_read_is_not_taken_for_none(rig):
	"""With no end stored, a decrease would be let through."""
	row = storybook.CEDAR_BUSINESS_PREMIUM
	for value in ("soon", 7, "2026-02-30", ["2026-01-01"]):
		with rig.case(str(value)):
			rewrite = {"name": "set_field", "id": row, "field": "commitmentTerm.endDate", "value": value}
			order = {
				"kind": "rewrite",
				"operation": LISTS["Subscriptions"],
				"rewrites": [rewrite],
				"count": None,
			}
			refused(rig, "Subscriptions", rig.run("Subscriptions", order), row)
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_ten_megabytes_in_a_field_are_refused_and_harm_no_other_row(rig, kind):
	row = VALUES[kind][0]
	texts = {"Subscriptions": "productName", "Companies": "website", "Products": "shortDescription"}
	for field in (texts[kind], "status" if kind == "Subscriptions" else "name"):
		with rig.case(field):
			rewrite = {"name": "huge_text", "id": row, "field": field}
			order = {"kind": "rewrite", "operation": LISTS[kind], "rewrites": [rewrite], "count": None}
			refused(rig, kind, rig.run(kind, order), row)
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_what_pax8_may_say_is_taken_also_in_other_words(rig, site, sandbox, kind):
	row, fields = VALUES[kind]
	for field, (_impossible, possible) in fields.items():
		for value, (column, expected) in possible.items():
			with rig.case(f"{field} = {value!r}"):
				right = rig.right(kind)
				rig.start()
				sandbox.faults.add(**one_value(kind, field, value))
				run = sync(site, sandbox, kind)
				assert run.status == "Completed", run.error
				stored = look(site)[DOCTYPES[kind]][row]
				assert (stored[column] if expected is None else type(expected)(stored[column])) == expected
				sandbox.faults.clear()
				assert sync(site, sandbox, kind).status == "Completed"
				assert not differences(look(site), right)
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
	"text", ["half a pair \ud83d of surrogates", "a \x00 in it", "\U0001f4a9", "' or 1=1; --", "%s %(x)s"]
)
def test_texts_that_databases_dislike_are_stored_or_refused_and_stop_nothing(rig, kind, text):
	row = VALUES[kind][0]
	field = "productName" if kind == "Subscriptions" else "name"
	column = {"Subscriptions": "product_name", "Companies": "company_name", "Products": "product_name"}[kind]
	rig.right(kind)
	rig.start()
	rig.sandbox.faults.add(
		"broken_body",
		LISTS[kind],
		count=None,
		body=body_with(rig.sandbox, kind, row, field, text),
	)
	run = sync(rig.site, rig.sandbox, kind)
	assert run.reached_end, run.error
	stored = look(rig.site)[DOCTYPES[kind]][row][column]
	if run.status == "Incomplete":
		assert row in run.error and stored == rig.before[DOCTYPES[kind]][row][column]
	else:
		assert stored == text.encode("utf-8", "replace").decode()
	rig.sandbox.faults.clear()
	assert sync(rig.site, rig.sandbox, kind).status == "Completed"
	assert not differences(look(rig.site), rig.right(kind))


def body_with(sandbox: Any, kind: str, row: str, field: str, text: str) -> str:
	"""A whole list with one text in it, as JSON in ASCII: halves of surrogate pairs can only be sent escaped."""
	import json

	import httpx

	path = {"Subscriptions": "subscriptions", "Companies": "companies", "Products": "products"}[kind]
	answer = httpx.get(f"{sandbox.url}/{path}?size=200", headers=sandbox.authorization()).json()
	(found,) = [record for record in answer["content"] if record["id"] == row]
	found[field] = text
	return json.dumps(answer)


@pytest.mark.parametrize("kind", KINDS)
def test_random_nulls_and_types_never_stop_a_run_nor_leave_a_trace(rig, site, sandbox, kind):
	"""Whatever field of whatever row: the run ends by itself, and the next one repairs."""
	for seed in range(EXAMPLES // (2 if kind == "Products" else 1)):
		for name in ("null_field", "wrong_type", "remove_field", "unknown_word"):
			with rig.case(f"{name}, seed {seed}"):
				right = rig.right(kind)
				rig.start()
				order = {"rewrites": [{"name": name, "rows": 2}], "seed": seed, "count": None}
				sandbox.faults.add("rewrite", LISTS[kind], **order)
				run = sync(site, sandbox, kind)
				assert run.status in ("Completed", "Incomplete") and run.reached_end, run.error
				assert run.status == "Completed" or run.rows_refused in (1, 2)
				sandbox.faults.clear()
				assert sync(site, sandbox, kind).status == "Completed"
				assert not differences(look(site), right)
	rig.end()
