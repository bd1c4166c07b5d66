"""The part of the data that is always there, always first, and always has these ids, whatever the seed.

Four companies, their products and subscriptions, for demonstrations and tests to rely on:

* **Cedar & Pine Architects** (USD): one subscription for each situation that a client's screen must handle;
* **Müller & Söhne GmbH** (EUR): a second client, with a second currency;
* **Northwind IT Services (Partner)**: the partner itself, to which usage falls that no company is linked to;
* **Blue Harbor Dental**: a company that nobody has mapped yet.

Dates are relative to the sandbox clock when the data was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from msp_licensing.sandbox.catalogue import Entry, make_product
from msp_licensing.sandbox.dates import add_months
from msp_licensing.sandbox.model import (
	CURRENCY_FACTORS,
	Commitment,
	Company,
	Product,
	Subscription,
	midnight,
	money,
)


def _company(number: int) -> str:
	return f"c0000000-0000-4000-8000-{number:012d}"


def _product(number: int) -> str:
	return f"d0000000-0000-4000-8000-{number:012d}"


def _subscription(number: int) -> str:
	return f"50000000-0000-4000-8000-{number:012d}"


# Companies
CEDAR_AND_PINE = _company(1)
MUELLER_UND_SOEHNE = _company(2)
NORTHWIND_PARTNER = _company(3)
BLUE_HARBOR_DENTAL = _company(4)

# Products
KEEPER_BUSINESS = _product(1)
M365_BUSINESS_PREMIUM = _product(2)
M365_BUSINESS_BASIC = _product(3)
AZURE_PLAN = _product(4)
ADOBE_ACROBAT_PRO = _product(5)
EXCHANGE_ONLINE_PLAN_1 = _product(6)
DROPSUITE_MICROSOFT_365 = _product(7)
TEAMS_PHONE_STANDARD = _product(8)
DEFENDER_PROMO = _product(9)
SOPHOS_INTERCEPT_X = _product(10)
EXCLAIMER_PRO = _product(11)
ESET_PROTECT_ENTRY = _product(12)
ACRONIS_CLOUD_STORAGE = _product(13)
SENTINELONE_COMPLETE_USAGE = _product(14)
PRODUCT_WITHOUT_PRICES = _product(15)
PRODUCT_WITHOUT_PARTNER_PRICE = _product(16)

# Cedar & Pine Architects
CEDAR_KEEPER = _subscription(1)
"""Quantity 10, monthly, no commitment: the subscription of the demonstration (10 to 15, 10 to 40)."""
CEDAR_BUSINESS_PREMIUM = _subscription(2)
"""Quantity 25, annual commitment ending in about five months, which permits no decrease."""
CEDAR_BUSINESS_BASIC = _subscription(3)
"""Quantity 12, annual commitment that permits a decrease."""
CEDAR_AZURE = _subscription(4)
"""Quantity 1: a container of usage, at price 0."""
CEDAR_ACROBAT_TRIAL = _subscription(5)
"""A trial that ends in 20 days."""
CEDAR_EXCHANGE_CANCELLED = _subscription(6)
"""Cancelled two months ago."""
CEDAR_DROPSUITE_PENDING = _subscription(7)
"""PendingManual: somebody at the vendor has to act first."""
CEDAR_TEAMS_PHONE = _subscription(8)
"""An add-on: its parent is CEDAR_BUSINESS_PREMIUM."""
CEDAR_DEFENDER_PROMO = _subscription(9)
"""Seats at price 0 that are not usage: a promotion."""
CEDAR_SOPHOS = _subscription(10)
"""Quantity 42 at volume prices."""

# Müller & Söhne GmbH
MUELLER_BUSINESS_PREMIUM = _subscription(21)
"""Quantity 18, annual commitment ending in 20 days, which permits no decrease."""
MUELLER_EXCLAIMER = _subscription(22)
"""Quantity 30, monthly, no commitment."""
MUELLER_ESET = _subscription(23)
"""Quantity 30 at volume prices."""
MUELLER_ACRONIS_USAGE = _subscription(24)
"""Usage in GB, at price 0."""
MUELLER_BUSINESS_BASIC = _subscription(25)
"""Quantity 8, commitment that ended ten days ago."""

# Northwind IT Services (Partner)
NORTHWIND_SENTINELONE_USAGE = _subscription(41)
"""Usage that falls to the partner for want of a linked company."""

# Blue Harbor Dental
BLUE_HARBOR_KEEPER = _subscription(61)
"""Quantity 6, monthly, no commitment."""
BLUE_HARBOR_BUSINESS_PREMIUM = _subscription(62)
"""Quantity 9; starts in 30 days, so it cannot be changed yet."""

DEMO_SUBSCRIPTION = CEDAR_KEEPER
CURRENCY_NUMBERS = {currency: number for number, currency in enumerate(CURRENCY_FACTORS, start=1)}

# Resource groups of usage, as their vendors spell them. Azure's are linked to Cedar & Pine by themselves.
CEDAR_AZURE_PRODUCTION = "cedar-pine-production"
"""Fourteen products: more than a page of usage lines."""
CEDAR_AZURE_BACKUP = "cedar-pine-backup"
CEDAR_AZURE_DEV_TEST = "cedar-pine-dev-test"
"""First used on the third of each month."""
MUELLER_ACRONIS_GROUP = "Mueller & Soehne GmbH (EU-204417)"
MUELLER_ACRONIS_TRIAL = "Mueller & Soehne GmbH - Test (EU-204993)"
"""A trial, linked to Müller & Söhne."""
SENTINELONE_OF_CEDAR = "Cedar and Pine Architects LLC (8841207)"
"""Linked to nobody, although it is clear whose it is."""
SENTINELONE_OF_NOBODY = "zz_migrated_0093"
"""Linked to nobody, and nobody knows whose it is."""
SENTINELONE_DEFAULT_SITE = "Default site"
"""Linked to the partner itself."""
SENTINELONE_OF_BLUE_HARBOR = "4471 - BLUE HARBOR DENTAL"
"""Linked to a company that nobody has mapped yet."""
SENTINELONE_TRIAL = "POC lab"
"""A trial, linked to the partner itself."""
SENTINELONE_DORMANT = "Onboarding template"
"""Linked to nobody, and free of charge."""
SENTINELONE_DISPUTED = "Site 12 (2201984)"
"""Linked to Müller & Söhne, while the partner of the demo thinks that it is Cedar & Pine's."""


