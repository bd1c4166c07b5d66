"""Companies and subscriptions made up from a seed: the same seed and clock give the same data."""

from __future__ import annotations

import random
from bisect import bisect
from datetime import datetime, timedelta
from itertools import accumulate

from msp_licensing.sandbox import storybook
from msp_licensing.sandbox.catalogue import make_products
from msp_licensing.sandbox.config import SandboxConfig
from msp_licensing.sandbox.dates import add_months
from msp_licensing.sandbox.model import (
	CURRENCY_FACTORS,
	TERM_MONTHS,
	Commitment,
	Company,
	Plan,
	Product,
	Subscription,
	id_from,
	midnight,
	money,
)
from msp_licensing.sandbox.world import World

# country -> (currency, telephone prefix, [(city, state or province, postal code)])
_PLACES: dict[str, tuple[str, str, list[tuple[str, str, str]]]] = {
	"US": (
		"USD",
		"+1 303 555",
		[
			("Denver", "Colorado", "80202"),
			("Salt Lake City", "Utah", "84101"),
			("Buffalo Grove", "Illinois", "60089"),
			("Spring Park", "Minnesota", "55384-2800"),
			("Tacoma", "Washington", "98402"),
		],
	),
	"CA": ("CAD", "+1 514 555", [("Montréal", "Québec", "H2Y 1C6"), ("Toronto", "Ontario", "M5H 2N2")]),
	"GB": (
		"GBP",
		"+44 20 7946",
		[("London", "Greater London", "EC1A 1BB"), ("Leeds", "Yorkshire", "LS1 4AP")],
	),
	"AU": ("AUD", "+61 2 5550", [("Sydney", "NSW", "2000"), ("Melbourne", "VIC", "3000")]),
	"DE": ("EUR", "+49 30 5550", [("München", "Bayern", "80331"), ("Köln", "Nordrhein-Westfalen", "50667")]),
	"FR": ("EUR", "+33 1 5550", [("Saint-Étienne", "Auvergne-Rhône-Alpes", "42000")]),
	"PL": ("EUR", "+48 42 555", [("Łódź", "Łódzkie", "90-001")]),
	"JP": ("USD", "+81 3 5550", [("東京", "東京都", "100-0001")]),
}
_COUNTRY_CHOICES = ("US",) * 10 + ("CA",) * 3 + ("GB",) * 3 + ("AU",) * 2 + ("DE",) * 2 + ("FR", "PL")

# Names that catch what is not escaped, not encoded or not trimmed: first after the storybook.
_TELLING_NAMES: tuple[tuple[str, str, str], ...] = (
	("O'Brien & Daughters Ltd", "GB", "Active"),
	("Fox & <i>Hound</i> <b>Studio</b>", "US", "Active"),
	("Zakłady Łódź Sp. z o.o.", "PL", "Active"),
	("株式会社さくらシステム", "JP", "Active"),
	('The "Quoted" Company, Inc.', "CA", "Inactive"),
	(
		"Café Ñandú – Société à responsabilité limitée d'import-export et de logistique internationale",
		"FR",
		"Active",
	),
	("Closed & Gone Pty Ltd", "AU", "Deleted"),
	("0633 - Citizens State Bank", "US", "Active"),
)
_FIRST = [
	"Alder",
	"Summit",
	"Harbor",
	"Granite",
	"Willow",
	"Copper",
	"Prairie",
	"Beacon",
	"Northgate",
	"Riverside",
	"Bluebird",
	"Keystone",
	"Juniper",
	"Ironwood",
	"Lakeview",
	"Silverline",
	"Cascade",
	"Maple",
	"Redstone",
	"Clearwater",
	"Meridian",
	"Oakfield",
	"Pinnacle",
	"Sterling",
	"Westbrook",
]
_SECOND = [
	"Dental",
	"Legal Partners",
	"Logistics",
	"Veterinary Clinic",
	"Architects",
	"Accounting",
	"Construction",
	"Foods",
	"Insurance Group",
	"Manufacturing",
	"Media",
	"Pharmacy",
	"Physiotherapy",
	"Real Estate",
	"Schools Trust",
	"Software",
	"Surveyors",
	"Travel",
	"Wealth Advisers",
	"Printing",
]
_ENDINGS = {
	"US": "LLC",
	"CA": "Inc.",
	"GB": "Ltd",
	"AU": "Pty Ltd",
	"DE": "GmbH",
	"FR": "SARL",
	"PL": "Sp. z o.o.",
}

