"""Every limit of the Pleo adapter, once, with its unit in the name."""

# From the Export API: an update with more elements is answered with 413.
items_per_update_max = 100
# Pleo publishes no default and no largest page; 100 is asked for at every list and cursors are followed to the end.
page_size = 100

# Pleo allows 600 calls a minute and asks integrations to stay at 500 or below. A leaky bucket lets through its
# capacity at once and then its leak, so capacity plus one minute's leak must not be above the 500.
calls_per_minute_max = 500
calls_burst_max = 40

connect_seconds_max = 5.0
read_seconds_max = 30.0  # without a single byte
call_seconds_max = 120.0  # from start to end: a server that drips must not hold a call for ever
file_seconds_max = 300.0

# A refresh ends every earlier token, so it shall be over quickly; a shutdown waits this long for one under way.
token_seconds_max = 30.0
# An access token is refreshed this long before its end, but not before three quarters of its life are over.
token_margin_seconds = 60.0
token_life_seconds_max = 366 * 24 * 3600.0

answer_bytes_max = 64 * 1024 * 1024
# Pleo says "30 MB"; read as the larger of the two meanings (30 MiB), so that no file Pleo accepted is refused here.
file_bytes_max = 30 * 1024 * 1024
files_at_once_max = 16
chunk_bytes = 64 * 1024

tries_max = 5
backoff_first_seconds = 1.0
backoff_seconds_max = 60.0
# A server may ask for any wait; a longer one would outlive the job, so then the job tells the bookkeeper instead.
asked_wait_seconds_max = 300.0

# The token bucket that keeps retries from making an outage worse: AWS's figures.
retry_tokens_max = 500
retry_tokens_per_retry = 5
retry_tokens_after_timeout = 10
retry_tokens_per_success = 1
