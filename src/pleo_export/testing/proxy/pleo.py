"""The calls of Pleo's API that an export makes, as routes of a plan."""

from pleo_export.testing.proxy.plan import Route

_JOB = "/v3/export-jobs/[^/]+"

LIST_JOBS = Route("list jobs", "GET", "/v3/export-jobs")
GET_JOB = Route("read a job", "GET", _JOB)
JOB_ITEMS = Route("read the control list", "GET", f"{_JOB}/items")
EXPORT_ITEMS = Route("read the expenses", "GET", "/v3/export-items")
UPDATE_ITEMS = Route("update items", "PUT", f"{_JOB}/items")
SEND_EVENT = Route("send an event", "POST", "/v3/export-job-events")
FILE = Route("load a receipt", "GET", "/files/.+")
TOKEN = Route("fetch a token", "POST", "/oauth/token")

LISTS = (LIST_JOBS, JOB_ITEMS, EXPORT_ITEMS)
EXPORT = (LIST_JOBS, GET_JOB, JOB_ITEMS, EXPORT_ITEMS, UPDATE_ITEMS, SEND_EVENT, FILE)
