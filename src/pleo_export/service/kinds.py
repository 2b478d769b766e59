"""The kinds of secrets that are kept for a company."""

API_KEY = "pleo-api-key"
ODOO_API_KEY = "odoo-api-key"
OAUTH = "pleo-oauth"
CONNECTING = "pleo-connecting"  # of a connection that is under way; swept where nobody comes back
WEBHOOK_SECRETS = "pleo-webhook-secrets"
