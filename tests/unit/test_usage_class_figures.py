"""The bounds that the rules of the billing class keep on products whose class is known; see tests/data/usage_class."""

from __future__ import annotations

import csv

import pytest

from msp_licensing.rules.usage_class import UsageClass
from tests import usage_class_figures as measured

FILES = (measured.PRICED, measured.HELD_OUT, measured.HELD_OUT_2, measured.HELD_OUT_3)
MADE_UP = [product for path in FILES for product in measured.read(path)]
HARD_KINDS = {
	"arrears endpoint",
	"azure plan",
	"azure reservation",
	"base fee and overage",
	"credits",
	"free add-on",
	"markup",
	"metered amount",
	"metered in seats",
	"missing price",
	"not for resale",
	"one-time fee",
	"phone minutes",
	"prepaid pack",
	"promo",
	"seat with a meter's name",
	"tenant licence",
	"trial",
	"unknown unit",
}


def test_there_are_enough_products_of_every_hard_kind():
	assert len(MADE_UP) >= 200
	assert len({(product.vendor, product.name) for product in MADE_UP}) == len(MADE_UP), "each row once"
	held_out = sum(len(measured.read(path)) for path in FILES[1:])
	assert held_out * 3 >= len(MADE_UP), "at least a third is held out"
	for kind in HARD_KINDS:
		assert sum(product.kind == kind for product in MADE_UP) >= 4, kind
	assert {product.kind for product in MADE_UP} == HARD_KINDS
	assert {product.truth for product in MADE_UP} == {"Seat", "Usage", "Neither", "Ambiguous"}


def test_no_usage_product_is_called_a_seat_where_there_is_evidence():
	with_evidence = [product for product in MADE_UP if product.evidence]
	assert len(with_evidence) >= 60
	assert all(product.truth == "Usage" for product in with_evidence)
	assert not measured.usage_called_seat(with_evidence, with_evidence=True)
	assert measured.figures(with_evidence, with_evidence=True)[UsageClass.USAGE].recall == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_without_evidence_usage_is_rarely_said_of_anything_else(path):
	found = measured.figures(measured.read(path))[UsageClass.USAGE]
	assert found.said >= 5, "rules that never say Usage would pass over nothing"
	assert found.precision is not None and found.precision >= 0.95


def test_the_rules_do_not_keep_the_bound_by_saying_nothing():
	found = measured.figures(MADE_UP)
	assert found[UsageClass.USAGE].recall >= 0.5
	assert found[UsageClass.SEAT].precision >= 0.9


def test_labelled_products_say_how_sure_their_class_is():
	with measured.LABELLED.open(encoding="utf-8", newline="") as file:
		rows = list(csv.DictReader(file))
	assert len(rows) == 194
	assert {row["basis"] for row in rows} == {"verified", "inferred"}
	# Most classes were read off the names: figures on them say how well rules and reader agree.
	assert sum(row["basis"] == "verified" for row in rows) < len(rows) / 10
	assert all(row["source"] for row in rows)


def test_no_labelled_seat_is_called_usage():
	labelled = measured.read(measured.LABELLED)
	for products in (labelled, measured.with_usual_prices(labelled)):
		found = measured.figures(products)
		assert found[UsageClass.USAGE].precision == 1
		assert not measured.usage_called_seat(products)
	assert found[UsageClass.SEAT].recall >= 0.85


def test_the_table_names_every_file_and_each_mistake():
	text = measured.report(mistakes=True)
	assert text.count("precision") == 2 * (2 * len(FILES) + 2)
	for product, _found in measured.wrong(measured.read(measured.PRICED)):
		assert product.name in text
