"""The commands that people can write to Dayhand, one file for each."""
