"""Frappe's files of lists, reports and import templates, for the records of this app: texts as typed, and no formulas.

Frappe writes a note that begins with `=` into a file as it is, where a spreadsheet carries it out, and takes what
looks like markup out of others. For DocTypes of other apps Frappe's own functions do the work.
"""

import csv
from io import StringIO
from typing import Any

import frappe
from frappe import _

from msp_licensing.desk.spreadsheets import plain
from msp_licensing.plain_text import is_own

# Frappe's writer of Excel files takes the cells of a sheet of this name as they are.
_AS_IT_IS = "Data Export"


@frappe.whitelist()
def export_list() -> None:
	"""`frappe.desk.reportview.export_query`: lists and reports of the report builder."""
	from frappe.desk import reportview
	from frappe.desk.utils import pop_csv_params
	from frappe.model.db_query import DatabaseQuery

	if not is_own(frappe.form_dict.get("doctype")):
		return reportview.export_query()
	asked = reportview.get_form_params()
	asked.update(limit_page_length=None, as_list=True)
	csv_params = pop_csv_params(asked)
	doctype, file_type = asked.pop("doctype"), asked.pop("file_format_type")
	title = asked.pop("title", None) or doctype
	totals = asked.pop("add_totals_row", None) == "1"
	translated = asked.pop("translate_values", None) == "1"
	asked.pop("export_in_background", None)
	frappe.permissions.can_export(doctype, raise_exception=True)
	if selection := asked.pop("selected_items", None):
		asked["filters"] = {"name": ("in", frappe.parse_json(selection))}
	_log(doctype, file_type, report_name=asked.report_name, filters=asked.filters)

	query = DatabaseQuery(doctype)
	rows = query.execute(**asked)
	if totals:
		rows = reportview.append_totals_row(rows)
	fields = reportview.get_field_info(query.fields, doctype)
	translate = [translated and field["translatable"] for field in fields]
	table = [[_("Sr"), *(field["label"] for field in fields)]]
	for number, row in enumerate(rows, 1):
		pairs = zip(row, translate, strict=False)
		cells = (_(value) if isinstance(value, str) and wanted else value for value, wanted in pairs)
		table.append([number, *cells])
	table = reportview.handle_duration_fieldtype_values(doctype, table, query.fields)
	send(table, title, file_type, csv_params)
	return None


@frappe.whitelist()
def export_report() -> None:
	"""`frappe.desk.query_report.export_query`: reports, also a site's own, on records of this app."""
	from frappe.desk import query_report
	from frappe.desk.utils import pop_csv_params

	asked = frappe._dict(frappe.form_dict)
	doctype = frappe.get_cached_value("Report", asked.report_name, "ref_doctype")
	if not is_own(doctype):
		return query_report.export_query()
	csv_params = pop_csv_params(asked)
	query_report.clean_params(asked)
	query_report.parse_json(asked)
	frappe.permissions.can_export(doctype, raise_exception=True)
	data = frappe._dict(
		query_report.run(
			asked.report_name,
			asked.filters,
			custom_columns=frappe.parse_json(asked.custom_columns or "[]"),
			are_default_filters=False,
		)
	)
	data.filters = asked.applied_filters or {}
	if not data.columns:
		frappe.respond_as_web_page(
			_("No data to export"), _("You can try changing the filters of your report.")
		)
		return None
	# Frappe 16 has it by another name, and returns the row of the headings as a third value.
	format_values = getattr(query_report, "format_fields", None) or query_report.format_duration_fields
	format_values(data)
	table, *_layout = query_report.build_xlsx_data(
		data,
		frappe.parse_json(asked.visible_idx or "[]"),
		asked.include_indentation,
		include_filters=asked.include_filters,
	)
	send(table, asked.report_name, asked.file_format_type, csv_params)
	return None


@frappe.whitelist()
def download_template(
	doctype: str,
	export_fields: Any = None,
	export_records: str | None = None,
	export_filters: Any = None,
	file_type: str = "CSV",
) -> None:
	"""`frappe.core.doctype.data_import.data_import.download_template`: a file to import, with records or without."""
	from frappe.core.doctype.data_import import data_import
	from frappe.core.doctype.data_import.exporter import Exporter

	if not is_own(doctype):
		return data_import.download_template(
			doctype, export_fields, export_records, export_filters, file_type
		)
	exporter = Exporter(
		doctype,
		export_fields=frappe.parse_json(export_fields),
		export_data=export_records != "blank_template",
		export_filters=frappe.parse_json(export_filters),
		file_type=file_type,
		export_page_length=5 if export_records == "5_records" else None,
	)
	send(exporter.get_csv_array_for_export(), doctype, file_type)
	return None


@frappe.whitelist()
def export_data(doctype: Any = None, file_type: str = "CSV", **kwargs: Any) -> None:
	"""`frappe.core.doctype.data_export.exporter.export_data`: the page Data Export."""
	from frappe.core.doctype.data_export import exporter

	parsed = frappe.parse_json(doctype) if isinstance(doctype, str) and doctype.startswith("[") else doctype
	first = parsed[0] if isinstance(parsed, list) and parsed else parsed
	if not is_own(first):
		return frappe.call(exporter.export_data, doctype=doctype, file_type=file_type, **kwargs)
	frappe.call(exporter.export_data, doctype=doctype, file_type="CSV", **kwargs)
	# Quoted cells are texts, the others numbers.
	table = list(csv.reader(StringIO(frappe.response.pop("result"))))
	send(table, first, file_type)
	return None


def _log(doctype: str, file_type: str, **kwargs: Any) -> None:
	from frappe.core.doctype.access_log.access_log import make_access_log

	make_access_log(doctype=doctype, file_type=file_type, **kwargs)


def send(table: list[Any], title: str, file_type: str, csv_params: dict[str, Any] | None = None) -> None:
	"""Answers the request with a file. Numbers stay numbers; texts are harmless to spreadsheets."""
	from frappe.desk.utils import get_csv_bytes, provide_binary_file
	from frappe.utils.xlsxutils import make_xlsx

	cells = [[_cell(value) for value in row] for row in table]
	if file_type == "Excel":
		return provide_binary_file(title, "xlsx", make_xlsx(cells, _AS_IT_IS).getvalue())
	params = csv_params or {"delimiter": ",", "quoting": csv.QUOTE_NONNUMERIC}
	return provide_binary_file(title, "csv", get_csv_bytes(cells, params))


def _cell(value: Any) -> Any:
	return plain(value) if isinstance(value, str) and not _is_number(value) else value


def _is_number(text: str) -> bool:
	try:
		float(text)
	except ValueError:
		return False
	return text.strip() == text
