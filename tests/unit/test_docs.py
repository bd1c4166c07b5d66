"""The documentation names only what exists: links, images, headings, `make` targets, commands of `dev/run`, REST functions."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.S | re.M)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.M)
# What belongs to Frappe, or to the machine, and not to this repository.
OUTSIDE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.I)
# Prose also says "make" ("make changes"): only code names a target.
CODE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)\s*$|^(?: {4}|\t)[^\n]*|`[^`\n]+`", re.S | re.M)
MAKE = re.compile(r"(?:^|[\s`;&|(])make ([a-z][a-z0-9-]*)")
DEV_RUN = re.compile(r"dev/run ([a-z][a-z0-9-]*)")


def pages() -> list[Path]:
	"""Every Markdown file of the repository, also one that is not committed yet."""
	listed = subprocess.run(
		["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
		cwd=ROOT,
		capture_output=True,
		text=True,
	)
	if listed.returncode:  # a copy without git
		return sorted(ROOT.rglob("*.md"))
	return sorted(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).exists())


PAGES = pages()
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
	return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
	"""The anchors of the headings of a page, as GitHub makes them; a repeated heading gets a number."""
	found: dict[str, int] = {}
	names = set()
	for heading in HEADING.findall(FENCE.sub("", text_of(page))):
		words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
		name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
		number = found[name] = found.get(name, -1) + 1
		names.add(f"{name}-{number}" if number else name)
	return names


def broken_links(page: Path) -> list[str]:
	broken = []
	for target in LINK.findall(FENCE.sub("", text_of(page))):
		if OUTSIDE.match(target):
			continue
		path, _hash, anchor = target.partition("#")
		file = (page.parent / unquote(path)).resolve() if path else page
		if not file.exists() or not file.is_relative_to(ROOT):
			broken.append(f"{target}: no such file")
		elif anchor and file.suffix == ".md" and anchor not in anchors(file):
			broken.append(f"{target}: no such heading")
	return broken


def named(pattern: re.Pattern[str], text: str) -> set[str]:
	return {name for code in CODE.findall(text) for name in pattern.findall(code)}


def make_targets() -> set[str]:
	makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
	return {name for line in re.findall(r"^([\w \-]+):", makefile, re.M) for name in line.split()}


def dev_commands() -> set[str]:
	"""The words that `dev/env.py` compares its command with."""
	source = (ROOT / "dev" / "env.py").read_text(encoding="utf-8")
	compared = re.findall(r"command (?:==|in) (\([^)]*\)|\"[^\"]+\")", source)
	return {name for words in compared for name in re.findall(r"\"([^\"]+)\"", words)}


@each_page
def test_every_link_and_image_leads_to_a_file_and_heading_of_the_repository(page):
	assert broken_links(page) == []


@each_page
def test_every_make_target_that_a_page_names_exists(page):
	assert named(MAKE, text_of(page)) <= make_targets()


@each_page
def test_every_command_of_dev_run_that_a_page_names_exists(page):
	assert named(DEV_RUN, text_of(page)) <= dev_commands()


# --------------------------------------------------------------------------------------------- REST functions

SIGNATURE = re.compile(r"^```python\n([\w.]+)(\(.*?\))(?: -> ([^#\n]+?))?\s*# ([^\n]+)\n```$", re.S | re.M)
ADDRESS = re.compile(r"/api/method/(msp_licensing\.[\w.]+)")
# Python paths of functions that a package offers under a shorter name.
SHORT = {"msp_licensing.webhooks.receive": "msp_licensing.webhooks.endpoint.receive"}


def whitelisted() -> Iterator[tuple[str, ast.FunctionDef, str]]:
	"""Each whitelisted function: its dotted path, itself, and the methods it takes."""
	for area in ("portal", "desk", "webhooks"):
		for file in sorted((ROOT / "msp_licensing" / area).glob("*.py")):
			for node in ast.parse(file.read_text(encoding="utf-8")).body:
				if not isinstance(node, ast.FunctionDef):
					continue
				for decorator in node.decorator_list:
					words = ast.unparse(decorator)
					if words.startswith("frappe.whitelist("):
						methods = re.search(r"methods=(\[.*?\])", words)
						allowed = ast.literal_eval(methods[1]) if methods else ["GET", "POST"]
						yield f"msp_licensing.{area}.{file.stem}.{node.name}", node, ", ".join(allowed)


API = {path: (node, methods) for path, node, methods in whitelisted()}
API_PAGES = [page for page in PAGES if page.parent == ROOT / "docs" / "api"]


def documented() -> list[tuple[Path, str, str, str, str]]:
	"""Each signature in docs/api: its page, the name, the arguments, the type of the answer, and the words after `#`."""
	return [(page, *found) for page in API_PAGES for found in SIGNATURE.findall(text_of(page))]


@each_page
def test_every_address_of_a_rest_function_in_a_page_exists(page):
	paths = ADDRESS.findall(text_of(page))
	assert [path for path in paths if SHORT.get(path, path) not in API] == []


def test_the_signatures_in_the_docs_are_those_of_the_code():
	for page, name, arguments, _answer, words in documented():
		called = {
			path
			for path in ADDRESS.findall(text_of(page))
			if path.rsplit(".", 1)[1] == name.rsplit(".", 1)[-1]
		}
		assert len(called) == 1, f"{page.name}: {name} needs one curl example"
		path = called.pop()
		assert path == name or "." not in name
		node, methods = API[SHORT.get(path, path)]
		shown = ast.parse(f"def f{arguments}: pass").body[0]
		assert ast.unparse(shown.args) == ast.unparse(node.args), path
		assert words.split(";")[0] == methods, path


def test_every_function_of_the_portal_is_documented():
	names = {name for page, name, *_ in documented() if page.name == "portal.md"}
	assert names == {path.rsplit(".", 1)[1] for path in API if path.startswith("msp_licensing.portal.")}


# --------------------------------------------------------------------------------------------- the checks themselves


def test_the_checks_find_what_is_broken(tmp_path, monkeypatch):
	monkeypatch.setitem(globals(), "ROOT", tmp_path)
	(tmp_path / "there.md").write_text("# A `Heading`, twice\n\n# A heading, twice\n", encoding="utf-8")
	page = tmp_path / "page.md"
	page.write_text(
		"[a](there.md) [b](gone.md) ![c](gone.png) [d](there.md#a-heading-twice-1) [e](there.md#other)\n"
		"[f](#here) [g](https://example.com/x) [h](/etc/hosts)\n\n```\n[i](gone.md)\n```\n\n## Here\n",
		encoding="utf-8",
	)
	assert [found.split(":")[0] for found in broken_links(page)] == [
		"gone.md",
		"gone.png",
		"there.md#other",
		"/etc/hosts",
	]


def test_commands_are_found_in_code_and_not_in_prose():
	text = 'You make changes.\n`make demo` or\n\n```\nX=1 make nonsense ARGS="a"\neval "$(dev/run other up)"\n```\n'
	assert named(MAKE, text) == {"demo", "nonsense"}
	assert named(DEV_RUN, text) == {"other"}
	assert {"demo", "test", "bench", "format"} <= make_targets()
	assert {"test-env", "pytest", "bench", "help"} <= dev_commands()
