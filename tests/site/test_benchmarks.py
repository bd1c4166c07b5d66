"""The benchmarks run, at the smallest size: measurements that nobody runs would not measure today's sync."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def test_every_measurement_runs_and_cleans_up_after_itself(site, tmp_path):
	site.db.commit()
	running = subprocess.Popen(
		[sys.executable, "-m", "benchmarks", "--tiny", "--out", str(tmp_path)],
		cwd=Path(__file__).parents[2],
		env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
		stdout=subprocess.PIPE,
		stderr=subprocess.PIPE,
		text=True,
		start_new_session=True,
	)
	try:
		_printed, told = running.communicate(timeout=600)
	finally:
		with suppress(ProcessLookupError):  # what is left of it would hold the database
			os.killpg(running.pid, signal.SIGKILL)
	assert running.returncode == 0, told[-3000:]
	found = json.loads((tmp_path / "results.json").read_text())
	samples = found["samples"]
	for label in ("ours, new", "ours, changed", "ours, recorded", "ours, prices", "one by one, unchanged"):
		assert samples[label][0]["rows"] > 0, label
	unchanged = samples["unchanged sync"][0]
	assert unchanged["changed_tables"] == [] and unchanged["touched"] <= 3, (
		"the run's own record, and no other row"
	)
	limited = samples["limited products"][0]
	assert limited["answered"]["by_operation"]["findPricingByProductId"] == limited["due"]
	for label in ("ours, usage new", "bare, usage day", "saves, usage day", "usage, list", "usage, export"):
		assert samples[label][0]["rows"] > 0, label
	(usage,) = samples["usage from Pax8"]
	for operation, fewest in usage["fewest"].items():
		assert usage["answered"]["by_operation"][operation] == fewest > 0
	assert len(found["changes"]) == 3
	for (taken,) in found["changes"].values():
		parts = sum(taken[part] for part in ("approve", "start", "read", "write", "tell"))
		assert abs(parts - taken["total"]) < 0.001, "the parts are the whole"
		assert 0 < taken["pax8"] < taken["total"]
	assert "# Results" in (tmp_path / "results.md").read_text()
	site.db.rollback()
	assert not site.db.count("Pax8 Usage Snapshot") and not site.db.count("Pax8 Resource Group")
	assert not site.db.count("Pax8 Subscription") and not site.db.count("License Change Request")
	assert not site.get_all("DocType", {"name": ("like", "Benchmark %")})
