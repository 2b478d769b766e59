"""Runs inside Odoo's own shell: makes a Danish company with its chart, and two users with API keys.

The shell gets this text and behind it `tell(env)`, which prints what was made, as JSON, on its last line.
"""

import json
from typing import Any

MODULES = ("account", "l10n_dk", "account_debit_note")
# What docs/how-to/odoo.md tells a bookkeeper to give to the user of pleo-export, and nothing more.
RIGHTS = (
    "base.group_user",
    "account.group_account_invoice",
    "base.group_partner_manager",
    "analytic.group_analytic_accounting",
)
RATES = {"EUR": 0.134, "SEK": 1.53, "GBP": 0.115, "USD": 0.157}  # for one DKK
RATES_SINCE = "2025-01-01"


def tell(env: Any) -> None:
    """Make all of it, and print the numbers and the keys."""
    danish = {"country_id": env.ref("base.dk").id, "currency_id": env.ref("base.DKK").id}
    # The country comes before the chart, or Odoo takes the generic American one.
    env.ref("base.main_company").write({"name": "Acme ApS", **danish})
    env["ir.module.module"].search([("name", "in", MODULES)]).button_immediate_install()
    env.transaction.reset()
    company = env.ref("base.main_company")
    take_currencies(env, company)
    # With its country, a second company would install a service that sends documents out.
    other = env["res.company"].with_context(install_mode=True).create({"name": "Other ApS", **danish})
    admin = env.ref("base.user_admin")
    for right in ("account.group_account_manager", "account.group_account_user", RIGHTS[-1]):
        admin.group_ids |= env.ref(right)
    admin.company_ids |= other
    keys = {"admin_key": key_of(env, admin), "key": key_of(env, user_of(env, company))}
    env.cr.commit()
    print(json.dumps({"company_id": company.id, "other_company_id": other.id, **keys}))  # noqa: T201


def take_currencies(env: Any, company: Any) -> None:
    """Make currencies usable, each with a rate."""
    for code, rate in RATES.items():
        currency = env.ref(f"base.{code}")
        currency.active = True
        known = {"currency_id": currency.id, "company_id": company.id, "name": RATES_SINCE, "rate": rate}
        env["res.currency.rate"].create(known)


def user_of(env: Any, company: Any) -> Any:
    """Make the user that tests record as."""
    return env["res.users"].create(
        {
            "name": "Pleo export",
            "login": "pleo-export",
            "company_id": company.id,
            "company_ids": [(6, 0, [company.id])],
            "group_ids": [(6, 0, [env.ref(right).id for right in RIGHTS])],
        }
    )


def key_of(env: Any, user: Any) -> str:
    """Make an API key that never expires."""
    key: str = env["res.users.apikeys"].with_user(user).sudo()._generate("rpc", "pleo-export", None)
    return key
