"""Writes what differs between rows read from Pax8 and rows stored, and nothing else.

`doc.save()` costs milliseconds a row, a multi-row upsert hundredths of one. Each row carries a fingerprint of what
Pax8 said; the stored ones are read once, as a map. Columns that staff own are never part of an update.
"""

import json
from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime, tzinfo
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.utils import get_system_timezone
from pydantic_core import PydanticSerializationError, to_json
from pymysql.converters import escape_string

from msp_licensing import clock, transactions
from msp_licensing.pax8 import BadAnswer, Pax8Error

BATCH = 500
PIECE = 5000
PRINT = 16
TRIES = 3

# A longer text is no description, and a longer one no name or word, but a fault.
LONGEST_TEXT = 10_000
LONGEST_NAME = 500

# Columns this short hold codes, such as currencies.
LONGEST_CODE = 10

Row = dict[str, Any]


def fingerprint(values: Row) -> str:
	"""A short text that differs when the values of a row do. Rows of a kind have their columns in the same order.

	What is stored may go on with a print of what Pax8 sent (`Mirror.knows`). Whoever stores a row otherwise stores its
	fingerprint alone, and the row is read the next time it comes.
	"""
	return _print(values).hex()


def _print(values: Row) -> bytes:
	content = [*values.values()]
	try:
		text = to_json(content)
	except PydanticSerializationError:
		# Halves of surrogate pairs, which JSON may hold and UTF-8 does not.
		text = repr(content).encode("utf-8", "surrogatepass")
	return blake2b(text, digest_size=PRINT).digest()


def upsert(doctype: str, rows: Iterable[tuple[str, Row]], *, insert_only: Collection[str] = ()) -> None:
	"""Inserts or updates rows of `doctype` in multi-row statements; the caller commits.

	Args:
		rows: (name, values); all with the same columns in the same order, values as their columns take them.
		insert_only: columns written to new rows only, left alone in existing ones.
	"""
	rows = list(rows)
	if not rows:
		return
	columns = list(rows[0][1])
	# Column names come from this app's code.
	names = ", ".join(
		f"`{column}`" for column in ["name", "creation", "modified", "owner", "modified_by", *columns]
	)
	updates = ", ".join(
		f"`{column}` = values(`{column}`)"
		for column in [*columns, "modified", "modified_by"]
		if column not in insert_only
	)
	now, user = _literal(clock.site_now()), _literal(frappe.session.user)
	standard = f"{now}, {now}, {user}, {user}"
	for start in range(0, len(rows), BATCH):
		groups = ", ".join(
			f"({_literal(name)}, {standard}, {', '.join([_LITERALS[type(value)](value) for value in row.values()])})"
			for name, row in rows[start : start + BATCH]
		)
		_execute(f"insert into `tab{doctype}` ({names}) values %s on duplicate key update {updates}", groups)


def _execute(statement: str, *written: str) -> None:
	frappe.db._conn.encoders[_Written] = _Written.text
	frappe.db.sql(statement, tuple(map(_Written, written)))


class _Written:
	"""Values as SQL, handed to the driver as one parameter.

	So they stay out of the text that Frappe searches and rewrites ("ifnull(") before each statement: in a batch of
	300 KB that takes as long as everything else here, and would change what is in the texts.
	"""

	__slots__ = ("_text",)

	def __init__(self, text: str) -> None:
		self._text = text

	def text(self, _mapping: Any = None) -> str:
		return self._text


# Values of a batch are written into the statement here: the driver's own way, a chain of calls for each of 15,000
# values, takes as long as the database needs for all the rest.
_LITERALS: dict[type, Callable[[Any], str]] = {
	str: lambda value: f"'{escape_string(value)}'",
	int: str,
	bool: lambda value: str(int(value)),
	float: repr,
	Decimal: lambda value: f"{value:f}",
	datetime: lambda value: f"'{value.isoformat(sep=' ')}'",
	date: lambda value: f"'{value.isoformat()}'",
	type(None): lambda value: "null",
}


def _literal(value: Any) -> str:
	return _LITERALS[type(value)](value)


