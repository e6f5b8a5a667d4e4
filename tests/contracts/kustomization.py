"""The Kubernetes manifests as kustomize puts them together, as far as this project uses it.

Resources, replicas, images, patches by target, and generated ConfigMaps: without their hash, which no test needs.
"""

import copy
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]


def built(folder: Path) -> list[Object]:
    """Every object of an overlay; fails for a name that leads nowhere."""
    plan: Object = yaml.safe_load((folder / "kustomization.yaml").read_text())
    objects: list[Object] = []
    for name in plan["resources"]:
        path = folder / name
        objects += built(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    for generator in plan.get("configMapGenerator", ()):
        _generate(objects, generator, folder)
    for wanted in plan.get("replicas", ()):
        _one(objects, "Deployment", wanted["name"])["spec"]["replicas"] = wanted["count"]
    for image in plan.get("images", ()):
        _rename(objects, image)
    for patch in plan.get("patches", ()):
        _patch(objects, patch, folder)
    return objects


def _generate(objects: list[Object], generator: Object, folder: Path) -> None:
    lines = [line for name in generator.get("envs", ()) for line in (folder / name).read_text().splitlines()]
    data = dict(line.split("=", 1) for line in [*lines, *generator.get("literals", ())])
    if generator.get("behavior") == "merge":
        _one(objects, "ConfigMap", generator["name"])["data"] |= data
    else:
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data})


def _rename(objects: list[Object], image: Object) -> None:
    containers = [c for found in objects if "template" in found.get("spec", {}) for c in _containers(found)]
    mine = [container for container in containers if container["image"] == image["name"]]
    assert mine, f"nothing has the image {image['name']}"
    for container in mine:
        container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def _containers(found: Object) -> list[Object]:
    return list(found["spec"]["template"]["spec"]["containers"])


def _patch(objects: list[Object], patch: Object, folder: Path) -> None:
    text = patch.get("patch") or (folder / patch["path"]).read_text()
    change = yaml.safe_load(text)
    targets = [found for found in objects if _is_meant(found, patch["target"])]
    assert targets, f"no such target: {patch['target']}"
    for target in targets:
        if isinstance(change, list):
            for step in change:
                _step(target, step)
        else:
            _merge(target, {key: value for key, value in change.items() if key != "metadata"})


def _is_meant(found: Object, target: Object) -> bool:
    return found["kind"] == target["kind"] and target.get("name") in (None, found["metadata"]["name"])


def _step(target: Object, step: Object) -> None:
    """One operation of a JSON patch (RFC 6902) on something that is there."""
    *way, last = [int(word) if word.isdecimal() else word for word in step["path"].split("/")[1:]]
    place: Any = target
    for word in way:
        place = place[word]
    assert last in place, f"{step['path']} is not there"
    if step["op"] == "remove":
        del place[last]
    else:
        assert step["op"] == "replace", step
        place[last] = copy.deepcopy(step["value"])


def _merge(target: Object, change: Object) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


def _one(objects: list[Object], kind: str, name: str) -> Object:
    [found] = [found for found in objects if (found["kind"], found["metadata"]["name"]) == (kind, name)]
    return found
