"""How well the rules tell seats from usage: `python -m tests.usage_class_figures` prints precision and recall per class.

The products and what their columns mean: `tests/data/usage_class/README.md`. Needs no Frappe.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from msp_licensing.rules.usage_class import Classification, Evidence, Plan, PlanRate, UsageClass, classify

DATA = Path(__file__).parent / "data" / "usage_class"
LABELLED = DATA / "labelled_products.csv"
PRICED = DATA / "priced_products.csv"
HELD_OUT = DATA / "priced_products_held_out.csv"
HELD_OUT_2 = DATA / "priced_products_held_out_2.csv"
HELD_OUT_3 = DATA / "priced_products_held_out_3.csv"
CLASSES = (UsageClass.USAGE, UsageClass.SEAT)

# What a product of such a class has for a price by Pax8's guide: only for the labelled products, which have none.
_FREE = (PlanRate(Decimal(0), Decimal(0)),)
_PAID = (PlanRate(Decimal("4.20"), Decimal("6.00")),)


@dataclass(frozen=True)
class Product:
	"""A product whose class is known, and the evidence that a site which owns it would have."""

	kind: str
	vendor: str
	name: str
	sku: str
	truth: str
	plans: tuple[Plan, ...] = ()
	evidence: Evidence = field(default_factory=Evidence)
	unit: str = ""
	basis: str = "made up"

	def classify(self, *, with_evidence: bool = False) -> Classification:
		"""What the rules say of it; `with_evidence`: on a site that has seen its usage."""
		return classify(
			self.plans,
			product_name=self.name,
			vendor_name=self.vendor,
			sku=self.sku,
			evidence=self.evidence if with_evidence else None,
		)


@dataclass(frozen=True)
class Figures:
	"""Counts for one class: how often it was said, how often rightly, and how many products are of it."""

	said: int
	right: int
	there: int

	@property
	def precision(self) -> float | None:
		"""Between 0 and 1; None where the class was never said."""
		return self.right / self.said if self.said else None

	@property
	def recall(self) -> float | None:
		"""Between 0 and 1; None where no product is of the class."""
		return self.right / self.there if self.there else None


def read(path: Path) -> list[Product]:
	"""The products of one of the files, in its order."""
	with path.open(encoding="utf-8", newline="") as file:
		return [
			Product(
				kind=row["kind"],
				vendor=row["vendor"],
				name=row["product_name"],
				sku=row["sku"],
				truth=row["truth"],
				plans=tuple(_plans(row.get("plans") or "")),
				evidence=Evidence(int(row.get("groups") or 0), int(row.get("arrears") or 0)),
				unit=row.get("unit") or "",
				basis=row.get("basis") or "made up",
			)
			for row in csv.DictReader(file)
		]


def _plans(text: str) -> Iterator[Plan]:
	for plan in filter(None, (part.strip() for part in text.split(";"))):
		term, kind, unit, rates = plan.split("|")
		yield Plan(term, kind, unit, tuple(_rate(rate) for rate in rates.split()))


def _rate(text: str) -> PlanRate:
	buy, retail = (None if price == "-" else Decimal(price) for price in text.split("/"))
	return PlanRate(buy, retail)


def with_usual_prices(products: Iterable[Product]) -> list[Product]:
	"""Labelled products, each with one plan: 0 for usage and for free seats, a price for all others."""
	found = []
	for product in products:
		free = product.truth == "Usage" or product.kind == "zero-priced seat"
		plan = Plan("Monthly", "Flat", product.unit or "License", _FREE if free else _PAID)
		found.append(
			Product(product.kind, product.vendor, product.name, product.sku, product.truth, plans=(plan,))
		)
	return found


def figures(products: Iterable[Product], *, with_evidence: bool = False) -> dict[UsageClass, Figures]:
	"""Figures of `Usage` and of `Seat`. Either is wrong for a product that is neither or ambiguous."""
	pairs = [
		(product.truth, product.classify(with_evidence=with_evidence).usage_class) for product in products
	]
	return {
		of: Figures(
			said=sum(said is of for _truth, said in pairs),
			right=sum(said is of and truth == str(of) for truth, said in pairs),
			there=sum(truth == str(of) for truth, _said in pairs),
		)
		for of in CLASSES
	}


def usage_called_seat(products: Iterable[Product], *, with_evidence: bool = False) -> list[Product]:
	"""Usage products that the rules take for seats: the mistake that costs money."""
	return [
		product
		for product in products
		if product.truth == "Usage"
		and product.classify(with_evidence=with_evidence).usage_class is UsageClass.SEAT
	]


def wrong(products: Iterable[Product]) -> Iterator[tuple[Product, Classification]]:
	"""Products, without evidence, of which something was said and it was not true."""
	for product in products:
		found = product.classify()
		if found.usage_class is not UsageClass.UNKNOWN and str(found.usage_class) != product.truth:
			yield product, found


# --------------------------------------------------------------------------------------------- the table


def table(title: str, products: list[Product], *, with_evidence: bool = False) -> str:
	"""One block of the printed table."""
	found = figures(products, with_evidence=with_evidence)
	unknown = sum(
		product.classify(with_evidence=with_evidence).usage_class is UsageClass.UNKNOWN
		for product in products
	)
	lines = [f"{title} ({len(products)} products)"]
	for of, row in found.items():
		lines.append(
			f"  {of!s:<6} precision {_share(row.precision)}  recall {_share(row.recall)}"
			f"   said {row.said:>3}, right {row.right:>3}, there {row.there:>3}"
		)
	lines.append(
		f"  Unknown {unknown} ({unknown / len(products):.0%});"
		f" usage called seat: {len(usage_called_seat(products, with_evidence=with_evidence))}"
	)
	return "\n".join(lines)


def _share(value: float | None) -> str:
	return "  —  " if value is None else f"{value:.3f}"


def report(*, mistakes: bool = False) -> str:
	"""All tables; with `mistakes` also each wrong answer and why the rules gave it.

	Mistakes on the products that are held out are counted and not shown: who reads them writes the rules for them.
	"""
	priced, labelled = read(PRICED), read(LABELLED)
	made_up = {
		"Made-up products": priced,
		"Made-up products, held out first": read(HELD_OUT),
		"Made-up products, held out second": read(HELD_OUT_2),
		"Made-up products, held out third": read(HELD_OUT_3),
	}
	blocks = []
	for title, products in made_up.items():
		blocks.append(table(f"{title}, no evidence", products))
		blocks.append(table(f"{title}, with the evidence there is", products, with_evidence=True))
	blocks.append(table("Labelled products, as they are: no price", labelled))
	blocks.append(table("Labelled products, with the usual price (assumed)", with_usual_prices(labelled)))
	kinds = Counter(product.kind for products in made_up.values() for product in products)
	blocks.append("Kinds: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
	if mistakes:
		blocks += [
			f"{product.vendor} | {product.name} | {product.sku}: {found.usage_class}, but {product.truth}"
			f" ({', '.join(reason.code for reason in found.reasons)})"
			for product, found in wrong(priced)
		]
	return "\n\n".join(blocks)


if __name__ == "__main__":
	print(report(mistakes="--mistakes" in sys.argv[1:]))
