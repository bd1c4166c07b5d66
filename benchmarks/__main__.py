"""`python -m benchmarks`, on a site that `make bench` makes: measures, shows progress, writes results.json and results.md.

Each measurement runs in a fresh process; those that are compared take turns.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import child, results
from benchmarks.server import Pax8

SECTIONS = ("writing", "unchanged", "limit", "growth", "others", "changes", "usage")
LIMIT = results.CALLS_A_MINUTE

Samples = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Sizes:
	"""How much is measured.

	Attributes:
		growth: numbers of subscriptions that are compared.
		saved, saved_products: documents saved one by one, a sample of all.
		limited_products: how many are priced within the limit, two calls each.
		repeat: how often each measurement is taken; pairs: how often an unchanged sync and a mere walk take turns.
		changes: approved changes of each sort, one after the other.
		usage: subscriptions that are billed by usage, resource groups of each, days of history.
	"""

	companies: int = 2_000
	products: int = 5_000
	subscriptions: int = 50_000
	growth: tuple[int, ...] = (5_000, 50_000, 200_000)
	saved: int = 1_000
	saved_products: int = 200
	limited_products: int = 1_500
	repeat: int = 3
	pairs: int = 5
	changes: int = 20
	usage: tuple[int, int, int] = (2_000, 20, 31)


FULL = Sizes()
QUICK = Sizes(200, 500, 5_000, (1_000, 5_000, 20_000), 200, 40, 120, 1, 3, 8, (200, 20, 31))
TINY = Sizes(20, 30, 200, (100, 200), 20, 5, 10, 1, 1, 1, (10, 3, 4))

# How Pax8 behaves while changes are measured: milliseconds before each answer, seconds of provisioning.
BEHAVIOURS = {
	"Pax8 answers at once": (0, 0),
	"Pax8 takes 0.4 s to answer": (400, 0),
	"Pax8 takes 0.4 s, and 2 s to provision": (400, 2),
}


class Bench:
	"""Runs measurements and keeps what they gave."""

	def __init__(self, sizes: Sizes, sections: Sequence[str]) -> None:
		self.sizes = sizes
		self.sections = sections
		self.samples: Samples = {}
		self.changed: dict[str, list[dict[str, float]]] = {}
		self._started = time.monotonic()
		# Each measurement is forked from a process that has loaded Frappe and has done nothing else.
		self._context = multiprocessing.get_context("forkserver")
		self._context.set_forkserver_preload([child.__name__])

	def say(self, text: str) -> None:
		print(f"[{time.monotonic() - self._started:5.0f} s] {text}", file=sys.stderr, flush=True)

	def child(self, name: str, **arguments: Any) -> dict[str, Any]:
		"""Runs one measurement in a process of its own."""
		with ProcessPoolExecutor(1, mp_context=self._context) as process:  # says so where the process dies
			result = process.submit(child.run, name, arguments).result()
		# Decimals and dates as texts, as results.json has them.
		return json.loads(json.dumps(result, default=str))

	def take(self, label: str, name: str, **arguments: Any) -> dict[str, Any]:
		"""Runs one measurement and keeps it under `label`."""
		sample = self.child(name, **arguments)
		self.samples.setdefault(label, []).append(sample)
		self.say(
			f"{label}: {sample['rows']:,} rows in {sample['seconds']:.2f} s, {sample['rows'] / sample['seconds']:,.0f}/s"
		)
		return sample

	def run(self) -> None:
		sizes = self.sizes
		large = {
			"companies": sizes.companies,
			"products": sizes.products,
			"subscriptions": sizes.subscriptions,
		}
		try:
			if {"writing", "unchanged", "limit", "others"} & set(self.sections):
				with self.pax8(**large) as pax8:
					for section in ("writing", "unchanged", "others"):
						if section in self.sections:
							getattr(self, section)(pax8)
					if "limit" in self.sections:
						self.limit_of_subscriptions(pax8)
			if "limit" in self.sections:
				self.limit_of_products()
			if "growth" in self.sections:
				self.growth()
			if "changes" in self.sections:
				self.changes()
			if "usage" in self.sections:
				self.usage()
		finally:
			self.child("tidy")

	def pax8(self, *, now: str | None = None, **holds: int) -> Pax8:
		self.say("making " + ", ".join(f"{number:,} {what}" for what, number in holds.items()))
		pax8 = Pax8(**holds, now=now)
		try:
			self.child("prepare", url=pax8.url)
		except BaseException:
			pax8.close()
			raise
		return pax8

	def writing(self, pax8: Pax8) -> None:
		sizes = self.sizes
		with tempfile.TemporaryDirectory() as folder:
			path = str(Path(folder) / "records")
			self.say("fetching records beforehand")
			self.child("store_records", path=path, with_prices=True)
			for _ in range(sizes.repeat):
				for kind in ("new", "changed", "recorded"):
					self.take(f"ours, {kind}", "ours", path=path, kind=kind)
					if kind != "recorded":
						self.take(f"bare, {kind}", "bare", path=path, kind=kind, text=False)
						self.take(f"text, {kind}", "bare", path=path, kind=kind, text=True)
					self.take(f"saves, {kind}", "saves", path=path, kind=kind, sample=sizes.saved)
				self.take("ours, prices", "ours_prices", path=path)
				self.take("bare, prices", "bare_prices", path=path, text=False)
				self.take("text, prices", "bare_prices", path=path, text=True)
				self.take("saves, prices", "saves_prices", path=path, sample=sizes.saved_products)

	def unchanged(self, pax8: Pax8) -> None:
		for _ in range(self.sizes.repeat):
			self.take("first sync", "sync", kind="Subscriptions", empty=True)
		for _ in range(self.sizes.pairs):
			self.take("walk", "walk")
			self.take("unchanged sync", "sync", kind="Subscriptions")

	def others(self, pax8: Pax8) -> None:
		for _ in range(self.sizes.repeat):
			if "unchanged" not in self.sections:
				self.take("first sync", "sync", kind="Subscriptions", empty=True)
				self.take("unchanged sync", "sync", kind="Subscriptions")
			self.take("one by one, first", "others", rows=self.sizes.saved, again=False)
			self.take("one by one, unchanged", "others", rows=self.sizes.saved, again=True)

	def limit_of_subscriptions(self, pax8: Pax8) -> None:
		pax8.limit(LIMIT)
		pax8.forget_calls()
		sample = self.take(
			"limited subscriptions", "sync", kind="Subscriptions", calls_per_minute=LIMIT, empty=True
		)
		sample["answered"] = pax8.calls()

	def limit_of_products(self) -> None:
		number = self.sizes.limited_products
		holds = {"companies": min(50, number), "products": number, "subscriptions": number}
		with self.pax8(**holds) as pax8:
			due = self.child("show_all_products")["rows"]
			pax8.limit(LIMIT)
			pax8.forget_calls()
			self.say(f"prices of {due:,} products within the limit: about {2 * due / LIMIT:.1f} minutes")
			sample = self.take("limited products", "sync", kind="Products", calls_per_minute=LIMIT)
			sample.update(answered=pax8.calls(), due=due)

	def growth(self) -> None:
		sizes = self.sizes
		for number in sizes.growth:
			with self.pax8(companies=sizes.companies, products=sizes.products, subscriptions=number):
				for _ in range(sizes.repeat):
					self.take(f"growth {number}, first", "sync", kind="Subscriptions", empty=True)
					self.take(f"growth {number}, unchanged", "sync", kind="Subscriptions")
					self.take(f"growth {number}, walk", "walk")
					self.take(f"growth {number}, map", "map_of_fingerprints")

	def changes(self) -> None:
		with self.pax8(companies=20, products=50, subscriptions=300) as pax8:
			self.child("sync", kind="Subscriptions", empty=True)
			try:
				for what, (latency, provisioning) in BEHAVIOURS.items():
					pax8.configure(latency_ms=latency, provisioning_seconds=provisioning)
					self.changed[what] = self.child(
						"changes",
						url=pax8.url,
						count=self.sizes.changes,
						provisioning_seconds=provisioning,
					)["taken"]
					self.say(f"{what}: {results.beyond_words(self.changed[what])}")
			finally:
				self.child("forget_changes")

	def usage(self) -> None:
		subscriptions, groups, days = self.sizes.usage
		size = {"subscriptions": subscriptions, "groups": groups}
		self.say(f"usage of {subscriptions:,} subscriptions with {groups} resource groups each")
		try:
			self.child("usage_prepare", subscriptions=subscriptions)
			self._writing_usage("new", size)
			reads = ["list", "export", *self.child("usage_reports")["reports"]]
			for what in reads:
				self.take(f"usage, {what}, one day", "usage_read", what=what)
			rows = self.child("usage_history", days=days)["rows"]
			self.say(f"{rows:,} snapshots of {days} days")
			self._writing_usage("day", size)
			for _ in range(self.sizes.repeat):
				self.take("ours, usage unchanged", "usage_ours", kind="unchanged", **size)
				for what in reads:
					self.take(f"usage, {what}", "usage_read", what=what)
			for what in reads[2:]:
				self.take(f"usage anew, {what}", "usage_read", what=what, anew=True)
			self.usage_calls()
		finally:
			self.child("usage_tidy")

	def _writing_usage(self, kind: str, size: dict[str, int]) -> None:
		for _ in range(self.sizes.repeat):
			self.take(f"ours, usage {kind}", "usage_ours", kind=kind, **size)
			self.take(f"bare, usage {kind}", "usage_bare", kind=kind, text=False)
			self.take(f"text, usage {kind}", "usage_bare", kind=kind, text=True)
			self.take(f"saves, usage {kind}", "usage_saves", kind=kind, sample=self.sizes.saved)

	def usage_calls(self) -> None:
		holds = {"companies": 20, "products": 50, "subscriptions": 300}
		with self.pax8(**holds, now="2027-03-14T12:00:00+00:00") as pax8:
			self.child("usage_tidy")
			self.child("sync", kind="Subscriptions", empty=True)
			pax8.forget_calls()
			sample = self.take("usage from Pax8", "usage_calls")
			sample["answered"] = pax8.calls()


def main() -> None:
	parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
	size = parser.add_mutually_exclusive_group()
	size.add_argument("--quick", action="store_true", help="a tenth of the size")
	size.add_argument("--tiny", action="store_true", help="as small as can be, to see that all of it works")
	parser.add_argument("--only", action="append", choices=SECTIONS, help="only this part; may be repeated")
	parser.add_argument("--out", type=Path, default=Path("."), help="folder for results.json and results.md")
	given = parser.parse_args()
	sizes = QUICK if given.quick else TINY if given.tiny else FULL
	bench = Bench(sizes, given.only or SECTIONS)
	versions = bench.child("versions")
	bench.run()
	measured = {
		"sizes": asdict(sizes),
		"machine": results.machine(),
		"versions": versions,
		"samples": bench.samples,
		"changes": bench.changed,
	}
	page = results.page(measured)
	given.out.mkdir(parents=True, exist_ok=True)
	(given.out / "results.json").write_text(json.dumps(measured, indent=1))
	(given.out / "results.md").write_text(page)
	print(page)
	bench.say(f"written to {given.out / 'results.md'} and results.json")


if __name__ == "__main__":
	main()
