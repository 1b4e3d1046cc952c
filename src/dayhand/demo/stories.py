"""The demo's stories."""

from __future__ import annotations

from dayhand.demo.cases.chat.story import CHAT
from dayhand.demo.cases.reminders.story import REMINDERS
from dayhand.demo.cases.search.story import SEARCH
from dayhand.demo.story import Story

STORIES: tuple[Story, ...] = (SEARCH, REMINDERS, CHAT)
