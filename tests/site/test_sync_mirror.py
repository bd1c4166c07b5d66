"""Rows are written and their fingerprints read in bulk, whatever is in them."""

from datetime import date, datetime, timezone
from decimal import Decimal

import pytest

DOCTYPE = "Pax8 Company"
TEXTS = (
	'O\'Brien \\ "Sons"',
	"100 %s of it, 5 % off, %(name)s",
	"IFNULL(x) and ifnull( y",
	"'); drop table `tabPax8 Company`; --",
	"株式会社 Łódź ß\n\ttab",
)


def test_texts_are_stored_as_they_are_whatever_they_look_like(site):
	from msp_licensing.sync.mirror import upsert

	upsert(DOCTYPE, [(f"c{number}", {"company_name": text}) for number, text in enumerate(TEXTS)])
	assert tuple(site.get_all(DOCTYPE, pluck="company_name", order_by="name")) == TEXTS


def test_names_of_any_kind_are_found_again_with_their_fingerprints(site, monkeypatch):
	from msp_licensing.sync import mirror

	monkeypatch.setattr(mirror, "PIECE", 2)
	rows = {name: mirror.fingerprint({"company_name": name}) for name in ("a", "b'\\", 'c"\n', "dé", "e")}
	mirror.upsert(DOCTYPE, [(name, {"fingerprint": print_of_row}) for name, print_of_row in rows.items()])
	mirror.upsert(DOCTYPE, [("f", {"fingerprint": None})])
	found = mirror.stored_fingerprints(DOCTYPE)
	assert {name: value.hex() for name, value in found.items()} == {**rows, "f": ""}


@pytest.mark.parametrize(
	("one", "other"),
	[
		({"a": None}, {"a": "null"}),
		({"a": "x", "b": None}, {"a": None, "b": "x"}),
		({"a": 1}, {"a": "1"}),
		({"a": Decimal("4.5")}, {"a": Decimal("4.05")}),
		({"a": date(2026, 1, 31)}, {"a": date(2026, 1, 30)}),
		(
			{"a": datetime(2026, 1, 31, 12, tzinfo=timezone.utc)},
			{"a": datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=timezone.utc)},
		),
		({"a": "\ud83d"}, {"a": "\ud83e"}),
		({"rates": [{"a": 1}]}, {"rates": [{"a": 2}]}),
	],
)
def test_different_rows_have_different_fingerprints(site, one, other):
	from msp_licensing.sync.mirror import fingerprint

	assert fingerprint(one) == fingerprint(dict(one))
	assert fingerprint(one) != fingerprint(other)
