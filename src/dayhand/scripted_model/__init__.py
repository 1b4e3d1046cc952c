"""A model that plays a written script over HTTP, for the demo and the tests."""
