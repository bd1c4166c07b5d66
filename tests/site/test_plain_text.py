"""What people outside write is stored as typed, and shown as typed: on forms, in prints, mails, files and searches."""

import html
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from msp_licensing.sandbox import storybook

sys.path.insert(0, str(Path(__file__).parents[1]))
from texts import LONG, NASTY, ONE_LINE

DT = "License Change Request"
KEEPER = storybook.CEDAR_KEEPER
CEDAR = "Cedar & Pine Architects"


@pytest.fixture
def ask(site, people):
	def submit(note=None, wanted=40):
		from msp_licensing import permissions
		from msp_licensing.changes import requests

		access = permissions.portal_access(people.requester)
		doc = requests.submit(KEEPER, wanted, note=note, access=access)
		site.db.commit()
		return doc

	return submit


def plant(site, doctype, name, **values):
	"""By the way past everything of Frappe's."""
	site.db.set_value(doctype, name, values, update_modified=False)
	site.clear_document_cache(doctype, name)
	return site.get_doc(doctype, name)


def as_shown(text):
	"""How it stands in HTML: escaped once, line by line."""
	from frappe.utils import escape_html

	return "<br>".join(map(escape_html, text.splitlines()))


# --------------------------------------------------------------------------------------------- stored as typed


def test_a_clients_note_is_stored_as_typed_and_the_request_can_be_decided(site, people, ask, as_user):
	from msp_licensing.desk import requests

	for text in (*NASTY.values(), LONG[:900]):
		name = ask(note=text).name
		assert site.db.get_value(DT, name, "note") == text.strip()
		# Frappe's sanitizer does not leave its own output alone: each save counted as a change of a locked field.
		with as_user(people.manager):
			assert requests.reject(name, text)["state"] == "Rejected"
		assert site.db.get_value(DT, name, ["note", "reject_reason"]) == (text.strip(), text.strip())


def test_what_staff_type_is_stored_as_typed_by_form_rest_and_import(site, sandbox):
	from frappe.client import insert, set_value

	for text in ONE_LINE.values():
		site.db.delete("MSP Client", {"name": "Plain"})
		stored_as_typed(site, insert, set_value, text)


def stored_as_typed(site, insert, set_value, text):
	insert({"doctype": "MSP Client", "client_name": "Plain", "notes": text})
	assert site.db.get_value("MSP Client", "Plain", "notes") == text
	set_value("MSP Client", "Plain", "notes", f"{text}!")
	doc = site.get_doc("MSP Client", "Plain")
	assert doc.notes == f"{text}!"
	doc.save()
	doc.reload()
	doc.save()
	assert site.db.get_value("MSP Client", "Plain", "notes") == f"{text}!"


@pytest.mark.parametrize(
	"title", [NASTY["company"], f"Acme {NASTY['image']}", "Smith & <Sons>", NASTY["entities"]]
)
def test_a_name_of_pax8_is_stored_as_it_is_and_makes_a_client_of_that_name(site, empty_sandbox, title):
	from msp_licensing.desk import mapping
	from msp_licensing.setup import demo
	from msp_licensing.sync import jobs

	company = storybook.BLUE_HARBOR_DENTAL
	empty_sandbox.change("companies", company, name=title)
	assert jobs.run("Companies", trigger="Manual")
	assert site.db.get_value("Pax8 Company", company, "company_name") == title
	client = mapping.create_client(company, title)
	# Frappe takes no `<` and `>` in the name of a record.
	assert client == title.replace("<", "‹").replace(">", "›")
	doc = site.get_doc(demo.site_client_doctype(), client)
	# A Customer of ERPNext is named by its customer name.
	shown = title if doc.doctype == "MSP Client" else client
	assert doc.get_title() == shown
	doc.save()
	assert (doc.name, doc.get_title()) == (client, shown)


