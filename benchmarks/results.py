"""The page of results: which measurements are compared, and with which aims. Knows no Frappe."""

import os
import platform
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import Ratio, compare, fewest_pages, number, slope, table

Samples = dict[str, list[dict[str, Any]]]

CALLS_A_MINUTE = 1000
LIMITED = ("limited subscriptions", "limited products")
KINDS = {
	"new": "new subscriptions",
	"changed": "changed subscriptions",
	"recorded": "changed subscriptions, change recorded",
	"prices": "products with prices",
	"usage new": "usage, all new",
	"usage day": "usage, the next day",
}
READ = "usage, "
LIST = READ + "list"


def machine() -> dict[str, Any]:
	model = next(
		(line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
		platform.processor(),
	)
	memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
	return {
		"date": time.strftime("%Y-%m-%d"),
		"processor": model,
		"cores": os.cpu_count(),
		"memory": f"{int(memory) / 1024 / 1024:.0f} GB",
		"system": platform.platform(terse=True),
		"Python": platform.python_version(),
		"load before": os.getloadavg()[0],
	}


def _lines(path: str) -> list[str]:
	file = Path(path)
	return file.read_text().splitlines() if file.exists() else []


def ratios(samples: Samples) -> list[Ratio]:
	"""Everything with an aim, as far as it was measured."""
	found: list[Ratio] = []
	for kind, what in KINDS.items():
		ours = samples.get(f"ours, {kind}", [])
		for label, other, aim in (
			("saves", "`doc.save()` rows/s", 60),
			("bare", "bare multi-row upsert", 0.7),
			("text", "statements made beforehand", None),
		):
			if theirs := samples.get(f"{label}, {kind}"):
				found.append(compare(f"{what}: our rows/s ÷ {other}", ours, theirs, aim, speed=True))
	if "walk" in samples:
		found.append(
			compare(
				"unchanged sync: time ÷ fetching and parsing alone",
				samples["unchanged sync"],
				samples["walk"],
				1.25,
				speed=False,
			)
		)
	found += usage_ratios(samples)
	for label in LIMITED:
		for sample in samples.get(label, []):
			value = sample["seconds"] / (sample["calls"] * 60 / CALLS_A_MINUTE)
			what = f"{label}, {sample['calls']:,} calls: time ÷ (calls × 60/{CALLS_A_MINUTE} s)"
			found.append(Ratio(what, value, value, value, None, 1.05, at_least=False))
	for kind in ("first", "unchanged"):
		if others := samples.get(f"one by one, {kind}"):
			what = f"{kind} sync with fetching: our rows/s ÷ one document at a time"
			found.append(compare(what, samples[f"{kind} sync"], others, speed=True))
	return found


def usage_ratios(samples: Samples) -> list[Ratio]:
	"""Reads over all days against Frappe's own list, their queries, and the calls of a sync."""
	found = []
	for label, taken in samples.items():
		if not label.startswith(READ) or label == LIST or label.endswith(", one day"):
			continue
		what = label.removeprefix(READ)
		found.append(compare(f"usage, {what}: time ÷ Frappe's list", taken, samples[LIST], 5, speed=False))
		few = samples[f"{label}, one day"][0]["queries"]
		value = taken[0]["queries"] / few
		found.append(
			Ratio(
				f"usage, {what}: {taken[0]['queries']} queries on all days ÷ on one day",
				value,
				value,
				value,
				aim=1.0,
				at_least=False,
			)
		)
	for sample in samples.get("usage from Pax8", []):
		for operation, fewest in sample["fewest"].items():
			made = sample["answered"]["by_operation"].get(operation, 0)
			value = made / fewest
			found.append(
				Ratio(
					f"usage from Pax8, {operation}: {made:,} calls ÷ fewest possible",
					value,
					value,
					value,
					aim=1.0,
					at_least=False,
				)
			)
	return found


def speeds(samples: Samples) -> str:
	rows = [
		[
			label,
			f"{taken[0]['rows']:,}",
			number(_median("seconds", taken)),
			f"{taken[0]['rows'] / _median('seconds', taken):,.0f}",
			number(_median("cpu", taken)),
			number(_median("work", taken) - _median("cpu", taken)),
			_megabytes(max(one["memory"] for one in taken)),
		]
		for label, taken in samples.items()
	]
	head = (
		"measured",
		"rows",
		"seconds",
		"rows/s",
		"CPU s of the process",
		"CPU s of MariaDB",
		"peak memory, MB",
	)
	return table(head, rows)


def written(samples: Samples) -> str:
	lines = []
	for sample in samples.get("unchanged sync", [])[:1]:
		changed = ", ".join(sample["changed_tables"]) or "none"
		lines.append(
			f"Unchanged sync of {sample['rows']:,} subscriptions: rows new {sample['rows_new']}, changed "
			f"{sample['rows_changed']}; rows the database server inserted, updated or deleted meanwhile, in all tables: "
			f"{sample['touched']} (the run's own record); mirrored tables whose checksum changed: {changed}."
		)
	return "\n".join(lines)


def calls(samples: Samples) -> str:
	rows = []
	for label in LIMITED:
		for sample in samples.get(label, []):
			for operation, made in sorted(sample["answered"]["by_operation"].items()):
				rows.append([label, operation, f"{made:,}", f"{least_calls(operation, sample):,}"])
	return table(("sync", "operation", "calls", "fewest possible"), rows) if rows else ""


def least_calls(operation: str, sample: dict[str, Any]) -> int:
	"""How often an operation must be called at the least.

	A list is read in pages of 200. Prices and commitment options have no list: a call each for every product that is
	due. A token that is still good is in Redis.
	"""
	if operation in ("findPricingByProductId", "findProductDependenciesByProductId"):
		return int(sample["due"])
	if operation in ("findSubscriptions", "findAllProducts"):
		return fewest_pages(sample["rows"])
	return 0


def growth(samples: Samples, sizes: list[int]) -> str:
	rows = []
	for kind in ("first", "unchanged", "walk", "map"):
		labels = [(size, f"growth {size}, {kind}") for size in sizes if f"growth {size}, {kind}" in samples]
		if not labels:
			return ""
		for size, label in labels:
			taken = samples[label]
			rows.append(
				[
					kind,
					f"{size:,}",
					number(_median("seconds", taken)),
					number(_median("seconds", taken) / size * 1e6),
					_megabytes(median([_added(one) for one in taken])),
					"",
				]
			)
		points = [(size, median([_added(one) for one in samples[label]])) for size, label in labels]
		rows[-1][-1] = f"{slope(points):,.0f}"
	head = ("", "subscriptions", "seconds", "µs a row", "memory added, MB", "bytes a row")
	return table(head, rows)


# The parts of the time from the click on "Approve" to the change that all can see.
PARTS = {
	"total": "in all",
	"pax8": "Pax8's own",
	"approve": "saving the approval",
	"start": "until a worker has it",
	"read": "fresh read, comparing",
	"write": "sending, reading back",
	"tell": "recording, telling",
	"cpu": "processor time",
	"empty": "a job that does nothing",
}
BEYOND = 1.0


def beyond(taken: list[dict[str, float]]) -> list[float]:
	"""Seconds of each change that are not Pax8's own."""
	return [one["total"] - one["pax8"] for one in taken]


def beyond_words(taken: list[dict[str, float]]) -> str:
	return f"{median(beyond(taken)):.2f} s beyond Pax8's own time, at most {max(beyond(taken)):.2f} s"


def changes(measured: dict[str, list[dict[str, float]]]) -> str:
	"""How long an approved change takes, against the aim and in its parts; medians of one run."""
	if not measured:
		return ""
	found = []
	for what, taken in measured.items():
		ours, empty = beyond(taken), [one["empty"] for one in taken]
		found.append(
			Ratio(
				f"{what}: seconds beyond Pax8's own",
				median(ours),
				min(ours),
				max(ours),
				aim=BEYOND,
				at_least=False,
			)
		)
		pairs = [one / other for one, other in zip(ours, empty, strict=True)]
		found.append(
			Ratio(
				f"{what}: the same ÷ a job that does nothing",
				median(ours) / median(empty),
				min(pairs),
				max(pairs),
			)
		)
	rows = [
		[what, *(number(median([one[part] for one in taken])) for part in PARTS)]
		for what, taken in measured.items()
	]
	return "\n\n".join(
		(
			"## From approval to confirmed change",
			table(
				("", "value", "lowest – highest", "by CPU time", "aim", "reached"),
				[one.cells() for one in found],
			),
			"In its parts, seconds (medians):",
			table(("", *PARTS.values()), rows),
		)
	)


def _added(sample: dict[str, Any]) -> float:
	return sample["memory"] - sample["memory_before"]


def page(measured: dict[str, Any]) -> str:
	samples, sizes = measured["samples"], measured["sizes"]
	told = {**measured["machine"], **measured["versions"]}
	parts = ["# Results", "\n".join(f"- {name}: {value}" for name, value in told.items())]
	if samples:
		parts += [
			"## Ratios",
			table(
				("", "value", "lowest – highest", "by CPU time", "aim", "reached"),
				[one.cells() for one in ratios(samples)],
			),
			written(samples),
			calls(samples),
			growth(samples, list(sizes["growth"])),
		]
	parts.append(changes(measured.get("changes", {})))
	if samples:
		parts += ["## Measured", speeds(samples)]
	return "\n\n".join(part for part in parts if part) + "\n"


def _median(of: str, samples: list[dict[str, Any]]) -> float:
	return median(sample[of] for sample in samples)


def _megabytes(size: float) -> str:
	return f"{size / 1e6:,.0f}"
