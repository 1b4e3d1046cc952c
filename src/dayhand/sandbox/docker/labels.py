"""The labels of everything that we create in an engine, so that whatever a killed worker left can be found."""

from __future__ import annotations

OWNER = "dayhand.owner"  # the data directory, and with it the worker's machine, that it belongs to
BOX = "dayhand.box"  # the box that it was created for
UNTIL = "dayhand.until"  # after this time any worker may remove the container; seconds since the epoch
SNAPSHOT = "dayhand.state"  # on an image: the snapshot's key
OVER = "dayhand.over"  # on an image: the key of the snapshot that it is a layer over, or nothing
VOLUME = "dayhand.environment"  # on an image: the volume with the snapshot's environment


def box_labels(owner: str, box: str) -> dict[str, str]:
    return {OWNER: owner, BOX: box}
