"""Syncs under fire: the calls for one record after the list. See test_sync_faults for what has to hold."""

from typing import Any

import pytest
from faulty import DOCTYPES, FINAL, KINDS, LINE, VANISHED, sync

from msp_licensing.sandbox import storybook

PRICES: dict[str, dict[str, Any]] = {
	**{name: LINE[name][0] for name in ("429 with Retry-After", "500", "reset after", "truncated", "empty")},
	**{name: FINAL[name][0] for name in ("403", "422")},
	**{
		f"{path} = {str(value)[:40]!r}": {
			"kind": "rewrite",
			"rewrites": [{"name": "set_body", "path": path, "value": value}],
		}
		for path, value in (
			("content", None),
			("content", {"rows": []}),
			("content.0", "plan"),
			("content.0.rates", "dear"),
			("content.0.rates.0", 7),
			("content.0.rates.0.suggestedRetailPrice", "dear"),
			("content.0.rates.0.suggestedRetailPrice", 1e300),
			("content.0.rates.0.partnerBuyRate", 10**14),
			("content.0.rates.0.startQuantityRange", 2**40),
			("content.0.rates.0.startQuantityRange", "one"),
			("content.0.billingTerm", ["Monthly"]),
			("content.0.unitOfMeasurement", "x" * 100_000),
			("content.0.commitmentTermInMonths", 2**40),
		)
	},
}


def test_prices_of_one_product_that_cannot_be_read_stay_as_they_were_and_the_others_go_on(rig):
	product = storybook.EXCLAIMER_PRO
	rig.right("Products")
	for name, order in PRICES.items():
		with rig.case(name):
			path = f"/products/{product}/pricing"
			order = {**order, "operation": "findPricingByProductId", "path": path, "count": None}
			run = rig.run("Products", order, max_retries=0)
			assert run.status == "Incomplete" and run.reached_end, f"{run.status}: {run.error}"
			assert product in run.error, run.error
			for table in ("Pax8 Product", "Pax8 Product Price"):
				for key, row in run.stored[table].items():
					source = rig.before if key.startswith(product) else rig._right["Products"]
					wanted = source[table].get(key)
					assert row == wanted, f"{table} {key}: {row} instead of {wanted}"
	rig.end()


def test_commitment_options_that_cannot_be_read_leave_the_product_as_it_was(rig):
	product = storybook.M365_BUSINESS_PREMIUM
	for path, value in (
		("commitmentDependencies", "some"),
		("commitmentDependencies.0", 7),
		("commitmentDependencies.0.allowForQuantityDecrease", "perhaps"),
		("commitmentDependencies.0.renewalWindowDaysBeforeTermEnd", "x"),
		("productDependencies", 7),
	):
		with rig.case(f"{path} = {value!r}"):
			rewrite = {"name": "set_body", "path": path, "value": value}
			order = {
				"kind": "rewrite",
				"operation": "findProductDependenciesByProductId",
				"rewrites": [rewrite],
			}
			run = rig.run("Products", {**order, "path": f"/products/{product}/dependencies"})
			assert run.status == "Incomplete" and product in run.error, run.error
			assert run.stored["Pax8 Product"][product] == rig.before["Pax8 Product"][product]
	rig.end()


SECOND_LOOK = {
	"Companies": "findCompanyByCompanyId",
	"Subscriptions": "findSubscriptionBySubscriptionId",
	"Products": "findProductByProductId",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_look_that_fails_marks_nothing(rig, kind):
	# Not those of the body: that Pax8 has no such record is said by the status.
	for name in (
		"408",
		"429 without Retry-After",
		"500",
		"502, a web page",
		"closed before",
		"reset before",
		"403",
		"422",
	):
		with rig.case(name):
			order, words = {**LINE, **FINAL}[name]
			order = {**order, "operation": SECOND_LOOK[kind], "count": None}
			run = rig.run(kind, order, max_retries=0)
			assert run.status == "Incomplete", run.status
			assert words.casefold() in run.error.casefold()
			assert run.rows_vanished == 0
			mark = VANISHED[DOCTYPES[kind]]
			marks = {
				key: row[mark]
				for key, row in run.stored[DOCTYPES[kind]].items()
				if key in rig.before[DOCTYPES[kind]]
			}
			assert marks == {key: row[mark] for key, row in rig.before[DOCTYPES[kind]].items()}
	rig.end()


def test_an_unknown_product_that_cannot_be_read_does_not_stop_the_subscriptions(rig, site, sandbox):
	"""Its vendor stays unknown, which holds every change of it; the run says so."""
	rig.right("Subscriptions")
	rig.start()
	sandbox.change("products", id="product-of-tomorrow", name="Tomorrow", vendorName="Morrow")
	for name in (storybook.CEDAR_KEEPER, storybook.MUELLER_ESET):
		sandbox.change("subscriptions", name, productId="product-of-tomorrow")
	sandbox.faults.add("status", "findProductByProductId", status=500, count=None)
	run = sync(site, sandbox, "Subscriptions")
	assert run.reached_end and run.status == "Incomplete" and "product-of-tomorrow" in run.error
	sandbox.faults.clear()
	assert sync(site, sandbox, "Products").status == "Completed"
	assert sync(site, sandbox, "Subscriptions").status == "Completed"
	vendors = site.get_all("Pax8 Subscription", {"product": "product-of-tomorrow"}, pluck="vendor")
	assert vendors == ["Morrow", "Morrow"]