_STATUSES: tuple[tuple[str, float], ...] = (
	("Active", 0.80),
	("Cancelled", 0.07),
	("Trial", 0.03),
	("PendingManual", 0.02),
	("PendingAutomated", 0.02),
	("PendingCancel", 0.025),
	("Converted", 0.02),
	("WaitingForDetails", 0.005),
	("PendingActivation", 0.005),
	("Activated", 0.005),
)
_STATUS_NAMES = tuple(name for name, _ in _STATUSES)
_STATUS_LIMITS = tuple(accumulate(weight for _, weight in _STATUSES))


def make_world(config: SandboxConfig, now: datetime) -> World:
	"""Make all records for `config`, with dates relative to `now` (aware)."""
	story = storybook.tell(now)
	world = World(config.seed, now)
	for company in [
		*story.companies,
		*make_companies(config.companies - len(story.companies), config.seed, now),
	]:
		world.companies.add(company)
	first_number = len(story.products) + 1
	for product in [
		*story.products,
		*make_products(config.products - len(story.products), config.seed, first_number),
	]:
		world.products.add(product)
	for subscription in story.subscriptions:
		world.add_subscription(subscription)
	make_subscriptions(world, config.subscriptions - len(story.subscriptions), config.seed, now)
	return world


def make_companies(count: int, seed: int, now: datetime) -> list[Company]:
	"""`count` companies after the storybook's: those with telling names first."""
	rng = random.Random(f"{seed} companies")
	today = midnight(now)
	companies: list[Company] = []
	for number in range(count):
		if number < len(_TELLING_NAMES):
			name, country, status = _TELLING_NAMES[number]
		else:
			country = rng.choice(_COUNTRY_CHOICES)
			chance = rng.random()
			status = "Active" if chance < 0.9 else "Inactive" if chance < 0.97 else "Deleted"
			name = f"{rng.choice(_FIRST)} {rng.choice(_SECOND)} {_ENDINGS[country]}"
		currency, prefix, cities = _PLACES[country]
		city, state, postal_code = rng.choice(cities)
		company_id = id_from(rng.getrandbits(128))
		companies.append(
			Company(
				id=company_id,
				name=name,
				street=f"{rng.randint(1, 9999)} {rng.choice(_FIRST)} Street",
				street2=f"Suite {rng.randint(1, 90)}00" if rng.random() < 0.2 else None,
				city=city,
				state=state,
				postal_code=postal_code,
				country=country,
				phone=f"{prefix} {rng.randint(0, 9999):04d}",
				website=f"https://client-{company_id[:8]}.example",
				status=status,
				currency=currency,
				updated=today
				- timedelta(seconds=rng.randint(3600, 400 * 86400), milliseconds=rng.randint(0, 999)),
				external_id=f"A{1000 + number}" if rng.random() < 0.6 else None,
				bill_on_behalf=rng.random() < 0.1,
				self_service=rng.random() < 0.3,
				order_approval=rng.random() < 0.2,
			)
		)
	return companies


def make_subscriptions(world: World, count: int, seed: int, now: datetime) -> None:
	"""Add `count` subscriptions of companies other than the storybook's to `world`.

	Where there are no other companies, none are made: the storybook's own stay as told.
	"""
	rng = random.Random(f"{seed} subscriptions")
	story_companies = {
		storybook.CEDAR_AND_PINE,
		storybook.MUELLER_UND_SOEHNE,
		storybook.NORTHWIND_PARTNER,
		storybook.BLUE_HARBOR_DENTAL,
	}
	companies = [company for company in world.companies.order if company.id not in story_companies]
	if not companies or count <= 0:
		return
	# A few large clients and many small ones; well-known products oftener than the catalogue's far end.
	sizes = list(accumulate(1 / (1 + rng.random() * 20) for _ in companies))
	products = [product for product in world.products.order if product.plans]
	popularity = list(accumulate(1 / (8 + place) for place in range(len(products))))
	today = midnight(now)
	for _ in range(count):
		company = companies[min(bisect(sizes, rng.random() * sizes[-1]), len(companies) - 1)]
		product = products[min(bisect(popularity, rng.random() * popularity[-1]), len(products) - 1)]
		parent = None
		if product.requires:
			parent = next(
				(
					held
					for held in world.subscriptions_of(company.id)
					if held.product_id in product.requires and held.status == "Active"
				),
				None,
			)
			if parent is None:
				# An add-on without what it needs is not sold: the needed product is bought first.
				product = world.products.rows[product.requires[0]]
				if not product.plans:
					continue_with = next(other for other in products if not other.requires)
					product = continue_with
		world.add_subscription(_subscription(rng, today, company, product, parent))


