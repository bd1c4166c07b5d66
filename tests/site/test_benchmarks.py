"""The benchmarks run, at the smallest size: measurements that nobody runs would not measure today's sync."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_every_measurement_runs_and_cleans_up_after_itself(site, tmp_path):
	site.db.commit()
	done = subprocess.run(
		[sys.executable, "-m", "benchmarks", "--tiny", "--out", str(tmp_path)],
		cwd=Path(__file__).parents[2],
		env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
		capture_output=True,
		text=True,
		timeout=600,
	)
	assert done.returncode == 0, done.stderr[-3000:]
	samples = json.loads((tmp_path / "results.json").read_text())["samples"]
	for label in ("ours, new", "ours, changed", "ours, recorded", "ours, prices", "one by one, unchanged"):
		assert samples[label][0]["rows"] > 0, label
	unchanged = samples["unchanged sync"][0]
	assert unchanged["changed_tables"] == [] and unchanged["touched"] <= 2, (
		"the run's own record, and no other row"
	)
	limited = samples["limited products"][0]
	assert limited["answered"]["by_operation"]["findPricingByProductId"] == limited["due"]
	assert "# Results" in (tmp_path / "results.md").read_text()
	site.db.rollback()
	assert not site.db.count("Pax8 Subscription")
	assert not site.get_all("DocType", {"name": ("like", "Benchmark %")})
