"""Tests of the waiting tasks."""
