"""A linter has one version, wherever it is named: `make lint`, pre-commit and GitHub Actions must not disagree."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# The hook's repository -> the package of dev/requirements-lint.txt.
HOOKS = {
	"https://github.com/astral-sh/ruff-pre-commit": "ruff",
	"https://github.com/seddonym/import-linter": "import-linter",
	"https://github.com/pre-commit/mirrors-mypy": "mypy",
}


def pinned(name: str) -> dict[str, str]:
	text = (ROOT / "dev" / name).read_text(encoding="utf-8")
	return dict(re.findall(r"^([\w-]+)==(\S+)$", text, re.M))


def test_pre_commit_runs_the_versions_that_make_lint_runs():
	found: dict[str, str] = {}
	config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
	for repo in config["repos"]:
		if package := HOOKS.get(repo["repo"]):
			found[package] = repo["rev"].removeprefix("v")
			for hook in repo["hooks"]:
				found.update(wanted.split("==") for wanted in hook.get("additional_dependencies", ()))
	assert found == pinned("requirements-lint.txt")


def test_every_linter_is_pinned_to_one_version():
	for name in ("requirements-lint.txt", "requirements-semgrep.txt"):
		lines = (ROOT / "dev" / name).read_text(encoding="utf-8").splitlines()
		wanted = [line for line in lines if line and not line.startswith("#")]
		assert len(pinned(name)) == len(wanted) > 0, name
