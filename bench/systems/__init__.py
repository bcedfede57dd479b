"""The systems by name. ``load("<name>:<variant>")`` makes one."""

from __future__ import annotations

from bench.system import System
from bench.systems.embedded import Embedded
from bench.systems.node import Node
from bench.systems.redheart import Redheart
from bench.systems.tutorial import Tutorial

SYSTEMS: dict[str, type[Redheart] | type[Tutorial] | type[Node]] = {
    "redheart": Redheart,
    "embedded": Embedded,
    "tutorial": Tutorial,
    "node": Node,
}


def load(spec: str) -> System:
    name, _, variant = spec.partition(":")
    return SYSTEMS[name](variant)
