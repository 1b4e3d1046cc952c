"""``dayhand bench chaos``: what is lost or done twice while every part is killed and stalled at random."""