class Mirror:
	"""One walk over the rows of a DocType: counts what it sees, writes in batches, knows what it did not see.

	Each row may be added once; the walks of the client see to that. `with` writes the last batch.

	Args:
		run: counts (rows_read, rows_new, rows_changed, rows_unchanged), takes rows that cannot be stored
			(`refuse_row`), and is asked before each commit whether it may still write (`confirm`).
		write: writes a batch of (name, values) within the transaction; `upsert` by default.
		choices: columns that a new row starts with and staff own from then on.
	"""

	def __init__(
		self,
		doctype: str,
		run: Any,
		*,
		write: Callable[[list[tuple[str, Row]]], None] | None = None,
		choices: Collection[str] = (),
	) -> None:
		self.doctype = doctype
		self.run = run
		self.seen = 0
		self._insert_only = frozenset({"pax8_id", *choices})
		self._write = write or self._upsert
		self._fit = fitting(doctype)
		self._unseen = stored_fingerprints(doctype)
		self.expected = len(self._unseen)
		self._waiting: list[tuple[str, Row]] = []
		self._reprinted: list[tuple[str, str]] = []

	def __enter__(self) -> "Mirror":
		return self

	def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
		"""Writes what is waiting, also where the walk ended early: what was read of it is right."""
		if error is None or isinstance(error, Pax8Error):
			self.flush()

	def __contains__(self, name: str) -> bool:
		"""Whether a row is stored that has not been seen yet."""
		return name in self._unseen

	def add(
		self, name: str, values: Row, choices: Callable[[], Row] | None = None, *, sent: bytes = b""
	) -> bool:
		"""Takes one row; returns whether it is new or changed.

		Args:
			values: the mirrored columns.
			choices: makes the values of the columns that staff own; they are written where the row is new.
			sent: print of what Pax8 sent, by which the row can be known before it is read.
		"""
		run = self.run
		self.seen += 1
		run.rows_read += 1
		known = self._unseen.pop(name, None)
		print_of_row = _print(values)
		if known is not None and known[:PRINT] == print_of_row:
			run.rows_unchanged += 1
			if sent and known[PRINT:] != sent:
				self._reprinted.append((name, (print_of_row + sent).hex()))
				if len(self._reprinted) >= BATCH:
					self.flush()
			return False
		try:
			row = self._fit({"pax8_id": name, **values, **(choices() if choices else {})})
		except ValueError as error:
			run.refuse_row(name, error)
			return False
		if known is None:
			run.rows_new += 1
		else:
			run.rows_changed += 1
		row["fingerprint"] = (print_of_row + sent).hex()
		self._waiting.append((name, row))
		if len(self._waiting) >= BATCH:
			self.flush()
		return True

	def knows(self, name: str, sent: bytes) -> bool:
		"""Whether a row is stored, not seen yet, and was made of just what Pax8 sends now. For any thread."""
		known = self._unseen.get(name)
		return known is not None and known[PRINT:] == sent

	def pass_over(self, names: Collection[str]) -> None:
		"""Counts rows of which `knows` was true."""
		for name in names:
			self._unseen.pop(name, None)
		self.seen += len(names)
		self.run.rows_read += len(names)
		self.run.rows_unchanged += len(names)

	def leave(self, name: str) -> None:
		"""Counts a row as seen without taking anything of it."""
		self.seen += 1
		self._unseen.pop(name, None)

	def refuse(self, error: BadAnswer) -> None:
		"""Counts a row that came and cannot be read; what is stored of it stays as it is."""
		if error.record_id:
			self.leave(error.record_id)
		self.run.refuse_row(error.record_id, error)

	def flush(self) -> None:
		"""Writes what is waiting, in one transaction. A deadlock with somebody else's is tried again."""
		rows, self._waiting = self._waiting, []
		prints, self._reprinted = self._reprinted, []
		if not rows and not prints:
			return

		def write() -> None:
			self.run.confirm()
			if rows:
				self._write(rows)
			if prints:
				_write_prints(self.doctype, prints)
			frappe.db.commit()  # nosemgrep: frappe-manual-commit - batch by batch, so that a killed run keeps what it has

		transactions.repeat(write, tries=TRIES, when=transactions.is_busy)

	def missing(self) -> set[str]:
		"""Names stored and not seen; means something only after a complete walk."""
		return set(self._unseen)

	def mark(self, name: str, values: Row) -> None:
		"""Has `values` written to a stored row, and the row looked at afresh when Pax8 shows it again."""
		self._unseen.pop(name, None)
		self._waiting.append((name, {**values, "fingerprint": None}))

	def _upsert(self, rows: list[tuple[str, Row]]) -> None:
		upsert(self.doctype, rows, insert_only=self._insert_only)


