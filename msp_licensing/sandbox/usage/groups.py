"""Which resource groups a usage subscription has, and what each consumes.

Resource groups are strings that vendors make, each in its own way: often a company's name and a number. Pax8
only passes them on. Whose they are is linked by hand in Pax8's portal; only Azure links itself.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from msp_licensing.sandbox import storybook
from msp_licensing.sandbox.draws import Draws
from msp_licensing.sandbox.model import CURRENCY_FACTORS, Company, Product, Subscription

if TYPE_CHECKING:
	from msp_licensing.sandbox.world import World

_NAMESPACE = uuid.UUID("0c2f1a3e-52a4-4d0e-8a4a-3f1b7c9d2e10")
_CENT = Decimal("0.01")
_FINE = Decimal("0.00001")
# Units that are counted; all others are measured, with fractions.
_COUNTED = frozenset({"Endpoint", "Device", "User", "Instance", "VM", "Data Source", "Minute"})


@dataclass(frozen=True, slots=True)
class Component:
	"""One product within a resource group. `price` and `cost` are per unit, in the group's currency.

	`monthly` is the quantity of an average month.
	"""

	product_id: str
	name: str
	unit: str
	price: Decimal
	cost: Decimal
	monthly: Decimal

	@property
	def counted(self) -> bool:
		"""Whether quantities are whole numbers."""
		return self.unit in _COUNTED


@dataclass(frozen=True, slots=True)
class Group:
	"""A resource group. `company_id` None = nobody's; `first_day` = day of the month of its first usage.

	`number` is the storybook's for its summaries' fixed ids, 0 elsewhere.
	"""

	name: str
	company_id: str | None
	currency: str
	components: tuple[Component, ...]
	trial: bool = False
	first_day: int = 1
	number: int = 0


# What an Azure Plan is made of: (name, unit, US dollars per unit).
_AZURE_METERS: tuple[tuple[str, str, str], ...] = (
	("Virtual Machines Dsv5 Series - D2s v5", "1 Hour", "0.115"),
	("Premium SSD Managed Disks - P10 LRS", "1/Month", "19.71"),
	("Azure Backup - LRS Data Stored", "1 GB/Month", "0.0224"),
	("Bandwidth - Standard Data Transfer Out", "1 GB", "0.087"),
	("Virtual Network - Standard IPv4 Static Public IP", "1 Hour", "0.005"),
	("Azure SQL Database - S0 DTUs", "1/Day", "0.4839"),
	("Log Analytics - Analytics Logs Data Ingestion", "1 GB", "2.76"),
	("Storage - Hot LRS Data Stored", "1 GB/Month", "0.0208"),
	("Storage - Hot LRS Write Operations", "10K", "0.055"),
	("Azure DNS - Public Zone", "1", "0.50"),
	("VPN Gateway - VpnGw1", "1 Hour", "0.19"),
	("Key Vault - Operations", "10K", "0.03"),
	("Azure App Service - B1 App", "1 Hour", "0.018"),
	("Microsoft Defender for Servers - Plan 2", "1 Hour", "0.02"),
	("Azure Files - Hot LRS Data Stored", "1 GB/Month", "0.0289"),
	("Azure Monitor - Alerts", "1/Month", "0.10"),
	("Network Watcher - Traffic Analytics", "1 GB", "2.30"),
	("Azure Virtual Desktop - User Access", "1/Month", "5.50"),
)
_METER_IDS = tuple(str(uuid.uuid5(_NAMESPACE, name)) for name, _unit, _dollars in _AZURE_METERS)
_AZURE_NAMES = ("production", "backup", "dev-test", "avd", "network", "dr-westus2")
_EXTRAS = ("", " - Overage", " - Server")


def is_usage(product: Product | None) -> bool:
	"""Whether subscriptions to the product are charged by usage."""
	return product is not None and (product.shape == "container" or product.shape.startswith("usage:"))


def is_azure(product: Product | None) -> bool:
	"""Whether the product is a container of Azure usage, which links itself to its company."""
	return product is not None and product.shape == "container"


def made_up(world: World, subscription: Subscription) -> list[Group]:
	"""The groups that a subscription has before anything is changed from outside: none unless it is usage."""
	product = world.products.rows.get(subscription.product_id)
	if product is None or not is_usage(product):
		return []
	if subscription.id in _STORY:
		return [
			_group(world, subscription, product, name, owner, pace, count, trial, first_day, number)
			for number, name, owner, pace, count, trial, first_day in _STORY[subscription.id]
		]
	draws = Draws(world.seed, "groups", subscription.id)
	company = world.companies.rows.get(subscription.company_id)
	azure = is_azure(product)
	names: dict[str, str | None] = {}
	for index in range(1 + (draws.below(3) if azure else draws.choice((0, 0, 0, 1, 2)))):
		if azure:
			names[f"{_slug(company)}-{_AZURE_NAMES[(index + draws.below(2) * 3) % 6]}"] = (
				subscription.company_id
			)
		else:
			owner = (
				_owner(world, subscription, draws) if index or draws.one_in(4) else subscription.company_id
			)
			shown = world.companies.rows.get(owner or "") or company
			names[_spelling(shown, draws)] = owner
	groups = []
	for name, owner in names.items():
		pace = Decimal(draws.choice((6, 15, 40, 90, 180, 420, 1300)) * draws.between(60, 140)) / 100
		count = draws.between(4, 18) if azure else 1 + draws.one_in(3)
		trial, free = draws.one_in(14), draws.one_in(12)
		first_day = draws.choice((1, 1, 1, 1, 1, 2, 3, 9))
		groups.append(
			_group(
				world,
				subscription,
				product,
				name,
				owner,
				Decimal(0) if free else pace,
				count,
				trial,
				first_day,
			)
		)
	return groups


def _owner(world: World, subscription: Subscription, draws: Draws) -> str | None:
	"""Whose a further group is: mostly nobody's or the partner's own, as long as nobody links it."""
	chance = draws.below(10)
	if chance < 5:
		return None
	if chance < 7:
		return storybook.NORTHWIND_PARTNER
	if chance < 9:
		return (
			world.companies.order[draws.below(len(world.companies.order))].id
			if world.companies.order
			else None
		)
	return subscription.company_id


def added(
	world: World, subscription: Subscription, name: str, company_id: str | None, monthly: Decimal, trial: bool
) -> Group:
	"""A group that is added from outside and costs the customer about `monthly` a month."""
	product = world.products.rows.get(subscription.product_id)
	factor = Decimal(str(CURRENCY_FACTORS.get(subscription.currency, 1.0)))
	return _group(world, subscription, product, name, company_id, monthly / factor, 1, trial)


def _group(
	world: World,
	subscription: Subscription,
	product: Product | None,
	name: str,
	company_id: str | None,
	pace: Decimal | int,
	count: int = 1,
	trial: bool = False,
	first_day: int = 1,
	number: int = 0,
) -> Group:
	"""`pace` is the customer's charge for an average month in US dollars; 0 = used but free of charge."""
	factor = Decimal(str(CURRENCY_FACTORS.get(subscription.currency, 1.0)))
	# The storybook is the same whatever the seed.
	draws = Draws(0 if number else world.seed, "components", subscription.id, name)
	maker = _azure_component if is_azure(product) else _vendor_component
	# The first component takes the most, the others ever less.
	weights = [Decimal(1) / (index + 1) for index in range(count)]
	whole = sum(weights)
	components = tuple(
		maker(subscription, product, draws, index, Decimal(pace) * weight / whole, factor)
		for index, weight in enumerate(weights)
	)
	return Group(name, company_id, subscription.currency, components, trial, first_day, number)


