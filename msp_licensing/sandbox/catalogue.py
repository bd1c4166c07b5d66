"""Vendors and products as a marketplace would list them, and how each is sold.

Prices are invented: of the right order, in US dollars per unit and month, one-time prices apart.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

from msp_licensing.sandbox.model import CommitmentOption, Plan, Product, Rate, id_from

_NAMESPACE = uuid.UUID("5a8d0b1e-7b62-4a57-9f1c-2f6b1c0e8d11")


class Entry(NamedTuple):
	"""A product as listed below. `requires` names the product that an add-on needs."""

	vendor: str
	name: str
	buy: float
	retail: float
	shape: str
	requires: str = ""


def _block(vendor: str, lines: str) -> list[Entry]:
	entries = []
	for line in lines.strip().splitlines():
		name, buy, retail, shape, *requires = (part.strip() for part in line.split("|"))
		entries.append(Entry(vendor, name, float(buy), float(retail), shape, *requires))
	return entries


# name | partner's price | retail price | shape [| product that it needs]
BASE: tuple[Entry, ...] = (
	*_block(
		"Microsoft",
		"""
		Microsoft 365 Business Standard | 10.63 | 12.50 | nce
		Microsoft 365 Apps for business | 7.01 | 8.25 | nce
		Microsoft 365 E3 (no Teams) | 28.48 | 33.75 | nce
		Microsoft 365 E5 (no Teams) | 46.11 | 54.75 | nce
		Microsoft 365 F3 | 6.80 | 8.00 | nce
		Office 365 E1 (no Teams) | 6.38 | 7.75 | nce
		Office 365 E3 (no Teams) | 17.43 | 20.75 | nce
		Exchange Online (Plan 2) | 6.80 | 8.00 | nce
		Exchange Online Kiosk | 1.70 | 2.00 | nce
		Exchange Online Archiving for Exchange Online | 2.55 | 3.00 | nce-addon | Exchange Online (Plan 2)
		Microsoft Teams Essentials | 3.40 | 4.00 | nce
		Microsoft Teams Premium | 8.50 | 10.00 | nce-addon | Microsoft 365 Business Standard
		Microsoft 365 Copilot | 25.50 | 30.00 | annual-addon | Microsoft 365 Business Standard
		Visio Plan 1 | 4.25 | 5.00 | nce
		Visio Plan 2 | 12.75 | 15.00 | nce
		Project Plan 1 | 8.50 | 10.00 | nce
		Planner and Project Plan 3 | 25.50 | 30.00 | nce
		Power BI Pro | 11.90 | 14.00 | nce
		Power BI Premium Per User | 20.40 | 24.00 | nce
		Power Automate Premium | 12.75 | 15.00 | nce
		Microsoft Entra ID P1 | 5.10 | 6.00 | nce
		Microsoft Entra ID P2 | 7.65 | 9.00 | nce
		Microsoft Intune Plan 1 | 6.80 | 8.00 | nce
		Enterprise Mobility + Security E3 | 9.01 | 10.60 | nce
		Microsoft Defender for Office 365 (Plan 1) | 1.70 | 2.00 | nce
		Windows 365 Business 2 vCPU 8 GB 128 GB | 34.85 | 41.00 | nce
		Windows 11 Enterprise E3 | 5.95 | 7.00 | nce
		Dynamics 365 Business Central Essentials | 64.00 | 80.00 | nce
		Dynamics 365 Sales Professional | 52.00 | 65.00 | nce
		Windows Server 2025 Standard - 16 Core License Pack | 890.00 | 1176.00 | onetime
		Windows Server 2025 - 1 User CAL | 38.00 | 46.00 | onetime
		Azure Reserved VM Instance | 0 | 0 | usage:Instance
		Microsoft 365 Business Premium Trial | 0 | 0 | trial
		""",
	),
	*_block(
		"Adobe",
		"""
		Adobe Creative Cloud All Apps for teams | 76.49 | 89.99 | annual
		Adobe Photoshop for teams | 32.29 | 37.99 | annual
		Adobe InDesign for teams | 32.29 | 37.99 | annual
		Adobe Illustrator for teams | 32.29 | 37.99 | annual
		Adobe Acrobat Standard for teams | 12.74 | 14.99 | annual
		Adobe Stock for teams | 25.49 | 29.99 | annual
		""",
	),
	*_block(
		"Sophos",
		"""
		Sophos Central Intercept X Advanced with XDR | 4.10 | 6.20 | volume
		Sophos MDR Essentials | 5.90 | 9.30 | volume
		Sophos MDR Complete | 7.80 | 12.50 | volume
		Sophos Central Email Advanced | 1.90 | 3.10 | volume
		Sophos Phish Threat | 1.10 | 1.90 | volume
		Sophos Central Server Protection | 5.20 | 8.10 | volume
		Sophos MSP Flex Monthly Usage | 0 | 0 | usage:Device
		""",
	),
	*_block(
		"SentinelOne",
		"""
		SentinelOne Singularity Core | 2.50 | 4.00 | tiered
		SentinelOne Singularity Control | 3.10 | 5.00 | tiered
		SentinelOne Vigilance Respond | 2.20 | 3.75 | tiered
		SentinelOne Ranger Network Discovery | 0 | 0 | usage:Endpoint
		""",
	),
	*_block(
		"Acronis",
		"""
		Acronis Cyber Protect Cloud - Microsoft 365 Seat | 1.55 | 3.00 | monthly
		Acronis Cyber Protect Cloud - Workstation | 2.60 | 5.00 | monthly
		Acronis Cyber Protect Cloud - Server | 11.00 | 20.00 | monthly
		Acronis Cyber Protect Cloud - Local Storage | 0 | 0 | usage:GB
		Acronis Advanced Security | 1.20 | 2.50 | addon | Acronis Cyber Protect Cloud - Workstation
		""",
	),
	*_block(
		"Dropsuite",
		"""
		Dropsuite Business Backup | 1.40 | 3.00 | monthly
		Dropsuite Email Archiver | 1.65 | 3.50 | monthly
		Dropsuite QuickBooks Online Backup | 4.00 | 8.00 | monthly
		Dropsuite Storage Overage | 0 | 0 | usage:GB
		""",
	),
	*_block(
		"Bitdefender",
		"""
		Bitdefender GravityZone Cloud MSP Security | 1.15 | 2.20 | volume
		Bitdefender Advanced Threat Security | 0.48 | 0.95 | addon | Bitdefender GravityZone Cloud MSP Security
		Bitdefender Email Security | 0.086 | 1.20 | volume
		Bitdefender Patch Management | 0.60 | 1.15 | addon | Bitdefender GravityZone Cloud MSP Security
		Bitdefender MDR | 4.20 | 7.00 | volume
		""",
	),
	*_block(
		"ESET",
		"""
		ESET PROTECT Advanced | 1.95 | 3.40 | volume
		ESET PROTECT Complete | 2.40 | 4.30 | volume
		ESET Mail Security | 0.85 | 1.60 | volume
		ESET Server Security | 3.10 | 5.20 | volume
		""",
	),
	*_block(
		"Proofpoint",
		"""
		Proofpoint Essentials - Beginner | 1.08 | 1.65 | monthly
		Proofpoint Essentials - Business | 1.95 | 3.03 | monthly
		Proofpoint Essentials - Advanced | 2.60 | 4.13 | monthly
		Proofpoint Essentials - Professional | 3.90 | 5.86 | monthly
		Proofpoint Security Awareness Training | 1.00 | 1.75 | addon | Proofpoint Essentials - Business
		""",
	),
	*_block(
		"Huntress",
		"""
		Huntress Managed EDR | 2.30 | 4.00 | tiered
		Huntress Managed ITDR | 1.60 | 3.00 | tiered
		Huntress Managed SIEM | 0 | 0 | usage:Data Source
		Huntress Security Awareness Training | 1.05 | 2.00 | monthly
		""",
	),
	*_block(
		"Keeper Security",
		"""
		Keeper Enterprise | 3.75 | 5.00 | monthly
		Keeper Secrets Manager | 1.90 | 3.00 | addon | Keeper Enterprise
		Keeper Connection Manager | 3.10 | 5.00 | monthly
		KeeperPAM | 5.10 | 7.08 | monthly
		""",
	),
	*_block(
		"Datto",
		"""
		Datto SaaS Protection for Microsoft 365 | 1.60 | 3.25 | volume
		Datto SaaS Protection for Google Workspace | 1.60 | 3.25 | volume
		Datto File Protection | 2.40 | 5.00 | monthly
		Datto Workplace Team | 6.10 | 12.00 | monthly
		Datto BCDR Cloud Retention | 0 | 0 | usage:TB
		""",
	),
	*_block(
		"Veeam",
		"""
		Veeam Backup for Microsoft 365 | 1.45 | 2.90 | monthly
		Veeam Data Cloud for Microsoft 365 Foundation | 1.75 | 3.20 | annual
		Veeam Universal License - Workstation | 1.90 | 3.80 | monthly
		Veeam Cloud Connect Rental | 0 | 0 | usage:VM
		""",
	),
	*_block(
		"Exclaimer",
		"""
		Exclaimer Starter | 0.76 | 1.12 | monthly
		Exclaimer Standard | 1.03 | 1.51 | monthly
		""",
	),
	*_block(
		"Cisco",
		"""
		Duo Essentials | 2.10 | 3.00 | monthly
		Duo Advantage | 4.20 | 6.00 | monthly
		Duo Premier | 6.30 | 9.00 | monthly
		Cisco Umbrella DNS Security Essentials | 1.40 | 2.25 | annual
		Cisco Meraki MR Enterprise License | 118.00 | 150.00 | activation
		""",
	),
	*_block(
		"KnowBe4",
		"""
		KnowBe4 Security Awareness Training Silver | 1.05 | 1.60 | annual
		KnowBe4 Security Awareness Training Platinum | 1.75 | 2.65 | annual
		KnowBe4 PhishER Plus | 1.20 | 1.85 | annual
		""",
	),
	*_block(
		"Google",
		"""
		Google Workspace Business Starter | 5.60 | 7.20 | annual-flex
		Google Workspace Business Standard | 11.20 | 14.40 | annual-flex
		Google Workspace Business Plus | 17.60 | 22.00 | annual-flex
		Google Voice Starter | 8.00 | 10.00 | monthly
		""",
	),
	*_block(
		"AvePoint",
		"""
		AvePoint Cloud Backup for Microsoft 365 | 1.35 | 2.75 | volume
		AvePoint Elements | 1.10 | 2.20 | volume
		""",
	),
	*_block(
		"Webroot",
		"""
		Webroot Business Endpoint Protection | 0.95 | 2.40 | tiered
		Webroot DNS Protection | 0.80 | 1.75 | tiered
		Carbonite Endpoint | 4.20 | 7.50 | monthly
		""",
	),
	*_block(
		"INKY",
		"""
		INKY Email Protection | 1.70 | 2.80 | monthly
		INKY Outbound Mail Protection | 0.75 | 1.30 | addon | INKY Email Protection
		""",
	),
	*_block(
		"Nerdio",
		"""
		Nerdio Manager for MSP - Azure Virtual Desktop | 4.80 | 7.00 | monthly
		Nerdio Consumption Charge | 0 | 0 | usage:User
		""",
	),
	*_block(
		"Dialpad",
		"""
		Dialpad Connect Pro | 17.50 | 25.00 | annual
		Dialpad Toll Usage | 0 | 0 | usage:Minute
		""",
	),
	*_block(
		"Wasabi",
		"""
		Wasabi Hot Cloud Storage Pay-as-you-go | 0 | 0 | usage:TB
		Wasabi Reserved Capacity 50 TB | 249.00 | 325.00 | threeyear
		""",
	),
	*_block(
		"Arctic Wolf",
		"""
		Arctic Wolf Managed Detection and Response | 15 | 20 | markup
		Arctic Wolf Onboarding Service | 1200.00 | 1500.00 | onetime
		""",
	),
	*_block(
		"ConnectSecure",
		"""
		ConnectSecure Vulnerability Management | 0.90 | 1.50 | bundle
		ConnectSecure Launch Offer | 0 | 0 | promo
		""",
	),
)

# Variants by which a real catalogue grows: who may buy, then how many.
_PROGRAMMES = (
	"",
	" (Nonprofit)",
	" (Education Faculty)",
	" (Education Student)",
	" (Government)",
	" (EEA)",
	" (Switzerland)",
	" (Healthcare)",
)
_BANDS = ("", " 1-9", " 10-24", " 25-49", " 50-99", " 100-249", " 250-499", " 500+")


def variants() -> Iterator[tuple[Entry, str, float]]:
	"""Every entry, then every entry again under each variant, without end: (entry, suffix, price factor)."""
	series = 0
	while True:
		for band_index, band in enumerate(_BANDS):
			for programme_index, programme in enumerate(_PROGRAMMES):
				suffix = f"{programme}{band}{f' Series {series + 1}' if series else ''}"
				factor = (1 - 0.06 * programme_index) * (1 - 0.02 * band_index)
				for entry in BASE:
					yield entry, suffix, factor
		series += 1


def _plan(
	term: str, commitment: str | None, buy: float | None, retail: float | None, unit: str = "Each"
) -> Plan:
	return Plan(term, commitment, "Flat", unit, (Rate(buy, retail),))


def _scaled(amount: float | None, factor: float) -> float | None:
	return None if amount is None else round(amount * factor, 3)


def _new_commerce(buy: float | None, retail: float | None) -> tuple[Plan, ...]:
	return (
		_plan("Monthly", "Monthly", _scaled(buy, 1.2), _scaled(retail, 1.2)),
		_plan("Monthly", "1-Year", _scaled(buy, 1.05), _scaled(retail, 1.05)),
		_plan("Annual", "1-Year", _scaled(buy, 12), _scaled(retail, 12)),
		_plan("Annual", "3-Year", _scaled(buy, 11.4), _scaled(retail, 11.4)),
		_plan("3-Year", "3-Year", _scaled(buy, 34.2), _scaled(retail, 34.2)),
	)


def _yearly(buy: float | None, retail: float | None) -> tuple[Plan, ...]:
	return (
		_plan("Monthly", "1-Year", buy, retail),
		_plan("Annual", "1-Year", _scaled(buy, 12), _scaled(retail, 12)),
	)


def _by_quantity(kind: str, buy: float | None, retail: float | None, flat_first: bool) -> tuple[Plan, ...]:
	first = (
		Rate(_scaled(buy, 8), _scaled(retail, 8), 1, 9, flat=True) if flat_first else Rate(buy, retail, 1, 9)
	)
	rates = (
		first,
		Rate(_scaled(buy, 0.95), _scaled(retail, 0.97), 10, 49),
		Rate(_scaled(buy, 0.88), _scaled(retail, 0.94), 50, 199),
		Rate(_scaled(buy, 0.8), _scaled(retail, 0.9), 200, None),
	)
	return (Plan("Monthly", None, kind, "Each", rates),)


def plans_of(shape: str, buy: float | None, retail: float | None) -> tuple[Plan, ...]:
	"""How a product of a shape is sold, at these prices in US dollars (None = not known)."""
	if shape.startswith("usage:"):
		return (_plan("Monthly", None, 0, 0, shape.partition(":")[2]),)
	makers: dict[str, Callable[[], tuple[Plan, ...]]] = {
		"nce": lambda: _new_commerce(buy, retail),
		"nce-flex": lambda: _new_commerce(buy, retail),
		"nce-addon": lambda: _new_commerce(buy, retail),
		"annual": lambda: _yearly(buy, retail),
		"annual-flex": lambda: _yearly(buy, retail),
		"annual-addon": lambda: _yearly(buy, retail),
		"annual-or-trial": lambda: (_plan("Trial", None, 0, 0), *_yearly(buy, retail)),
		"threeyear": lambda: (
			_plan("2-Year", "2-Year", _scaled(buy, 24), _scaled(retail, 24)),
			_plan("3-Year", "3-Year", _scaled(buy, 34), _scaled(retail, 34)),
		),
		"volume": lambda: _by_quantity("Volume", buy, retail, False),
		"tiered": lambda: _by_quantity("Tiered", buy, retail, False),
		"bundle": lambda: _by_quantity("Tiered", buy, retail, True),
		"container": lambda: (_plan("Monthly", None, 0, 0),),
		"promo": lambda: (_plan("Monthly", None, 0, 0),),
		"trial": lambda: (_plan("Trial", None, 0, 0),),
		"onetime": lambda: (_plan("One-Time", None, buy, retail),),
		"activation": lambda: (_plan("Activation", None, buy, retail),),
		"markup": lambda: (Plan("Monthly", None, "Mark-Up", "Percent", (Rate(buy, retail),)),),
		"monthly": lambda: (_plan("Monthly", None, buy, retail),),
		"addon": lambda: (_plan("Monthly", None, buy, retail),),
	}
	return makers[shape]()


def commitments_of(shape: str, product_id: str) -> tuple[CommitmentOption, ...]:
	"""The commitments that a product of a shape offers; their ids follow from the product's."""

	def option(term: str, **permits: bool | int) -> CommitmentOption:
		return CommitmentOption(str(uuid.uuid5(_NAMESPACE, f"{product_id} {term}")), term, **permits)  # type: ignore[arg-type]

	if shape in ("nce", "nce-addon", "nce-flex"):
		decrease = shape == "nce-flex"
		return tuple(option(term, decrease=decrease) for term in ("Monthly", "1-Year", "3-Year"))
	if shape in ("annual", "annual-addon", "annual-or-trial"):
		return (option("1-Year", early_cancellation=True, fee=True, window_before=30),)
	if shape == "annual-flex":
		return (option("1-Year", decrease=True, early_cancellation=True, transferable=True),)
	if shape == "threeyear":
		return tuple(
			option(term, increase=False, auto_renew=False, window_before=60) for term in ("2-Year", "3-Year")
		)
	return ()