PARTNER_NAME = "Northwind IT Services"
"""Whom the invoices are for; its own company among the partner's is NORTHWIND_PARTNER."""


def invoice_id(month: date, currency: str, revision: int = 0) -> str:
	"""The id of the invoice of a month (any day of it) in a currency; `revision` counts its reissues."""
	number = CURRENCY_NUMBERS.get(currency, 99)
	return f"1a000000-0000-4000-8000-{month:%Y%m}{number:02d}{revision:04d}"


def usage_summary_id(number: int, month: date) -> str:
	"""The id of a storybook group's summary in the month of `month`; ids are new each month.

	The numbers: 1, 2, 3 are Cedar & Pine's Azure groups, 11 and 12 are Müller & Söhne's, 21 to 26 are SentinelOne's,
	each in the order above.
	"""
	return f"5a000000-0000-4000-8000-{month:%Y%m}{number:06d}"


@dataclass(frozen=True, slots=True)
class Story:
	"""The records of the storybook, in listing order."""

	companies: list[Company]
	products: list[Product]
	subscriptions: list[Subscription]


_ENTRIES: tuple[tuple[str, Entry, str, tuple[str, ...]], ...] = (
	(KEEPER_BUSINESS, Entry("Keeper Security", "Keeper Business", 2.62, 3.75, "monthly"), "", ()),
	(
		M365_BUSINESS_PREMIUM,
		Entry("Microsoft", "Microsoft 365 Business Premium", 18.70, 22.00, "nce"),
		"",
		(),
	),
	(
		M365_BUSINESS_BASIC,
		Entry("Microsoft", "Microsoft 365 Business Basic", 5.10, 6.00, "nce-flex"),
		"",
		(),
	),
	(AZURE_PLAN, Entry("Microsoft", "Microsoft Azure Plan", 0, 0, "container"), "", ()),
	(
		ADOBE_ACROBAT_PRO,
		Entry("Adobe", "Adobe Acrobat Pro for teams", 20.39, 23.99, "annual-or-trial"),
		"",
		(),
	),
	(EXCHANGE_ONLINE_PLAN_1, Entry("Microsoft", "Exchange Online (Plan 1)", 3.40, 4.00, "nce"), "", ()),
	(
		DROPSUITE_MICROSOFT_365,
		Entry("Dropsuite", "Dropsuite Backup and Archiving for Microsoft 365", 2.05, 4.00, "monthly"),
		"",
		(),
	),
	(
		TEAMS_PHONE_STANDARD,
		Entry("Microsoft", "Microsoft Teams Phone Standard", 8.50, 10.00, "nce-addon"),
		"",
		(M365_BUSINESS_PREMIUM,),
	),
	(
		DEFENDER_PROMO,
		Entry("Microsoft", "Microsoft Defender for Business (NCE Promo)", 0, 0, "promo"),
		"",
		(),
	),
	(
		SOPHOS_INTERCEPT_X,
		Entry("Sophos", "Sophos Central Intercept X Advanced", 2.70, 4.20, "volume"),
		"",
		(),
	),
	(EXCLAIMER_PRO, Entry("Exclaimer", "Exclaimer Pro", 1.28, 1.88, "monthly"), "", ()),
	(ESET_PROTECT_ENTRY, Entry("ESET", "ESET PROTECT Entry", 1.55, 2.75, "volume"), "", ()),
	(
		ACRONIS_CLOUD_STORAGE,
		Entry("Acronis", "Acronis Cyber Protect Cloud - Cloud Storage", 0, 0, "usage:GB"),
		"",
		(),
	),
	(
		SENTINELONE_COMPLETE_USAGE,
		Entry("SentinelOne", "SentinelOne Singularity Complete (Arrears)", 0, 0, "usage:Endpoint"),
		"",
		(),
	),
	(
		PRODUCT_WITHOUT_PRICES,
		Entry("KnowBe4", "KnowBe4 Security Awareness Training Diamond", 2.35, 3.55, "annual"),
		"all",
		(),
	),
	(
		PRODUCT_WITHOUT_PARTNER_PRICE,
		Entry("Veeam", "Veeam Backup for Salesforce", 2.10, 3.90, "monthly"),
		"partner",
		(),
	),
)