def _write_prints(doctype: str, prints: list[tuple[str, str]]) -> None:
	"""Writes fingerprints of rows that are as they were; a row that somebody else has changed meanwhile is left alone."""
	names = ", ".join(_literal(name) for name, _print_of_row in prints)
	new = f"elt(field(name, {names}), {', '.join(_literal(print_of_row) for _name, print_of_row in prints)})"
	_execute(
		f"""update `tab{doctype}` set fingerprint = %s
		where name in (%s) and left(fingerprint, {2 * PRINT}) = left(%s, {2 * PRINT})""",
		new,
		names,
		new,
	)


def stored_fingerprints(doctype: str) -> dict[str, bytes]:
	"""Fingerprint by name of all rows.

	They come some thousand as one value: the driver takes longer to read a row than all else costs that a sync does
	with an unchanged one.
	"""
	found: dict[str, bytes] = {}
	last: str | None = ""
	while True:
		# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		((text, last),) = frappe.db.sql(
			f"""set statement group_concat_max_len = 64 * 1024 * 1024 for
			select json_arrayagg(json_array(name, fingerprint)), max(name) from
			(select name, fingerprint from `tab{doctype}` where name > %s order by name limit %s) part""",
			(last, PIECE),
		)
		if not text:
			break
		found.update((name, bytes.fromhex(print_of_row or "")) for name, print_of_row in json.loads(text))
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - ends the snapshot, so that later reads of this run see what others write
	return found


# --------------------------------------------------------------------------------------------- values

# Columns without which a row is refused.
_NEEDED = {
	"Pax8 Company": ("company_name",),
	"Pax8 Product": ("product_name",),
	"Pax8 Subscription": ("pax8_company", "product"),
}
_IDS = {"Link", "Dynamic Link"}
_TEXTS = {"Small Text", "Text", "Long Text", "Code"}
_NUMBERS = {"Currency", "Float", "Percent"}
_LARGEST_INT = 2**31 - 1
_LARGEST_NUMBER = 10**12


def fitting(doctype: str) -> Callable[[Row], Row]:
	"""Returns a function that makes the values of a row fit their columns.

	It raises ValueError, naming the field, for what does not fit: one row must not make a whole batch fail. Names and
	descriptions that are somewhat too long are cut; ids and codes never are, and what nobody could tell a record by
	without is not missing. Texts are stored as Pax8 has them: they are escaped where they are shown
	(`plain_text.py`). Times (aware) become the site's.
	"""
	fields = {field.fieldname: field for field in frappe.get_meta(doctype).fields}
	zone = ZoneInfo(get_system_timezone())
	needed = _NEEDED.get(doctype, ())
	lengths: dict[str, int] = {}
	for name, field in fields.items():
		is_text = field.fieldtype in _TEXTS
		lengths[name] = LONGEST_TEXT if is_text else int(field.length or frappe.db.VARCHAR_LEN)

	def fit(row: Row) -> Row:
		for column in needed:
			if column in row and not row[column]:
				raise ValueError(_("{0} is missing").format(_label(fields[column])))
		fitted: Row = {}
		for column, value in row.items():
			kind = type(value)
			if kind is str:
				# The usual text takes one look.
				if not value.isascii() or len(value) > lengths[column]:
					value = _fit_text(value, fields[column], lengths[column])
			elif kind is int or kind is Decimal or kind is float:
				limit = _LARGEST_NUMBER if fields[column].fieldtype in _NUMBERS else _LARGEST_INT
				if not -limit <= value <= limit:
					raise ValueError(_("{0} is too large a number").format(_label(fields[column])))
			elif kind is datetime:
				value = _site_time(value, zone)
			elif value is not None and kind is not date and kind is not bool:
				raise TypeError(f"{column}: {kind.__name__} is no value of a column")
			fitted[column] = value
		return fitted

	return fit


def _fit_text(value: str, field: Any, length: int) -> str:
	# Half of an id or of a code (a currency) is another one.
	whole = field.fieldtype in _IDS or field.fieldname == "pax8_id" or length <= LONGEST_CODE
	longest = length if whole else LONGEST_TEXT if field.fieldtype in _TEXTS else LONGEST_NAME
	if len(value) > longest:
		raise ValueError(_("{0} is {1} characters long").format(_label(field), len(value)))
	# JSON may hold halves of surrogate pairs, which no database takes.
	value = value.encode("utf-8", "replace").decode("utf-8")
	return value if len(value) <= length else value[: length - 1] + "…"


def _label(field: Any) -> str:
	return _(field.label or field.fieldname)


def _site_time(value: datetime, zone: tzinfo) -> datetime:
	if value.tzinfo is None:
		return value
	try:
		return value.astimezone(zone).replace(tzinfo=None)
	except OverflowError:
		raise ValueError(_("{0} is no time that can be stored").format(value)) from None