def make_product(
	product_id: str,
	entry: Entry,
	suffix: str = "",
	factor: float = 1.0,
	price_gap: str = "",
	requires: tuple[str, ...] = (),
	number: int = 0,
) -> Product:
	"""A Product from a catalogue entry.

	`price_gap`: "all" = no pricing at all, "partner" = no partner price, "retail" = no retail price.
	"""
	buy = None if price_gap == "partner" else round(entry.buy * factor, 2 if entry.buy >= 0.1 else 3)
	retail = None if price_gap == "retail" else round(entry.retail * factor, 2)
	letters = "".join(word[0] for word in entry.name.split() if word[0].isalnum()).upper()[:5]
	vendor_letters = "".join(filter(str.isalpha, entry.vendor)).upper()[:3]
	microsoft = entry.vendor == "Microsoft"
	return Product(
		id=product_id,
		name=entry.name + suffix,
		vendor=entry.vendor,
		short=f"{entry.name}{suffix} by {entry.vendor}.",
		sku=f"{vendor_letters}-{letters}-{number:05d}",
		vendor_sku=f"CFQ7TTC0{product_id[:4].upper()}:{number % 10000:04d}"
		if microsoft
		else f"{letters}-{number}",
		shape=entry.shape,
		plans=() if price_gap == "all" else plans_of(entry.shape, buy, retail),
		commitments=commitments_of(entry.shape, product_id),
		requires=requires,
		alt_vendor_sku=str(uuid.uuid5(_NAMESPACE, product_id)) if microsoft and number % 3 == 0 else None,
	)


def make_products(count: int, seed: int, first_number: int) -> list[Product]:
	"""`count` products after the storybook's, the same for the same seed."""
	rng = random.Random(f"{seed} products")
	products: list[Product] = []
	ids: dict[str, str] = {}
	for number, (entry, suffix, factor) in enumerate(variants(), start=first_number):
		if len(products) >= count:
			break
		product_id = id_from(rng.getrandbits(128))
		ids[entry.name + suffix] = product_id
		# Listed after what it needs, except in the first round of a vendor's list: then it needs nothing.
		needed = ids.get(entry.requires + suffix) if entry.requires else None
		chance = rng.random()
		gap = "all" if chance < 0.02 else "partner" if chance < 0.04 else "retail" if chance < 0.045 else ""
		if entry.buy == 0:
			gap = ""
		products.append(
			make_product(product_id, entry, suffix, factor, gap, (needed,) if needed else (), number)
		)
	return products