def test_names_that_an_earlier_sync_stored_as_html_become_plain_once(site, sandbox):
	from msp_licensing.patches import unescape_names

	company = storybook.BLUE_HARBOR_DENTAL
	escaped, title = "Smith &amp; &lt;Sons&gt;", "Smith & <Sons>"
	site.get_doc({"doctype": "MSP Client", "client_name": escaped}).insert()
	plant(
		site,
		"Pax8 Company",
		company,
		company_name=escaped,
		city="R&amp;D",
		client_doctype="MSP Client",
		client=escaped,
	)
	site.get_doc({"doctype": "MSP Client", "client_name": "Other"}).insert()
	plant(site, "MSP Client", "Other", notes="&lt;typed&gt; by hand")
	for _twice in range(2):
		unescape_names.execute()
		row = site.db.get_value(
			"Pax8 Company", company, ["company_name", "city", "client", "fingerprint"], as_dict=True
		)
		assert (row.company_name, row.client, row.fingerprint) == (title, "Smith & ‹Sons›", None)
		assert row.city == "R&amp;D", "the sanitizer would not have made this"
		assert site.db.get_value("MSP Client", "Smith & ‹Sons›", "client_name") == title
		assert site.db.get_value("MSP Client", "Other", "notes") == "&lt;typed&gt; by hand"


# --------------------------------------------------------------------------------------------- shown as typed


def test_prints_show_every_text_as_typed(site, ask):
	name = ask().name
	for text in NASTY.values():
		printed_as_typed(site, name, text)


def printed_as_typed(site, name, text):
	texts = {field: f"{text} {field}" for field in ("note", "staff_reason", "pax8_message", "product_name")}
	plant(site, DT, name, **{k: v[:140] if k == "product_name" else v for k, v in texts.items()})
	doc = site.get_doc(DT, name)
	page = site.get_print(DT, doc.name)
	for field in texts:
		if not doc.meta.get_field(field).print_hide:
			assert as_shown(doc.get(field)) in page, field
		assert doc.get_formatted(field) == as_shown(doc.get(field))
	body = page.split("</title>", 1)[1]
	assert "<" not in text or text not in body


def test_prints_show_names_in_kept_facts_as_typed(site, ask):
	text = '[{"vendor": "<img src=x onerror=window.hit=1>"}]'
	name = plant(site, DT, ask().name, decision_trace=text, decision_facts=text).name
	page = site.get_print(DT, name)
	assert "<img src=x" not in page and as_shown(text) in page


def test_a_link_is_printed_with_its_title_as_typed(site, sandbox):
	title = NASTY["image"]
	product = site.db.get_value("Pax8 Subscription", KEEPER, "product")
	plant(site, "Pax8 Product", product, product_name=title)
	page = site.get_print("Pax8 Subscription", KEEPER)
	assert title not in page and as_shown(title) in page


def test_mails_and_bells_show_a_note_as_typed(site, people, ask):
	for text in NASTY.values():
		doc = ask(note=text)
		told_as_typed(site, people, text)
		plant(site, DT, doc.name, open_subscription=None, workflow_state="Withdrawn")


def told_as_typed(site, people, text):
	from notice_helpers import bells, mails

	mail = mails(site, people.manager)[-1]
	shown = html.unescape(mail.split("Note from the requester: ")[1].split("</p>")[0].replace("<br>", "\n"))
	assert shown.split() == text.split()
	assert not any(text in bell for bell in bells(site, people.manager) if "<" in text)


def test_what_frappe_itself_writes_into_the_bell_has_the_title_as_typed(site, people, ask):
	from frappe.desk.doctype.notification_log.notification_log import (
		get_title,
		get_title_html,
		make_notification_logs,
	)

	title = NASTY["image"]
	doc = plant(site, DT, ask().name, product_name=title)
	# As assign_to, share and comments do it.
	subject = f"You were assigned {get_title_html(get_title(DT, doc.name))}"
	values = {"type": "Assignment", "document_type": DT, "document_name": doc.name, "subject": subject}
	make_notification_logs(site._dict(values, from_user=people.manager), [people.system_manager])
	subject = site.get_all(
		"Notification Log", {"for_user": people.system_manager}, pluck="subject", order_by="creation desc"
	)[0]
	shown = re.search('<b class="subject-title">(.*)</b>', subject)[1]
	assert html.unescape(shown) == title and "<" not in shown


