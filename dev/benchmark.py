"""`make bench`: measurements of the sync, on a site that is made for this run and removed after it."""

import subprocess

import config
import home
import test_env
from prepare import prepare_site
from report import step
from testing import site_for_one_run


def benchmark(arguments: list[str]) -> int:
	toolchain = prepare_site()
	results = home.ensure() / "benchmarks"
	with site_for_one_run(toolchain, assets=False) as bench:
		step("Measuring; other work on this machine shows in the results")
		return subprocess.run(  # nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
			[str(toolchain.python), "-m", "benchmarks", "--out", str(results), *arguments],
			cwd=config.CHECKOUT,
			env={**bench.environment(), **test_env.exports(bench)},
		).returncode
