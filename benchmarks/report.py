"""From measurements to ratios, and from ratios to a page that can be read. Knows no Frappe."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Sample = dict[str, Any]


@dataclass(frozen=True)
class Ratio:
	"""How one measurement compares with another of the same run.

	Attributes:
		what: in words.
		value: of the medians; `low` and `high`: the lowest and highest of the single repetitions.
		work: the same ratio of processor time, the database server's included, which other users of the machine
			disturb less; `None` = means nothing here.
		aim: what it should reach, `None` = only told; `at_least`: whether more is better.
	"""

	what: str
	value: float
	low: float
	high: float
	work: float | None = None
	aim: float | None = None
	at_least: bool = True

	@property
	def reached(self) -> bool | None:
		if self.aim is None:
			return None
		return self.value >= self.aim if self.at_least else self.value <= self.aim

	def cells(self) -> list[str]:
		sign = "≥" if self.at_least else "≤"
		verdict = {None: "", True: "yes", False: "**no**"}[self.reached]
		return [
			self.what,
			number(self.value),
			f"{number(self.low)} – {number(self.high)}",
			"" if self.work is None else number(self.work),
			"" if self.aim is None else f"{sign} {number(self.aim)}",
			verdict,
		]


def compare(
	what: str, ours: Sequence[Sample], theirs: Sequence[Sample], aim: float | None = None, *, speed: bool
) -> Ratio:
	"""How our measurements compare with others of the same run.

	Measurements are repeated in turn (A B A B …), so the n-th of each saw the machine in about the same state.

	Args:
		speed: rows a second are compared, and more is better; otherwise seconds a row, and less is better.
	"""

	def quotient(of: str, one: Sample, other: Sample) -> float:
		slower = (one[of] / one["rows"]) / (other[of] / other["rows"])
		return 1 / slower if speed else slower

	def middle(of: str, samples: Sequence[Sample]) -> Sample:
		return {of: median(sample[of] / sample["rows"] for sample in samples), "rows": 1}

	pairs = [quotient("seconds", one, other) for one, other in zip(ours, theirs, strict=False)]
	values = {of: quotient(of, middle(of, ours), middle(of, theirs)) for of in ("seconds", "work")}
	return Ratio(what, values["seconds"], min(pairs), max(pairs), values["work"], aim, speed)


def slope(points: Sequence[tuple[float, float]]) -> float:
	"""Growth of y for each x, as a straight line through the points fits best; needs two different x at least.

	>>> slope([(0, 5), (10, 25), (20, 45)])
	2.0
	"""
	mean_x = sum(x for x, _ in points) / len(points)
	mean_y = sum(y for _, y in points) / len(points)
	return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def fewest_pages(rows: int, page_size: int = 200) -> int:
	"""Calls that a list of `rows` takes at the least. The first page is needed even if it is empty: it says so.

	>>> fewest_pages(50_000), fewest_pages(201), fewest_pages(0)
	(250, 2, 1)
	"""
	return max(1, -(-rows // page_size))


def number(value: float) -> str:
	"""Three digits that mean something.

	>>> number(1234.5), number(12.34), number(1.234), number(0)
	('1,234', '12.3', '1.23', '0')
	"""
	if value == int(value) or abs(value) >= 100:
		return f"{value:,.0f}"
	return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
	"""A Markdown table; the first column is text, the others are right-aligned."""
	lines = [
		"| " + " | ".join(head) + " |",
		"|---|" + "--:|" * (len(head) - 1),
		*("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
	]
	return "\n".join(lines)
