from pathlib import Path

from setuptools import find_packages, setup

setup(
	name="msp_licensing",
	version="0.1.0",
	description="Pax8 licenses in Frappe and ERPNext: sync, client self-service, approvals and proven changes",
	long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
	long_description_content_type="text/markdown",
	author="The MSP Licensing authors",
	license="MIT",
	packages=find_packages(include=["msp_licensing", "msp_licensing.*"]),
	include_package_data=True,
	zip_safe=False,
	python_requires=">=3.10",
	# The preview renders the portal's templates where there is no Frappe, which brings Jinja2.
	extras_require={"preview": ["Jinja2>=3.1"]},
	install_requires=[
		# frappe itself comes from its own repository through bench: the PyPI name is a placeholder.
		# rq and redis are pinned by Frappe.
		"httpx>=0.27,<1",
		"pydantic>=2.7,<3",
	],
)