def _azure_component(
	subscription: Subscription,
	product: Product | None,
	draws: Draws,
	index: int,
	pace: Decimal,
	factor: Decimal,
) -> Component:
	name, unit, dollars = _AZURE_METERS[index % len(_AZURE_METERS)]
	list_price = Decimal(dollars)
	price = (list_price * factor).quantize(_FINE) if pace else Decimal(0)
	return Component(
		_METER_IDS[index % len(_AZURE_METERS)],
		name,
		unit,
		price,
		(price * Decimal("0.85")).quantize(_FINE),
		(pace or Decimal(5)) / list_price,
	)


def _vendor_component(
	subscription: Subscription,
	product: Product | None,
	draws: Draws,
	index: int,
	pace: Decimal,
	factor: Decimal,
) -> Component:
	unit = product.shape.partition(":")[2] if product else ""
	unit = unit or "Each"
	list_price = Decimal(draws.between(4, 90) if unit == "GB" else draws.between(90, 700)) / 100
	price = (list_price * factor).quantize(_CENT) if pace else Decimal(0)
	product_id = (
		subscription.product_id
		if index == 0
		else str(uuid.uuid5(_NAMESPACE, f"{subscription.product_id} {index}"))
	)
	return Component(
		product_id,
		subscription.product_name + _EXTRAS[index % len(_EXTRAS)],
		unit,
		price,
		(price * draws.between(62, 88) / 100).quantize(Decimal("0.001")),
		(pace or Decimal(30)) / list_price,
	)