def test_evidence_shows_notes_and_names_as_typed(site, ask, monkeypatch):
	from msp_licensing.desk import evidence
	from msp_licensing.setup import demo

	pages = []
	monkeypatch.setattr(evidence, "pdf_maker", lambda: lambda page: pages.append(page) or b"")
	text = NASTY["image"]
	plant(site, DT, ask(note=text).name, product_name=text)
	evidence.make(demo.site_client_doctype(), CEDAR, "2000-01-01", "2100-01-01")
	page = pages[0]
	assert text not in page and html.unescape(page).count(text) >= 2


# --------------------------------------------------------------------------------------------- found


def method(site, path, **arguments):
	"""As a request calls it: by the name of Frappe's function, with what hooks.py put in its place."""
	from frappe.handler import execute_cmd

	site.local.request = SimpleNamespace(method="POST", path="/api/method/" + path, headers={})
	site.local.form_dict = site._dict({**arguments, "cmd": path})
	site.local.response = site._dict()
	try:
		return execute_cmd(path)
	finally:
		del site.local.request


def test_searches_hand_over_texts_that_may_be_shown_as_markup(site, sandbox):
	title, name = NASTY["image"], storybook.BLUE_HARBOR_DENTAL
	plant(site, "Pax8 Company", name, company_name=title, city=NASTY["svg"])
	site.get_doc("Pax8 Company", name).db_set("company_name", title)
	row = method(site, "frappe.desk.search.search_link", doctype="Pax8 Company", txt=name)[0]
	assert (row["value"], row["label"]) == (name, title)
	assert row["html"] == f"<strong>{as_shown(title)}</strong>"
	assert as_shown(NASTY["svg"]) in row["description"] and "<" not in row["description"]
	rows = method(site, "frappe.desk.search.search_widget", doctype="Pax8 Company", txt=name)
	assert as_shown(title) in rows[0] and title not in rows[0]
	rows = method(site, "frappe.desk.search.search_widget", doctype="Pax8 Company", txt=name, as_dict=1)
	assert as_shown(title) in rows[0].values() and rows[0]["name"] == name
	# Others are handed over as Frappe does.
	user = method(site, "frappe.desk.search.search_link", doctype="Role", txt="System Manager")[0]
	assert user["value"] == "System Manager" and "html" not in user


def test_the_search_of_the_site_hands_over_texts_that_may_be_shown_as_markup(site, sandbox, monkeypatch):
	from frappe.utils import global_search

	rows = [
		{"doctype": "Pax8 Company", "name": "x", "content": "Name : <b>A</b> & B ||| City : <i>"},
		{"doctype": "ToDo", "name": "y", "content": "Description : <b>"},
	]
	monkeypatch.setattr(
		global_search, "search", lambda text, start=0, limit=20, doctype="": map_rows(site, rows)
	)
	found = method(site, "frappe.utils.global_search.search", text="A")
	assert found[0]["content"] == "Name : &lt;b&gt;A&lt;/b&gt; &amp; B ||| City : &lt;i&gt;"
	assert found[1]["content"] == "Description : <b>"


def map_rows(site, rows):
	return [site._dict(row) for row in rows]


# --------------------------------------------------------------------------------------------- files

FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "＝1+1", "<b>=1+1</b>", " =1+1")


def table_of(site, file_type):
	"""The cells of the file that a request was answered with."""
	import csv
	from io import BytesIO, StringIO

	content = site.local.response.filecontent
	if file_type == "CSV":
		return list(csv.reader(StringIO(content.decode(), newline="")))
	from openpyxl import load_workbook

	sheet = load_workbook(BytesIO(content)).active
	assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row), "a formula"
	return [["" if v is None else str(v) for v in row] for row in sheet.iter_rows(values_only=True)]


