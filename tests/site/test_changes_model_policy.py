"""The rules against the model's own judge, on more wishes than any history has. Needs no site."""

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

from changes_model_policy import Facts, Past, verdicts

from msp_licensing.rules.policy import (
	Decision,
	Policy,
	Release,
	SubscriptionFacts,
	SubscriptionRule,
	decide,
)

TODAY = date(2026, 6, 15)
WISHES = 20_000


def test_the_rules_decide_as_the_brief_says():
	pick, became = random.Random(1), Counter()
	for _wish in range(WISHES):
		policy = {
			"require_approval_by_default": pick.choice((0, 1)),
			"use_auto_approve_threshold": pick.choice((0, 1, 1)),
			"auto_approve_threshold": pick.choice((0, 20, 50, 50, 400)),
			"allow_self_service_by_default": pick.choice((1, 1, 1, 0)),
			"default_min_quantity": pick.choice((1, 9)),
			"default_max_quantity": pick.choice((0, 40, 200)),
			"threshold_may_release": pick.choice((0, 1)),
			"decreases_need_approval": pick.choice((0, 0, 1)),
			"free_seats": pick.choice((0, 0, 2)),
			"window_days": pick.choice((0, 0, 7)),
			"limit_per_change": pick.choice((0, 0, 20)),
			"limit_per_month": pick.choice((0, 0, 60)),
			"vendors": pick.choice(((), ("Microsoft",), ("keeper",))),
		}
		rule = {
			"self_service": pick.choice(("Inherit", "Inherit", "Allow", "Deny")),
			"approval": pick.choice(("Inherit", "Inherit", "Always", "Not by default")),
			"override_limits": pick.choice((0, 1)),
			"min_quantity": 8,
			"max_quantity": 44,
		}
		has = pick.choice((1, 3, 10, 12, 42))
		wanted = has + pick.choice((1, -1, 2, has // 2, -(has // 2), has // 2 + 1, 30, -3, 0, 5, 250, -has))
		facts = Facts(
			quantity=has,
			status=pick.choice(("Active",) * 5 + ("Cancelled",)),
			vendor=pick.choice(("Keeper", "Microsoft", "Sophos")),
			commitment_end=None,
			may_decrease=True,
			price=pick.choice((None, 4.0)),
			currency=pick.choice(("USD", "USD", "EUR")),
			product_held=pick.random() < 0.2,
		)
		past = Past(pick.choice((None, None, 5, 10, 20)), pick.choice((0, 0, 30)))
		right = verdicts(policy, rule, facts, wanted, today=TODAY, open_=False, past=(past,))
		decision = _decided(policy, rule, facts, wanted, past)
		became[str(decision.outcome)] += 1
		assert {str(decision.outcome).lower()} == right, (decision.rule, policy, rule, facts, wanted, past)
	assert min(became.values()) > WISHES // 100 and len(became) == 3, became


def _decided(policy: dict, rule: dict, facts: Facts, wanted: int, past: Past) -> Decision:
	earlier, before = TODAY - timedelta(days=3), past.before
	return decide(
		Policy(
			require_approval=bool(policy["require_approval_by_default"]),
			threshold=Decimal(policy["auto_approve_threshold"])
			if policy["use_auto_approve_threshold"]
			else None,
			vendor_overrides=policy["vendors"],
			allow_self_service=bool(policy["allow_self_service_by_default"]),
			min_quantity=policy["default_min_quantity"],
			max_quantity=policy["default_max_quantity"],
			threshold_may_release=bool(policy["threshold_may_release"]),
			decreases_need_approval=bool(policy["decreases_need_approval"]),
			free_seats=policy["free_seats"],
			window_days=policy["window_days"],
			limit_per_change=Decimal(policy["limit_per_change"]) or None,
			limit_per_month=Decimal(policy["limit_per_month"]) or None,
			limit_currency="USD",
		),
		SubscriptionRule(**rule),
		SubscriptionFacts(
			status=facts.status,
			quantity=facts.quantity,
			vendor=facts.vendor,
			usage_class="Seat",
			always_held=facts.product_held,
			unit_price=Decimal(str(facts.price)) if facts.price else None,
			currency=facts.currency if facts.price else None,
			releases=(Release(earlier, before),) if before else (),
			client_releases=(Release(earlier, 5, Decimal(past.spent), "USD"),) if past.spent else (),
		),
		wanted,
		today=TODAY,
	)
