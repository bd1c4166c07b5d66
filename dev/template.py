"""A finished site without the app, made once and copied for every run: 2 seconds instead of a minute."""

import json
import shutil
import subprocess
from pathlib import Path

import config
import home
from bench import Bench
from report import run, step
from toolchain import Toolchain

TEMPLATE_SITE = "template.localhost"
SETUP_SCRIPT = Path(__file__).with_name("complete_setup.py")
# Raised when what is below changes, so that templates made before are not used any more.
VERSION = "1"


def template(toolchain: Toolchain) -> Bench:
	state = "-".join([VERSION, *(toolchain.commit(app)[:12] for app in toolchain.app_names())])
	bench = Bench(toolchain.path / "template" / state, toolchain)
	done = bench.path / ".done"
	if done.exists():
		return bench
	with home.lock(f"template-{toolchain.key}"):
		if done.exists():
			return bench
		for old in (toolchain.path / "template").glob("*"):
			Bench(old, toolchain).destroy()
		_make(bench)
		done.touch()
	return bench


def _make(bench: Bench) -> None:
	toolchain = bench.toolchain
	step(f"Making a site with {toolchain.describe()} (about a minute, once)")
	bench.configure(TEMPLATE_SITE, with_app=False)
	bench.create_database_server()
	bench.without_assets()
	try:
		bench.start()
		bench.set_root_password()
		file = bench.sites / "common_site_config.json"
		common = json.loads(file.read_text())
		# By file and not by argument: every user of the machine can read a command line.
		file.write_text(json.dumps({**common, "root_password": bench.root_password()}))
		run(
			"make the site",
			bench.frappe_command(
				"new-site", TEMPLATE_SITE, "--no-mariadb-socket", "--admin-password", config.ADMIN_PASSWORD
			),
			bench.logs / "frappe.log",
			cwd=bench.sites,
			env=bench.environment(),
		)
		file.write_text(json.dumps(common, indent=1))
		for app in toolchain.app_names()[1:]:
			step(f"Installing {app} into it")
			bench.frappe(f"install {app}", "install-app", app)
		step("Completing the setup wizard")
		run(
			"complete the setup wizard",
			[
				toolchain.python,
				SETUP_SCRIPT,
				TEMPLATE_SITE,
				config.COUNTRY,
				config.CURRENCY,
				config.TIME_ZONE,
			],
			bench.logs / "frappe.log",
			cwd=bench.sites,
			env=bench.environment(),
		)
	finally:
		bench.stop()


def copy(source: Bench, target: Bench, site: str, **options: object) -> None:
	"""Data folder and sites of a stopped bench become those of a new one, whose site may be named otherwise."""
	target.path.mkdir(parents=True)
	for part in (source.data, source.sites):
		# nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
		subprocess.run(["cp", "-a", "--reflink=auto", part, target.path / part.name], check=True)
	target.etc.mkdir()
	shutil.copy2(source.etc / "mariadb-root-password", target.etc)
	(target.sites / source.site).rename(target.sites / site)
	target.configure(site, with_app=True, **options)
