"""From settings to objects: these are the only modules that name concrete classes."""
