"""``dayhand bench growth``: whether a task costs more where there are more files, commits, tasks or lines."""
