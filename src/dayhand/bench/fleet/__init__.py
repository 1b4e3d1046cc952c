"""``dayhand bench fleet``: many issues labelled at once, by Dayhand's pool of workers and by RQ's own."""
