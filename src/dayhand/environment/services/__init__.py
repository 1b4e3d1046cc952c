"""Services that tests need: databases, caches and message brokers, started inside the box."""
