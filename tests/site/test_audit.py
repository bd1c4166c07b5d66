"""The audit: what happened to a request, when, and who did it; the same on its timeline, in the report and on paper."""

import os
import shutil
from datetime import date
from io import BytesIO

import pytest

from msp_licensing.frappe_version import MAJOR
from msp_licensing.sandbox import storybook

CHROMIUM = os.environ.get("MSP_LICENSING_CHROMIUM")

KEEPER = storybook.CEDAR_KEEPER
CEDAR = "Cedar & Pine Architects"
DT = "License Change Request"


@pytest.fixture
def ask(site, sandbox, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	def submit(wanted, note=None):
		access = permissions.portal_access(people.requester)
		name = requests.submit(KEEPER, wanted, access=access, note=note).name
		site.db.commit()
		return name

	return submit


@pytest.fixture
def act(site, people, as_user):
	"""act("Approve", name): what a manager does in the desk."""
	from frappe.model.workflow import apply_workflow

	def step(action, name, **values):
		with as_user(people.manager):
			doc = site.get_doc(DT, name)
			if values:
				doc.update(values)
				doc.save()
			apply_workflow(doc, action)
		site.db.commit()

	return step


@pytest.fixture
def applied(ask, act):
	"""A request that waited, was approved by a manager, and is applied."""
	from msp_licensing.changes import apply

	name = ask("40", note="New office <script>alert(1)</script>")
	act("Approve", name)
	apply.run(name)
	return name


def report(site, user, as_user, **filters):
	"""What the desk is told when it asks for the report."""
	from frappe.desk import query_report

	with as_user(user):
		site.local.form_dict.cmd = "frappe.desk.query_report.run"
		return query_report.run("License Changes", filters)


# --------------------------------------------------------------------------------------------- the chain


def test_the_chain_names_everybody_and_ends_with_the_proof(site, people, applied):
	from msp_licensing.desk import chain

	events = chain.chain_of(applied)
	assert [event.on for event in events] == sorted(event.on for event in events)
	told = [(event.what, event.who) for event in events if event.kind in ("asked", "decision", "step")]
	assert told == [
		("Requested", people.requester),
		("Held for approval", None),
		("Approved", people.manager),
		("Applying", None),
		("Applied", None),
	]
	assert events[-1].text == "Pax8 shows 40 licenses"
	sent = [event for event in events if event.kind == "pax8" and event.what == "Sent to Pax8"]
	assert len(sent) == 1
	assert "threshold" in events[1].private and "threshold" not in events[1].text


def test_what_the_rules_released_names_no_approver(site, people, ask):
	from msp_licensing.desk import chain

	told = [(event.what, event.who) for event in chain.chain_of(ask("15"))]
	assert told == [("Requested", people.requester), ("Auto-approved", None)]


def test_a_decision_by_a_plain_save_is_told_like_any_other(site, people, ask, as_user):
	from msp_licensing.desk import chain

	name = ask("40")
	with as_user(people.manager):
		doc = site.get_doc(DT, name)
		doc.update({"workflow_state": "Rejected", "reject_reason": "Not this year"})
		doc.save()  # as REST does
	rejected = chain.chain_of(name)[-1]
	assert (rejected.what, rejected.who, rejected.text) == ("Rejected", people.manager, "Not this year")


def test_the_timeline_tells_it_without_carrying_out_what_clients_write(site, people, applied, as_user):
	from frappe.desk.form.load import get_additional_timeline_content

	with as_user(people.manager):
		text = " ".join(item["content"] for item in get_additional_timeline_content(DT, applied))
	assert "Held for approval" in text and "threshold" in text and "Pax8 shows 40 licenses" in text
	assert "New office" in text and "<script>" not in text


# --------------------------------------------------------------------------------------------- the report


def test_the_report_filters_and_sums_up(site, people, applied, act, ask, as_user):
	act("Reject", ask("100"))
	today = site.utils.nowdate()
	found = report(site, people.manager, as_user, client=CEDAR, from_date=today, to_date=today)
	assert [(row["state"], row["change"]) for row in found["result"]] == [("Rejected", 60), ("Applied", 30)]
	row = found["result"][1]
	assert (row["decided_by"], row["requested_by"]) == (people.manager, people.requester)
	assert row["quantity_after"] == 40 and row["took"] >= 0 and row["waited"] >= 0
	values = {one["label"]: one["value"] for one in found["report_summary"]}
	assert (values["Requests"], values["Applied"], values["Licenses, Net"]) == (2, 1, 30)
	datasets = {one["name"]: one["values"] for one in found["chart"]["data"]["datasets"]}
	assert (datasets["Applied"], datasets["Not Made"]) == ([1], [1])

	for filters, count in (
		({"state": ["Applied", "Failed"]}, 1),
		({"vendor": "Microsoft"}, 0),
		({"product": storybook.KEEPER_BUSINESS}, 2),
		({"client": "Müller & Söhne GmbH"}, 0),
		({"decision": "Auto-Approved"}, 0),
		({"to_date": "2020-01-01"}, 0),
	):
		assert len(report(site, people.manager, as_user, **filters)["result"]) == count, filters


def test_clients_get_no_report(site, people, applied, as_user):
	for user in (people.requester, people.reader):
		with pytest.raises(site.PermissionError):
			report(site, user, as_user)


def test_an_exported_cell_is_no_formula(site, people, applied, as_user):
	"""Frappe writes what it gets into CSV and Excel files; names come from vendors."""
	from frappe.desk import query_report

	site.db.set_value(DT, applied, "product_name", "=HYPERLINK(1)")
	assert report(site, people.manager, as_user)["result"][0]["product_name"] == "=HYPERLINK(1)"
	with as_user(people.manager):
		site.local.form_dict.update(
			cmd="frappe.desk.query_report.export_query",
			report_name="License Changes",
			file_format_type="CSV",
			filters="{}",
			applied_filters="{}",
			visible_idx="[]",
		)
		query_report.export_query()
	cells = site.response["filecontent"].decode()
	assert '"\'=HYPERLINK(1)"' in cells and '"=HYPERLINK' not in cells


@pytest.mark.parametrize(
	("last", "count", "second"),
	[
		(date(2026, 1, 30), 1, None),
		(date(2026, 2, 3), 5, date(2026, 1, 31)),
		(date(2026, 5, 1), 14, date(2026, 2, 2)),
		(date(2027, 1, 1), 13, date(2026, 2, 1)),
	],
)
def test_the_chart_has_as_many_bars_as_can_be_read(site, last, count, second):
	from msp_licensing.msp_licensing.report.license_changes.license_changes import periods

	begins = periods([last, date(2026, 1, 30)])
	assert len(begins) == count and begins[0] <= date(2026, 1, 30) and begins[-1] <= last
	assert second is None or begins[1] == second


# --------------------------------------------------------------------------------------------- on paper


def evidence(site, **changes):
	from msp_licensing.desk import evidence as module
	from msp_licensing.setup import demo

	today = site.utils.nowdate()
	wanted = {
		"client_doctype": demo.site_client_doctype(),
		"client": CEDAR,
		"from_date": today,
		"to_date": today,
	}
	site.local.response = site._dict()
	module.make(**{**wanted, **changes})
	return site.local.response


def test_the_evidence_can_be_handed_to_the_client(site, sandbox, people, applied, as_user, monkeypatch):
	from frappe.deferred_insert import save_to_db

	from msp_licensing.desk import evidence as module
	from msp_licensing.sync import jobs

	monkeypatch.setattr(module, "pdf_maker", lambda: None)
	site.db.set_value(DT, applied, "staff_reason", "They always pay late")
	sandbox.change("subscriptions", KEEPER, quantity=44)
	jobs.run("Subscriptions", trigger="Manual")
	with as_user(people.manager):
		answer = evidence(site)
	page = answer["filecontent"]
	assert answer["type"] == "download" and answer["content_type"].startswith("text/html")
	for words in ("Cedar &amp; Pine Architects", "10 → 40", "Olivia", "Maya", "cannot make PDFs", applied):
		assert words in page, words
	assert "40 → 44" in page, "what was changed elsewhere belongs to the whole truth"
	assert "threshold" not in page and "pay late" not in page and "<script>" not in page
	save_to_db()  # Frappe 16 writes these rows later
	logged = site.get_all("Access Log", fields=["user", "report_name", "file_type"], limit=1)[0]
	assert (logged.user, logged.report_name) == (people.manager, "License Changes")


@pytest.fixture
def no_wkhtmltopdf(monkeypatch):
	from frappe.utils import pdf

	monkeypatch.setattr(pdf, "get_wkhtmltopdf_version", lambda: "0")


@pytest.fixture
def use_chromium(site, monkeypatch):
	"""use_chromium(path): what a bench says in its `common_site_config.json`."""

	def say(path):
		config = {**site.get_common_site_config(), "chromium_path": path}
		monkeypatch.setattr(site, "get_common_site_config", lambda *args, **kwargs: config)

	return say


@pytest.mark.skipif(not shutil.which("wkhtmltopdf"), reason="Install wkhtmltopdf to run this test.")
def test_wkhtmltopdf_makes_the_evidence(site, people, applied, as_user):
	with as_user(people.manager):
		answer = evidence(site)
	assert answer["type"] == "pdf" and answer["filecontent"].startswith(b"%PDF")


@pytest.mark.skipif(
	MAJOR < 16, reason="Frappe 15 makes PDFs with wkhtmltopdf only. Run this with FRAPPE_BRANCH=version-16."
)
@pytest.mark.skipif(not CHROMIUM, reason="No Chromium is set up in this shell. Run this with make test.")
def test_chromium_makes_the_evidence_without_wkhtmltopdf(
	site, people, applied, as_user, no_wkhtmltopdf, use_chromium
):
	from pypdf import PdfReader

	use_chromium(CHROMIUM)
	with as_user(people.manager):
		answer = evidence(site)
	assert answer["type"] == "pdf"
	text = PdfReader(BytesIO(answer["filecontent"])).pages[0].extract_text()
	assert CEDAR in text and applied in text


def test_without_a_program_for_pdfs_the_page_can_be_printed_in_the_browser(
	site, people, applied, as_user, no_wkhtmltopdf, use_chromium
):
	use_chromium("")
	with as_user(people.manager):
		answer = evidence(site)
	assert answer["type"] == "download" and "wkhtmltopdf" in answer["filecontent"]
	assert (
		"cannot make PDFs" in answer["filecontent"] and CEDAR.replace("&", "&amp;") in answer["filecontent"]
	)


@pytest.mark.skipif(
	MAJOR < 16, reason="Frappe 15 makes PDFs with wkhtmltopdf only. Run this with FRAPPE_BRANCH=version-16."
)
def test_a_chromium_that_does_not_start_still_gives_the_page(
	site, people, applied, as_user, no_wkhtmltopdf, use_chromium, monkeypatch
):
	from frappe.utils.pdf_generator.chrome_pdf_generator import ChromePDFGenerator

	monkeypatch.setattr(ChromePDFGenerator, "_instance", None)
	use_chromium("/bin/false")
	with as_user(people.manager):
		answer = evidence(site)
	assert answer["type"] == "download" and "Error Log says why" in answer["filecontent"]


def test_evidence_is_for_staff_and_for_a_client_that_exists(site, people, applied, as_user, monkeypatch):
	from msp_licensing.desk import evidence as module

	monkeypatch.setattr(module, "pdf_maker", lambda: None)  # the page itself can be read
	with as_user(people.requester), pytest.raises(site.PermissionError):
		evidence(site)
	with as_user(people.manager):
		with pytest.raises(site.DoesNotExistError):
			evidence(site, client="Nobody")
		with pytest.raises(site.DoesNotExistError):
			evidence(site, client_doctype="User", client=people.requester)
		with pytest.raises(site.ValidationError, match="ends before"):
			evidence(site, from_date="2026-02-01", to_date="2026-01-01")
		assert applied not in evidence(site, from_date="2020-01-01", to_date="2020-01-02")["filecontent"]


# --------------------------------------------------------------------------------------------- events, not guesses


def test_approved_in_german_and_printed_in_english(site, people, ask, as_user, monkeypatch):
	"""Each step is told once, in the language of the reader; two in the same second stay in their order."""
	from frappe.model.workflow import apply_workflow

	from msp_licensing.changes import apply
	from msp_licensing.desk import chain
	from msp_licensing.desk import evidence as module

	monkeypatch.setattr(module, "pdf_maker", lambda: None)
	name = ask("40")
	site.db.set_value("User", people.manager, "language", "de")
	with as_user(people.manager):
		site.local.lang = "de"
		apply_workflow(site.get_doc(DT, name), "Approve")
		site.db.commit()
	apply.run(name)
	site.local.lang = "en"
	whats = [event.what for event in chain.chain_of(name) if event.kind not in ("pax8",)]
	assert whats == ["Requested", "Held for approval", "Approved", "Applying", "Applied"]
	with as_user(people.manager):
		page = evidence(site)["filecontent"]
	for word in ("Approved", "Applying", "Requested"):
		assert page.count(f"<td>{word}</td>") == 1, word
	assert "Genehmigt" not in page
	site.local.lang = "de"
	assert len(chain.chain_of(name)) == len(set(chain.chain_of(name)))
	site.local.lang = "en"


def test_what_a_manager_types_is_no_step(site, people, ask, as_user, monkeypatch):
	from frappe.desk.form.load import get_additional_timeline_content

	from msp_licensing.desk import chain
	from msp_licensing.desk import evidence as module

	monkeypatch.setattr(module, "pdf_maker", lambda: None)
	name = ask("40")
	before = chain.chain_of(name)
	with as_user(people.manager):
		site.get_doc(DT, name).add_comment("Workflow", "Approved")
		site.get_doc(DT, name).add_comment("Comment", "Approved")
		site.db.commit()
		assert chain.chain_of(name) == before
		assert "Approved" not in evidence(site)["filecontent"]
		items = get_additional_timeline_content(DT, name)
		assert not any("Approved" in item["content"] for item in items)
		row = report(site, people.manager, as_user)["result"][0]
		assert not row["decided_by"] and not row["decided_on"]


def test_the_chain_costs_two_queries_however_many_requests(site, people, applied, ask):
	from msp_licensing.desk import chain

	other = ask("50")
	chain.chains([applied])  # what Frappe knows of the tables is read once
	counts = []
	for names in ([applied], [applied, other]):
		seen = []
		usual = site.db.sql
		site.db.sql = lambda *args, usual=usual, seen=seen, **options: (
			seen.append(args),
			usual(*args, **options),
		)[1]
		try:
			chain.chains(names)
		finally:
			site.db.sql = usual
		counts.append(len(seen))
	assert counts == [2, 2]


def test_clients_read_their_history_without_reasons_and_numbers_of_staff(site, people, applied, as_user):
	from msp_licensing.portal import queries

	with as_user(people.requester):
		page = queries.page_for_session()
	history = page["requests"][0]["history"]
	assert [event["what"] for event in history] == [
		"Requested",
		"Waits for your provider",
		"Approved",
		"Being applied",
		"Applied",
	]
	assert history[0]["who"] == "you" and not history[2]["who"]
	assert "threshold" not in str(history) and people.manager not in str(page)


# --------------------------------------------------------------------------------------------- older requests


def test_requests_of_older_versions_get_their_events_once(site, people, applied, ask, act):
	from msp_licensing.changes.audit import events
	from msp_licensing.desk import chain
	from msp_licensing.patches import reconstruct_events

	rejected, waiting, auto = ask("100"), None, None
	act("Reject", rejected)
	names = [applied, rejected]
	before = {
		name: [(row.event, row.from_state, row.to_state) for row in rows]
		for name, rows in events.of(names).items()
	}
	written = events.of(names)
	for name in names:
		for row in written[name]:
			if (
				row.to_state and row.from_state and row.event not in ("approved", "rejected")
			):  # Frappe has these
				comment = site.get_doc(DT, name).add_comment("Workflow", row.to_state)
				comment.db_set("creation", row.happened_at, update_modified=False)
	site.get_doc(DT, rejected).add_comment("Workflow", "Approved")  # typed, and never so
	site.db.sql("delete from `tabLicense Change Event`")
	site.db.sql(f"update `tab{DT}` set event_count = 0")
	site.db.commit()
	for _again in range(2):
		reconstruct_events.execute()
	after = events.of(names)
	answers = {"accepted"}  # older versions kept the answer with the write
	for name in names:
		assert [(row.event, row.from_state, row.to_state) for row in after[name]] == [
			one for one in before[name] if one[0] not in answers
		]
		assert all(row.reconstructed for row in after[name])
	assert chain.chain_of(rejected)[-1].who == people.manager
	assert chain.chain_of(applied)[-1].text == "Pax8 shows 40 licenses"
	assert not waiting and not auto
