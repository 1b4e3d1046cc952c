"""The name by which the settings ask for the scripted model."""

SCRIPTED_MODEL = "scripted"
