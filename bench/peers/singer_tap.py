"""A Singer tap of Pleo's export items: writes them as messages, without their files, as taps do."""

import sys

import requests
import singer

SCHEMA = {
    "properties": {
        "accountingEntryId": {"type": "string"},
        "jobId": {"type": "string"},
        "date": {"type": "string"},
        "note": {"type": ["null", "string"]},
        "amount": {"type": "object"},
        "accountingEntryLines": {"type": "array"},
        "files": {"type": ["null", "array"]},
    }
}
STREAM = "export_items"


def main(url: str) -> None:
    session = requests.Session()
    session.auth = ("plp_bench", "")
    jobs = session.get(f"{url}/v3/export-jobs", params={"statuses": "pending"}, timeout=30).json()
    job_id = jobs["data"][0]["id"]
    event = {"jobId": job_id, "event": "started"}
    session.post(f"{url}/v3/export-job-events", json=event, timeout=30).raise_for_status()
    singer.write_schema(STREAM, SCHEMA, ["accountingEntryId"])
    after = None
    while True:
        query = {"job_id": job_id, "limit": 100, "after": after}
        page = session.get(f"{url}/v3/export-items", params=query, timeout=30).json()
        singer.write_records(STREAM, [{**item, "jobId": job_id} for item in page["data"]])
        after = page["pagination"]["endCursor"]
        singer.write_state({"after": after})
        if not page["pagination"]["hasNextPage"]:
            return


if __name__ == "__main__":
    main(sys.argv[1])
