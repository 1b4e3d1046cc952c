"""The stories that the demo plays, one folder each."""
