"""``dayhand bench truth``: whether verdicts are right, on cases whose right verdict is known."""
