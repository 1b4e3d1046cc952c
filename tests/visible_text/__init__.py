"""Tests of ``dayhand.visible_text``."""
