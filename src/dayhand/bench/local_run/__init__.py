"""``dayhand bench run``: what ``dayhand run`` costs besides the model."""
