"""``deploy/kubernetes``: valid by the schemas of Kubernetes and KEDA, and as strict as its page says.

No cluster takes part: that a kubelet starts these pods is not tested.
"""

from __future__ import annotations

import copy
import ipaddress
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dayhand.ledger.states import UNFINISHED
from dayhand.ledger.telemetry.metrics import METRICS
from dayhand.settings.table import KNOWN, read_settings
from tests.deploy.tools import find_tool, run_tool

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
SCHEMAS = Path(__file__).parent / "keda"
OLDEST, NEWEST = "1.30", "1.37"  # the first one that has all the fields, and the newest that the tool knows
FILES = [
    path.relative_to(FOLDER) for path in sorted(FOLDER.rglob("*.yaml")) if path.name != "kustomization.yaml"
]
NAMES = {"Deployment", "StatefulSet"}
METADATA_SERVICES = ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200")


def resources() -> Iterator[dict[str, Any]]:
    for file in FILES:
        yield from yaml.safe_load_all((FOLDER / file).read_text(encoding="utf-8"))


def find(kind: str, name: str = "") -> dict[str, Any]:
    """The only resource of this kind and name."""
    (found,) = (
        each for each in resources() if each["kind"] == kind and name in ("", each["metadata"]["name"])
    )
    return found


WORKLOADS = {each["metadata"]["name"]: each for each in resources() if each["kind"] in NAMES}


def pod(name: str) -> dict[str, Any]:
    return WORKLOADS[name]["spec"]["template"]["spec"]


def container(name: str) -> dict[str, Any]:
    (only,) = pod(name)["containers"]
    return only


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_resource_is_valid(version: str) -> None:
    tool = find_tool("bin/kubernetes-validate")
    files = [FOLDER / file for file in FILES if file.parent.name == "base"]
    done = run_tool(tool, "--strict", "--kubernetes-version", version, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARN" not in done.stdout + done.stderr


def test_a_field_that_does_not_exist_is_found(tmp_path: Path) -> None:
    """That is, the tool of the test above does look."""
    wrong = (FOLDER / "base" / "worker.yaml").read_text(encoding="utf-8").replace("hostUsers", "hostUser")
    (tmp_path / "worker.yaml").write_text(wrong, encoding="utf-8")
    done = run_tool(find_tool("bin/kubernetes-validate"), "--strict", tmp_path / "worker.yaml")
    assert (done.returncode, "hostUser" in done.stdout + done.stderr) == (1, True)


@pytest.mark.parametrize("folder", ["base", "keda"])
def test_kustomize_builds_it_from_the_example_values(tmp_path: Path, folder: str) -> None:
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("kubectl is not installed, and Debian has no package of it")
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    for example in (tmp_path / "kubernetes").rglob("*.example.env"):
        example.rename(example.with_name(example.name.replace(".example", "")))
    done = run_tool(Path(kubectl), "kustomize", tmp_path / "kubernetes" / folder)
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert {each["kind"] for each in built} >= {"Namespace", "Deployment", "NetworkPolicy", "Secret"}
    assert ("ScaledObject" in {each["kind"] for each in built}) == (folder == "keda")
    made = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in built
        if each["kind"] == "Secret"
    }
    used = json.dumps([each for each in built if each["kind"] != "Secret"])
    assert [name for _, name in made if f'"{name}"' not in used] == [], (
        "each secret is used under its full name"
    )


PROGRAM = """
import json, sys
from jsonschema import Draft202012Validator
print(json.dumps([
    [error.message for error in Draft202012Validator(schema).iter_errors(resource)]
    for schema, resource in json.load(sys.stdin)
]))
"""


def faults(*checked: dict[str, Any]) -> list[list[str]]:
    """What the schemas of KEDA's own definitions say. They are closed, so that a misspelt field is found as well."""
    pairs = []
    for resource in checked:
        name = {"ScaledObject": "scaledobjects", "TriggerAuthentication": "triggerauthentications"}[
            resource["kind"]
        ]
        schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
        schema["properties"]["spec"] = closed(schema["properties"]["spec"])
        pairs.append([schema, resource])
    done = run_tool(find_tool("bin/python"), "-c", PROGRAM, input=json.dumps(pairs))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
        for each in schema["properties"].values():
            closed(each)
    if isinstance(schema.get("items"), dict):
        closed(schema["items"])
    return schema


FAULTS: tuple[tuple[tuple[str | int, ...], object], ...] = (
    (("maxReplicaCount",), "ten"),
    (("maxReplicas",), 10),
    (("scaleTargetRef",), None),
    (("fallback", "behavior"), "never"),
    (("advanced", "scalingModifier"), {}),
    (("triggers", 0, "metadata", "targetValue"), 4),
    (("triggers", 0, "authenticationRef"), "dayhand-metrics"),
)


def test_the_resources_of_keda_are_valid_and_each_fault_in_them_is_found() -> None:
    wrong = []
    for path, value in FAULTS:
        place: Any = (resource := copy.deepcopy(find("ScaledObject")))["spec"]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        wrong.append(resource)
    found = faults(find("ScaledObject"), find("TriggerAuthentication"), *wrong)
    assert found[:2] == [[], []]
    assert [path for (path, _), messages in zip(FAULTS, found[2:], strict=True) if not messages] == []


