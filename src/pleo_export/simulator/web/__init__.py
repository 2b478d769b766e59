"""What people see of the simulated Pleo: companies, expenses, the export queue, results, and switches for trouble.

Thin over the control API: every button does what an order to `/control` does. Works without JavaScript; htmx keeps it
up to date.
"""