def _slug(company: Company | None) -> str:
	name = company.name if company else "unknown"
	return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:24] or "client"


def _spelling(company: Company | None, draws: Draws) -> str:
	name = company.name if company else "Unknown client"
	number = draws.between(100_000, 9_999_999)
	return draws.choice(
		(
			f"{name} ({number})",
			f"{number} - {name.upper()}",
			f"{name.replace('&', 'and').replace(',', '')} [{number}]",
			f"{_slug(company)}_{number}",
			f"{name.split(' ')[0]} {number % 1000:03d}",
		)
	)


# subscription -> (number, name, company, US dollars a month, components, trial, first day)
_STORY: dict[str, list[tuple[int, str, str | None, int, int, bool, int]]] = {
	storybook.CEDAR_AZURE: [
		(1, storybook.CEDAR_AZURE_PRODUCTION, storybook.CEDAR_AND_PINE, 860, 14, False, 1),
		(2, storybook.CEDAR_AZURE_BACKUP, storybook.CEDAR_AND_PINE, 140, 4, False, 1),
		(3, storybook.CEDAR_AZURE_DEV_TEST, storybook.CEDAR_AND_PINE, 55, 6, False, 3),
	],
	storybook.MUELLER_ACRONIS_USAGE: [
		(11, storybook.MUELLER_ACRONIS_GROUP, storybook.MUELLER_UND_SOEHNE, 210, 1, False, 1),
		(12, storybook.MUELLER_ACRONIS_TRIAL, storybook.MUELLER_UND_SOEHNE, 24, 1, True, 1),
	],
	storybook.NORTHWIND_SENTINELONE_USAGE: [
		(21, storybook.SENTINELONE_OF_CEDAR, None, 96, 1, False, 1),
		(22, storybook.SENTINELONE_OF_NOBODY, None, 41, 1, False, 1),
		(23, storybook.SENTINELONE_DEFAULT_SITE, storybook.NORTHWIND_PARTNER, 18, 1, False, 1),
		(24, storybook.SENTINELONE_OF_BLUE_HARBOR, storybook.BLUE_HARBOR_DENTAL, 63, 2, False, 1),
		(25, storybook.SENTINELONE_TRIAL, storybook.NORTHWIND_PARTNER, 30, 1, True, 1),
		(26, storybook.SENTINELONE_DORMANT, None, 0, 1, False, 1),
		(27, storybook.SENTINELONE_DISPUTED, storybook.MUELLER_UND_SOEHNE, 27, 1, False, 1),
	],
}