def tell(now: datetime) -> Story:
	"""Make the storybook's records, with dates relative to `now` (aware)."""
	today = midnight(now)
	products = {
		product_id: make_product(product_id, entry, price_gap=gap, requires=requires, number=number)
		for number, (product_id, entry, gap, requires) in enumerate(_ENTRIES, start=1)
	}
	companies = {company.id: company for company in _companies(today)}
	return Story(
		companies=list(companies.values()),
		products=list(products.values()),
		subscriptions=_subscriptions(today, companies, products),
	)


def _companies(today: datetime) -> list[Company]:
	updated = today - timedelta(days=40, hours=-9, milliseconds=-314)
	return [
		Company(
			id=CEDAR_AND_PINE,
			name="Cedar & Pine Architects",
			street="1420 Larimer Street",
			street2="Suite 300",
			city="Denver",
			state="Colorado",
			postal_code="80202",
			country="US",
			phone="303-555-0142",
			website="https://cedarandpine.example",
			status="Active",
			currency="USD",
			updated=updated,
			external_id="CEDAR-PINE",
			self_service=True,
		),
		Company(
			id=MUELLER_UND_SOEHNE,
			name="Müller & Söhne GmbH",
			street="Königsallee 27",
			city="Düsseldorf",
			state="Nordrhein-Westfalen",
			postal_code="40212",
			country="DE",
			phone="+49 211 5550142",
			website="https://mueller-soehne.example",
			status="Active",
			currency="EUR",
			updated=updated,
			self_service=False,
			order_approval=True,
		),
		Company(
			id=NORTHWIND_PARTNER,
			name="Northwind IT Services (Partner)",
			street="5500 S Quebec St",
			street2="Ste. 350",
			city="Greenwood Village",
			state="Colorado",
			postal_code="80111",
			country="US",
			phone="303-555-0100",
			website="https://northwind-it.example",
			status="Active",
			currency="USD",
			updated=updated,
		),
		Company(
			id=BLUE_HARBOR_DENTAL,
			name="Blue Harbor Dental",
			street="88 Commercial Street",
			city="Portland",
			state="Maine",
			postal_code="04101",
			country="US",
			phone="207-555-0188",
			website="https://blueharbordental.example",
			status="Active",
			currency="USD",
			updated=updated,
		),
	]


