"""What can be chosen, and where everything goes. Nothing below is written inside the checkout."""

import ast
import hashlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
APP = "msp_licensing"

# The one place that names Frappe's address and branch. Frappe 16 needs Python 3.14, Frappe 15 an older one.
FRAPPE_REPO = os.environ.get("FRAPPE_REPO") or "https://github.com/frappe/frappe"
FRAPPE_BRANCH = os.environ.get("FRAPPE_BRANCH") or (
	"version-16" if sys.version_info >= (3, 14) else "version-15"
)
WITH_ERPNEXT = os.environ.get("WITH_ERPNEXT", "").lower() in ("1", "yes", "true")
ERPNEXT_REPO = os.environ.get("ERPNEXT_REPO") or "https://github.com/frappe/erpnext"
ERPNEXT_BRANCH = os.environ.get("ERPNEXT_BRANCH") or FRAPPE_BRANCH

ADMIN_PASSWORD = "admin"  # every site made here listens on 127.0.0.1 only
COUNTRY, CURRENCY, TIME_ZONE = "United States", "USD", "America/New_York"


@dataclass(frozen=True)
class Source:
	"""A Frappe app that is fetched with git."""

	name: str
	repo: str
	branch: str


def sources() -> list[Source]:
	chosen = [Source("frappe", FRAPPE_REPO, FRAPPE_BRANCH)]
	if WITH_ERPNEXT:
		chosen.append(Source("erpnext", ERPNEXT_REPO, ERPNEXT_BRANCH))
	return chosen


def home() -> Path:
	chosen = os.environ.get("MSP_LICENSING_HOME")
	return Path(chosen).expanduser().resolve() if chosen else Path.home() / ".msp-licensing"


def python_tag() -> str:
	return f"py{sys.version_info[0]}.{sys.version_info[1]}"


def toolchain_key() -> str:
	"""Different repositories, branches, apps or Pythons never share a folder."""
	chosen = sources()
	identity = "\n".join(f"{s.name} {s.repo} {s.branch}" for s in chosen) + "\n" + python_tag()
	label = "-".join([chosen[0].branch.replace("/", "-"), *(s.name for s in chosen[1:])])
	return f"{label}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def checkout_key() -> str:
	return hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]


def app_requirements() -> list[str]:
	"""`dependencies` of pyproject.toml. Python 3.10 has no reader for it; a list of texts is written as in Python."""
	text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
	if found := re.search(r"^dependencies = (\[.*?^\])", text, re.M | re.S):
		return ast.literal_eval(found[1])
	raise SystemExit("pyproject.toml names no dependencies")


def test_requirements() -> Path:
	return CHECKOUT / "dev" / "requirements-test.txt"
