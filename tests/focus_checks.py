"""Asks the FOCUS project's own validator what it finds wrong with a file."""

import os
import re
import subprocess
from pathlib import Path

import pytest

# Where it is, and where there is none, why: dev/focus_validator.py.
PYTHON = os.environ.get("MSP_LICENSING_FOCUS_VALIDATOR")
WHY_NOT = os.environ.get("MSP_LICENSING_NO_FOCUS_VALIDATOR") or (
	"No FOCUS validator: `make test` installs it, or MSP_LICENSING_FOCUS_VALIDATOR names a Python that has it."
)

# What FOCUS makes depend on the provider, and what holds for Pax8.
CRITERIA = (
	"ACCOUNT_NAMING_SUPPORTED",
	"BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED",
	"RESOURCE_TYPE_ASSIGNMENT_SUPPORTED",
	"SUB_ACCOUNT_SUPPORTED",
	"USAGE_MEASUREMENT_SUPPORTED",
)

needs_validator = pytest.mark.skipif(not PYTHON, reason=WHY_NOT)


def failed_rules(file: Path, version: str) -> set[str]:
	"""The rules of the FOCUS version that a CSV file breaks. The rules come with the validator: nothing is downloaded.

	Rules that fail because of others are left out.
	"""
	assert PYTHON
	packages = subprocess.run(
		[PYTHON, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
		capture_output=True,
		text=True,
		check=True,
	).stdout.strip()
	done = subprocess.run(
		[
			*(PYTHON, "-m", "focus_validator.main", "--data-file", str(file), "--validate-version", version),
			*("--block-download", "--output-type", "console", "--applicability-criteria", ",".join(CRITERIA)),
		],
		# It looks for its list of currencies below the folder that it is started in.
		cwd=packages,
		env={**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
		capture_output=True,
		text=True,
		timeout=300,
	)
	counted = re.search(r"Total: (\d+) \| Pass: (\d+)", done.stdout)
	assert counted and int(counted.group(2)) > 100, done.stdout[-2000:] + done.stderr[-2000:]
	lines = [line for line in done.stdout.splitlines() if line.startswith("❌")]
	return {
		line.split(":")[0].split()[-1]
		for line in lines
		if "failed child rules" not in line and "Upstream dependency failed" not in line
	}