def _subscription(
	rng: random.Random, today: datetime, company: Company, product: Product, parent: Subscription | None
) -> Subscription:
	plan = rng.choice(product.plans)
	status = _STATUS_NAMES[min(bisect(_STATUS_LIMITS, rng.random()), len(_STATUS_NAMES) - 1)]
	if company.status == "Deleted":
		status = "Cancelled"
	elif parent is not None:
		status = "Active"
	elif plan.billing_term == "Trial" and status not in ("Cancelled", "Converted"):
		status = "Trial"
	elif plan.billing_term == "Activation":
		status = rng.choice(("PendingActivation", "Activated"))
	elif status in ("PendingActivation", "Activated", "Trial") and plan.billing_term != "Trial":
		status = "Active"
	start, held = _start_and_commitment(rng, today, product, plan, status)
	usage = product.shape == "container" or product.shape.startswith("usage:")
	quantity = 1 if usage else max(1, round(rng.lognormvariate(2.1, 1.1)))
	rate = plan.rate_for(quantity)
	factor = CURRENCY_FACTORS[company.currency]
	created = min(start - timedelta(hours=rng.randint(1, 72)), today - timedelta(hours=rng.randint(1, 20)))
	microsoft = product.vendor == "Microsoft"
	subscription_id = id_from(rng.getrandbits(128))
	lived = max(0, (today - created).days)
	return Subscription(
		id=subscription_id,
		company_id=company.id,
		product_id=product.id,
		product_name=product.name,
		quantity=quantity,
		status=status,
		billing_term=plan.billing_term,
		currency=company.currency,
		price=None if rate.retail is None else money(rate.retail * factor),
		partner_cost=None if rate.buy is None or rng.random() < 0.1 else money(rate.buy * factor),
		start=start,
		created=created,
		billing_start=add_months(start.date().replace(day=1), 1) if microsoft else start.date(),
		updated=created + timedelta(days=rng.randint(0, lived), milliseconds=rng.randint(0, 999))
		if lived and rng.random() < 0.5
		else None,
		end=_end(rng, today, start, status),
		commitment=held,
		parent_id=parent.id if parent else None,
		vendor_subscription_id=id_from(rng.getrandbits(128)) if microsoft and rng.random() < 0.95 else None,
		vendor_sku_id=product.vendor_sku if microsoft else None,
	)


def _start_and_commitment(
	rng: random.Random, today: datetime, product: Product, plan: Plan, status: str
) -> tuple[datetime, Commitment | None]:
	at = timedelta(hours=rng.randint(0, 23), minutes=rng.choice((0, 30)))
	# A commitment of one month shows as none at all on the subscription.
	option = product.commitment("", plan.commitment) if plan.commitment not in (None, "Monthly") else None
	if option is None:
		if status.startswith("Pending") or status == "WaitingForDetails":
			return today - timedelta(days=rng.randint(0, 10)) + at, None
		if status == "Active" and rng.random() < 0.01:
			return today + timedelta(days=rng.randint(2, 60)) + at, None
		return today - timedelta(days=rng.randint(1, 1100)) + at, None
	months = TERM_MONTHS[option.term]
	# Most terms end at any time ahead, some within a month, and a few ended unrenewed.
	chance = rng.random()
	ends_in = (
		-rng.randint(1, 45)
		if chance < 0.05
		else rng.randint(0, 30)
		if chance < 0.15
		else rng.randint(31, months * 30)
	)
	end = today + timedelta(days=ends_in)
	first_day = add_months(end.date(), -months * (1 + (rng.random() < 0.3)))
	start = datetime(first_day.year, first_day.month, first_day.day, tzinfo=today.tzinfo) + at
	return min(start, today - timedelta(days=1)), Commitment(option.id, option.term, end)


def _end(rng: random.Random, today: datetime, start: datetime, status: str) -> datetime | None:
	if status == "Trial":
		return today + timedelta(days=rng.randint(1, 29), hours=8, minutes=30)
	if status == "PendingCancel":
		return today + timedelta(days=rng.randint(0, 28))
	if status in ("Cancelled", "Converted"):
		days = max(0, (today - start).days)
		return today - timedelta(days=rng.randint(0, days))
	return None