EXPORTS = {
	"list": (
		"frappe.desk.reportview.export_query",
		{"doctype": DT, "fields": '["name", "note", "quantity_change"]', "title": DT},
		"file_format_type",
	),
	"template": (
		"frappe.core.doctype.data_import.data_import.download_template",
		{
			"doctype": DT,
			"export_fields": json.dumps({DT: ["name", "note", "quantity_change"]}),
			"export_records": "all",
		},
		"file_type",
	),
	"data export": (
		"frappe.core.doctype.data_export.exporter.export_data",
		{
			"doctype": DT,
			"with_data": "1",
			"template": "true",
			"select_columns": json.dumps({DT: ["name", "note", "quantity_change"]}),
			"export_without_column_meta": "true",
		},
		"file_type",
	),
}


@pytest.mark.parametrize("file_type", ["CSV", "Excel"])
@pytest.mark.parametrize("export", EXPORTS)
def test_files_of_frappe_hold_no_formula_and_texts_as_typed(site, ask, export, file_type):
	path, arguments, key = EXPORTS[export]
	name = ask(wanted=4).name
	for text in (*FORMULAS, *ONE_LINE.values()):
		plant(site, DT, name, note=text)
		method(site, path, **arguments, **{key: file_type})
		cells = [cell for row in table_of(site, file_type) for cell in row]
		expected = f"'{text}" if text in FORMULAS else text
		assert (
			expected in cells
			or expected.replace("\r", "\n") in cells
			or expected.replace("\r", "_x000D_") in cells
		), (text, cells[-6:])
		assert "-6" in cells, "numbers are numbers"


@pytest.mark.parametrize("file_type", ["CSV", "Excel"])
def test_files_of_reports_hold_no_formula_and_texts_as_typed(site, ask, file_type):
	name = ask().name
	site.get_doc(
		{
			"doctype": "Report",
			"report_name": "Notes of Clients",
			"ref_doctype": DT,
			"report_type": "Query Report",
			"is_standard": "No",
			"module": "MSP Licensing",
			"roles": [{"role": "System Manager"}],
			"query": f"select name as 'Name:Data:200', note as 'Note:Data:200' from `tab{DT}`",
		}
	).insert()
	for text in (*FORMULAS[:4], *ONE_LINE.values()):
		plant(site, DT, name, note=text)
		method(
			site,
			"frappe.desk.query_report.export_query",
			report_name="Notes of Clients",
			file_format_type=file_type,
			visible_idx="[]",
			filters="{}",
		)
		cells = [cell for row in table_of(site, file_type) for cell in row]
		assert (f"'{text}" if text in FORMULAS else text) in cells


@pytest.mark.parametrize("file_type", ["CSV", "Excel"])
def test_a_list_of_clients_holds_no_formula(site, sandbox, file_type):
	site.get_doc({"doctype": "MSP Client", "client_name": '=HYPERLINK("x")', "phone": "+1 555 0100"}).insert()
	method(
		site,
		"frappe.desk.reportview.export_query",
		doctype="MSP Client",
		fields='["name", "client_name", "phone"]',
		file_format_type=file_type,
	)
	cells = [cell for row in table_of(site, file_type) for cell in row]
	assert cells.count('\'=HYPERLINK("x")') == 2 and "'+1 555 0100" in cells


def test_files_of_other_doctypes_are_frappes_own(site, sandbox):
	site.get_doc({"doctype": "ToDo", "description": "=1+1"}).insert()
	method(
		site,
		"frappe.desk.reportview.export_query",
		doctype="ToDo",
		fields='["name", "description"]',
		file_format_type="CSV",
	)
	assert "=1+1" in [cell for row in table_of(site, "CSV") for cell in row]


def test_nobody_exports_without_the_right(site, people, as_user):
	for user in (people.requester, people.approver):
		with as_user(user):
			for path, arguments, key in EXPORTS.values():
				with pytest.raises((site.PermissionError, site.DoesNotExistError)):
					method(site, path, **arguments, **{key: "CSV"})