def _subscriptions(
	today: datetime, companies: dict[str, Company], products: dict[str, Product]
) -> list[Subscription]:
	def make(
		subscription_id: str,
		company_id: str,
		product_id: str,
		quantity: int,
		started_days_ago: int,
		*,
		status: str = "Active",
		term: str = "Monthly",
		commitment: str | None = None,
		commitment_ends_in: int = 0,
		ends_in: int | None = None,
		parent: str | None = None,
	) -> Subscription:
		company, product = companies[company_id], products[product_id]
		start = today - timedelta(days=started_days_ago) + timedelta(hours=8, minutes=30)
		# No more than three days before the start, and never in the future.
		created = min(start - timedelta(days=3), today - timedelta(days=1)) + timedelta(
			hours=4, milliseconds=153
		)
		held = None
		if commitment:
			option = product.commitment("", commitment)
			assert option is not None
			held = Commitment(option.id, commitment, today + timedelta(days=commitment_ends_in))
		plan = product.plan_for(term, commitment)
		rate = plan.rate_for(quantity) if plan else None
		factor = CURRENCY_FACTORS[company.currency]
		microsoft = product.vendor == "Microsoft"
		return Subscription(
			id=subscription_id,
			company_id=company_id,
			product_id=product_id,
			product_name=product.name,
			quantity=quantity,
			status=status,
			billing_term=term,
			currency=company.currency,
			price=money(rate.retail * factor) if rate and rate.retail is not None else None,
			partner_cost=money(rate.buy * factor) if rate and rate.buy is not None else None,
			start=start,
			created=created,
			billing_start=add_months(start.date().replace(day=1), 1) if microsoft else start.date(),
			end=None if ends_in is None else today + timedelta(days=ends_in, hours=8, minutes=30),
			commitment=held,
			parent_id=parent,
			vendor_subscription_id=f"a0000000{subscription_id[8:]}" if microsoft else None,
			vendor_sku_id=product.vendor_sku if microsoft else None,
		)

	cedar, mueller = CEDAR_AND_PINE, MUELLER_UND_SOEHNE
	year: dict[str, Any] = {"term": "Annual", "commitment": "1-Year"}
	return [
		make(CEDAR_KEEPER, cedar, KEEPER_BUSINESS, 10, 420),
		make(CEDAR_BUSINESS_PREMIUM, cedar, M365_BUSINESS_PREMIUM, 25, 213, **year, commitment_ends_in=152),
		make(CEDAR_BUSINESS_BASIC, cedar, M365_BUSINESS_BASIC, 12, 100, **year, commitment_ends_in=265),
		make(CEDAR_AZURE, cedar, AZURE_PLAN, 1, 500),
		make(CEDAR_ACROBAT_TRIAL, cedar, ADOBE_ACROBAT_PRO, 3, 10, status="Trial", term="Trial", ends_in=20),
		make(
			CEDAR_EXCHANGE_CANCELLED, cedar, EXCHANGE_ONLINE_PLAN_1, 4, 700, status="Cancelled", ends_in=-61
		),
		make(CEDAR_DROPSUITE_PENDING, cedar, DROPSUITE_MICROSOFT_365, 25, 2, status="PendingManual"),
		make(
			CEDAR_TEAMS_PHONE,
			cedar,
			TEAMS_PHONE_STANDARD,
			8,
			200,
			**year,
			commitment_ends_in=152,
			parent=CEDAR_BUSINESS_PREMIUM,
		),
		make(CEDAR_DEFENDER_PROMO, cedar, DEFENDER_PROMO, 25, 60),
		make(CEDAR_SOPHOS, cedar, SOPHOS_INTERCEPT_X, 42, 330),
		make(
			MUELLER_BUSINESS_PREMIUM, mueller, M365_BUSINESS_PREMIUM, 18, 345, **year, commitment_ends_in=20
		),
		make(MUELLER_EXCLAIMER, mueller, EXCLAIMER_PRO, 30, 250),
		make(MUELLER_ESET, mueller, ESET_PROTECT_ENTRY, 30, 180),
		make(MUELLER_ACRONIS_USAGE, mueller, ACRONIS_CLOUD_STORAGE, 1, 150),
		make(MUELLER_BUSINESS_BASIC, mueller, M365_BUSINESS_BASIC, 8, 375, **year, commitment_ends_in=-10),
		make(NORTHWIND_SENTINELONE_USAGE, NORTHWIND_PARTNER, SENTINELONE_COMPLETE_USAGE, 1, 600),
		make(BLUE_HARBOR_KEEPER, BLUE_HARBOR_DENTAL, KEEPER_BUSINESS, 6, 90),
		make(
			BLUE_HARBOR_BUSINESS_PREMIUM,
			BLUE_HARBOR_DENTAL,
			M365_BUSINESS_PREMIUM,
			9,
			-30,
			**year,
			commitment_ends_in=395,
		),
	]
