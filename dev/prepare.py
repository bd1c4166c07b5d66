"""The set-up that every command needs, each part done once and kept."""

import os

import config
import home
import system
import template
from report import step
from toolchain import Toolchain, plain_venv


def prepare_site(*, assets: bool = False, update: bool = False) -> Toolchain:
	"""Everything a site needs. Raises toolchain.OutOfReach when Frappe cannot be had."""
	home.ensure()
	toolchain = Toolchain()
	if not os.environ.get("FRAPPE_BRANCH"):
		other = "version-15" if config.FRAPPE_BRANCH == "version-16" else "version-16 (it needs Python 3.14)"
		step(
			f"{config.python_tag()}: taking Frappe's {config.FRAPPE_BRANCH}. For another: FRAPPE_BRANCH={other}"
		)
	with home.lock(f"toolchain-{toolchain.key}"):
		toolchain.fetch(update=update)
		toolchain.install()
		if assets:
			toolchain.build_assets()
	system.require_mariadb()
	system.require_redis()
	template.template(toolchain)
	step(f"Frappe is ready: {toolchain.describe()}")
	return toolchain


def prepare_plain():
	"""What needs no Frappe."""
	home.ensure()
	with home.lock(f"plain-{config.python_tag()}"):
		return plain_venv()
