"""Tests of ``dayhand doctor``."""
