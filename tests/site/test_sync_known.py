"""Subscriptions that come as they did when they were stored are not read; whatever matters makes them be read."""

from collections.abc import Iterator

import pytest

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DOCTYPE = "Pax8 Subscription"


def sync(kind="Subscriptions"):
	from msp_licensing.sync import jobs

	return jobs.run(kind, trigger="Manual")


@pytest.fixture
def read(monkeypatch) -> Iterator[list[str]]:
	"""Ids of the subscriptions that were read, not only fetched."""
	from msp_licensing.pax8 import walk

	names: list[str] = []
	read_records = walk.read_records

	def noting(rows, *arguments, **options):
		names.extend(row["id"] for row in rows)
		return read_records(rows, *arguments, **options)

	monkeypatch.setattr(walk, "read_records", noting)
	yield names


def stored(site):
	return set(site.get_all(DOCTYPE, pluck="name"))


def value(site, column, name=KEEPER):
	return site.db.get_value(DOCTYPE, name, column)


def test_what_is_stored_already_is_not_read_again(site, sandbox, read):
	run = site.get_doc("Pax8 Sync Run", sync())
	assert not stored(site) & set(read) and read, "those of companies that are not mapped are read"
	assert run.status == "Completed"
	assert (run.rows_read, run.rows_unchanged, run.rows_vanished) == (len(stored(site)), len(stored(site)), 0)


@pytest.mark.parametrize(
	("wire", "column", "expected"),
	[
		({"quantity": 12}, "quantity", 12),
		({"price": 9.5}, "price", 9.5),
		({"status": "PendingCancel"}, "status", "PendingCancel"),
		({"productName": "Keeper, renamed"}, "product_name", "Keeper, renamed"),
		(
			{"commitmentTerm": {"id": "x", "term": "3-Year", "endDate": "2031-01-31"}},
			"commitment_term",
			"3-Year",
		),
		({"companyId": storybook.MUELLER_UND_SOEHNE}, "pax8_company", storybook.MUELLER_UND_SOEHNE),
	],
)
def test_what_changed_is_read_and_written(site, sandbox, read, wire, column, expected):
	sandbox.change("subscriptions", KEEPER, wire=wire)
	sync()
	assert KEEPER in read and value(site, column) == expected
	read.clear()
	sync()
	assert KEEPER not in read


def test_a_field_that_is_not_read_may_change_as_it_likes(site):
	known, row = recogniser(), {**ROW, "lastLookedAt": "2026-01-31T12:00:00Z"}
	prints = []
	for sent in (row, ROW, {**ROW, "quantity": 2}):
		known.knows(sent)
		prints.append(known.sent("s", "Vendor"))
	assert prints[0] == prints[1] != prints[2]


def test_a_product_that_gets_another_vendor_gives_it_to_its_subscriptions(site, sandbox):
	site.db.set_value("Pax8 Product", value(site, "product"), "vendor", "Somebody Else")
	site.db.commit()
	sync()
	assert value(site, "vendor") == "Somebody Else"


def test_what_was_stored_from_another_source_is_compared_again(site, sandbox, read):
	from msp_licensing.sync import connection, subscriptions

	with connection.client() as pax8:
		now = pax8.subscription(KEEPER)
	subscriptions.store_one(now.model_copy(update={"quantity": 99}))
	site.db.commit()
	sync()
	assert KEEPER in read and value(site, "quantity") == now.quantity


def test_a_subscription_without_a_name_of_its_own_follows_its_product(site, sandbox):
	sandbox.change("subscriptions", KEEPER, absent=["productName"])
	sync()
	site.db.set_value("Pax8 Product", value(site, "product"), "product_name", "Another Name")
	site.db.commit()
	sync()
	assert value(site, "product_name") == "Another Name"


def test_other_code_knows_nothing_reads_all_and_rewrites_nothing_that_shows(site, sandbox, read, monkeypatch):
	from msp_licensing.sync import known

	before = {row.name: row for row in site.get_all(DOCTYPE, fields=["*"])}
	monkeypatch.setattr(known, "_code_that_reads", lambda: b"other code")
	sync()
	assert stored(site) <= set(read)
	for row in site.get_all(DOCTYPE, fields=["*"]):
		assert {**row, "fingerprint": None} == {**before[row.name], "fingerprint": None}
		assert row.fingerprint != before[row.name].fingerprint
		assert row.fingerprint[:32] == before[row.name].fingerprint[:32]
	read.clear()
	sync()
	assert not stored(site) & set(read)


def test_a_print_is_not_written_over_what_somebody_else_stored_meanwhile(site, sandbox):
	from msp_licensing.sync import mirror

	changed, same = KEEPER, next(iter(stored(site) - {KEEPER}))
	new = {name: value(site, "fingerprint", name)[:32] + "f" * 32 for name in (changed, same)}
	site.db.set_value(DOCTYPE, changed, "fingerprint", "0" * 32)
	mirror._write_prints(DOCTYPE, list(new.items()))
	assert (value(site, "fingerprint", changed), value(site, "fingerprint", same)) == ("0" * 32, new[same])


ROW = {"id": "s", "companyId": "c", "productId": "p", "productName": "P", "quantity": 1}


def recogniser(everything_is_known=False):
	from types import SimpleNamespace

	from msp_licensing.sync.known import KnownSubscriptions

	mirror = SimpleNamespace(knows=lambda name, sent: everything_is_known)
	return KnownSubscriptions(mirror, None, {"c"}, {"p": "Vendor"})


def test_a_row_that_comes_twice_and_differs_is_not_known_by_either(site):
	known = recogniser()
	for row in (ROW, {**ROW, "quantity": 2}):
		assert not known.knows(row)
	assert known.sent("s", "Vendor") == b""
	for _ in range(2):
		known.knows(ROW)
	assert len(known.sent("s", "Vendor")) == 16


@pytest.mark.parametrize(
	"change",
	[
		{"id": ["s"]},
		{"companyId": ["c"]},
		{"productId": {}},
		{"companyId": "unmapped"},
		{"productName": "\ud83d"},
		{"productName": ""},
	],
)
def test_a_row_that_is_not_as_it_should_be_is_left_to_the_reader(site, change):
	known = recogniser(everything_is_known=True)
	assert known.knows(ROW) and not known.knows({**ROW, **change})