def test_workers_are_scaled_by_the_metrics_that_exist() -> None:
    """Neither schema knows the fields of a trigger: KEDA v2.20.2, ``metricsAPIScalerMetadata``."""
    scaled = find("ScaledObject")["spec"]
    by_name = {trigger["name"]: trigger["metadata"] for trigger in scaled["triggers"]}
    assert sorted(by_name) == sorted(UNFINISHED)
    (tasks,) = (metric for metric in METRICS if metric.name == "dayhand_tasks")
    assert (tasks.label, sorted(tasks.values)) == ("state", sorted(by_name))
    for state, trigger in by_name.items():
        assert trigger["valueLocation"] == f'dayhand_tasks{{state="{state}"}}'
        assert set(trigger) == {"url", "format", "valueLocation", "targetValue", "authMode"}
    assert scaled["advanced"]["scalingModifiers"]["formula"] == "queued + running"
    concurrency = {each["name"]: each["value"] for each in container("dayhand-worker")["env"]}[
        "DAYHAND_CONCURRENCY"
    ]
    assert {scaled["advanced"]["scalingModifiers"]["target"]} == {concurrency}


def test_a_worker_is_taken_away_slowly_and_has_time_to_hand_its_tasks_back() -> None:
    down = find("ScaledObject")["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 600
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 600}]
    settings = {each["name"]: each["value"] for each in container("dayhand-worker")["env"]}
    stop_seconds = read_settings(settings, dotenv=None).stop_seconds
    assert pod("dayhand-worker")["terminationGracePeriodSeconds"] >= stop_seconds + 30


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_no_pod_has_a_privilege_or_a_way_to_the_cluster(name: str) -> None:
    spec, only = pod(name), container(name)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert only["securityContext"]["allowPrivilegeEscalation"] is False
    assert only["securityContext"]["readOnlyRootFilesystem"] is True
    assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "hostPath" not in json.dumps(spec)
    assert only["resources"]["limits"]["memory"]
    assert "readinessProbe" in only


def test_only_workers_are_loosened_and_only_in_a_user_namespace_of_their_own() -> None:
    loosened = [name for name in WORKLOADS if "procMount" in container(name)["securityContext"]]
    assert loosened == ["dayhand-worker"]
    assert pod("dayhand-worker")["hostUsers"] is False
    assert pod("dayhand-worker")["securityContext"]["seccompProfile"]["type"] == "Localhost"
    for name in sorted(set(WORKLOADS) - {"dayhand-worker"}):
        assert pod(name)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert WORKLOADS[name]["metadata"]["namespace"] == "dayhand"
    levels = {
        each["metadata"]["name"]: each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for each in resources()
        if each["kind"] == "Namespace"
    }
    assert levels == {"dayhand": "restricted", "dayhand-workers": "privileged"}


def test_only_the_workers_have_the_key_of_the_model() -> None:
    holders = [name for name in WORKLOADS if "dayhand-model" in json.dumps(pod(name))]
    assert holders == ["dayhand-worker"]


def test_every_setting_in_the_files_exists() -> None:
    for example in sorted(FOLDER.rglob("*.example.env")):
        lines = [
            line for line in example.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
        ]
        values = dict(line.split("=", 1) for line in lines)
        assert {name for name in values if name.startswith("DAYHAND_")} <= set(KNOWN)
        read_settings(values, dotenv=None)


def test_what_is_not_allowed_by_name_is_refused() -> None:
    policies = [each for each in resources() if each["kind"] == "NetworkPolicy"]
    for namespace in ("dayhand", "dayhand-workers"):
        closed_ones = [
            each["spec"]
            for each in policies
            if (each["metadata"]["namespace"], each["metadata"]["name"]) == (namespace, "nothing-else")
        ]
        assert closed_ones == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]
    into_workers = [each for each in policies if each["metadata"]["namespace"] == "dayhand-workers"]
    assert [each for each in into_workers if each["spec"].get("ingress")] == []


@pytest.mark.parametrize(
    "address", [*METADATA_SERVICES, "10.0.0.1", "172.20.0.1", "192.168.1.1", "127.0.0.1", "::1"]
)
def test_no_policy_lets_a_pod_reach(address: str) -> None:
    wanted = ipaddress.ip_address(address)
    blocks = [
        target["ipBlock"]
        for policy in resources()
        if policy["kind"] == "NetworkPolicy"
        for rule in policy["spec"].get("egress", [])
        for target in rule["to"]
        if "ipBlock" in target
    ]
    assert blocks
    for block in blocks:
        inside = wanted in ipaddress.ip_network(block["cidr"])
        assert not inside or any(wanted in ipaddress.ip_network(each) for each in block["except"])


def test_every_budget_and_service_selects_a_workload() -> None:
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in WORKLOADS.values()]
    for each in resources():
        if each["kind"] in ("PodDisruptionBudget", "Service"):
            selector = each["spec"]["selector"]
            assert selector.get("matchLabels", selector) in labels
    budgets = {each["metadata"]["name"] for each in resources() if each["kind"] == "PodDisruptionBudget"}
    assert budgets == set(WORKLOADS) - {"valkey"}
