"""Masks: the pictures of a data set that are no samples but say where something is in one."""

import functools
import re
from collections import Counter
from collections.abc import Sequence

from isthmus.data.entries import Entry, folders_of, stem_of
from isthmus.errors import remark
from isthmus.formatting import listed

CERTAIN = {"ground_truth", "masks", "segmentations", "annotations", "segmentation_masks"}
"""Folders that only have masks."""
LIKELY = {"gt", "mask", "seg", "segmentation", "annotation", "label", "labels", "annot", "segmaps", "mattes", "trimaps"}
"""Folders that have masks if most of their files are named after other pictures; they may as well be classes."""
_ENDING = re.compile(
    r"(.+?)[ _.-](mask|masks|gt|seg|segmentation|groundtruth|ground_truth|annotation|label)\d*", re.IGNORECASE
)


def without_masks(entries: Sequence[Entry], where: str) -> list[Entry]:
    """The pictures that aren't masks, in the same order; a remark counts the others by folder.

    Masks lie in a folder such as `ground_truth`, or are named after another picture, such as `a_mask.png` for `a.png`.
    All pictures are kept if nothing else would be left.
    """
    folders = {entry.name: _folder(entry.name) for entry in entries}
    plain = [name for name, folder in folders.items() if folder is None]
    masks, places = (
        _mask_folders(folders, set(map(stem_of, plain))),
        {(folders_of(name), stem_of(name)) for name in plain},
    )
    kept, left = [], Counter[str]()
    for entry in entries:
        folder = folders[entry.name]
        ending = _ENDING.fullmatch(stem_of(entry.name)) if folder is None else None
        if folder in masks:
            left[f"in {folder}"] += 1
        elif ending and (folders_of(entry.name), ending[1]) in places:
            left[f"named like {entry.name}"] += 1
        else:
            kept.append(entry)
    if not kept or not left:
        return list(entries)
    named = [place for place in left if place.startswith("named")]
    found = [f"{count} {place}" for place, count in left.items() if place not in named]
    found += [f"{len(named)} {named[0]}"] if named else []
    remark(
        f"{where}: {left.total()} pictures look like masks of others and are left out ({listed(found)}). "
        "If they are samples, rename that folder or those files, or give the folder itself as the source."
    )
    return kept


def _mask_folders(folders: dict[str, str | None], stems: set[str]) -> set[str]:
    """The folders of masks among those that may be. folders: of each file. stems: of the other pictures."""
    inside, matched = Counter(filter(None, folders.values())), Counter[str]()
    for name, folder in folders.items():
        if folder is None:
            continue
        stem = stem_of(name)
        ending = _ENDING.fullmatch(stem)
        if stem in stems or (ending is not None and ending[1] in stems):
            matched[folder] += 1
    return {f for f, count in inside.items() if _normal(f.split("/")[-1]) in CERTAIN or 2 * matched[f] > count}


def _folder(name: str) -> str | None:
    """The path of the first folder whose name may mean masks; None if there is none."""
    folders = folders_of(name)
    places = (place for place, folder in enumerate(folders) if _may_be_masks(folder))
    place = next(places, None)
    return None if place is None else "/".join(folders[: place + 1])


@functools.cache
def _may_be_masks(folder: str) -> bool:
    """Whether a folder's name is, or ends in, a word for masks, such as "train_masks"."""
    words = CERTAIN | LIKELY
    return _normal(folder) in words or _normal(folder).rpartition("_")[2] in words


@functools.cache
def _normal(folder: str) -> str:
    return re.sub(r"[\s.-]+", "_", folder.lower()).replace("groundtruth", "ground_truth")
