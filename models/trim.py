#!/usr/bin/env python3
"""Trims botocore's API models to what the code generator reads.

    pip download botocore --no-deps && python3 models/trim.py botocore-*.whl

Writes `states.json` and `lambda.json` (shapes, traits, constraints, errors, HTTP bindings), `sdk.json`
(how the SDK of Step Functions names the services' members and errors) and
`catalog.json` (the names of the operations of the services that a workflow is likely to call, so
that "no such operation" and "not served here" are different answers). Documentation is left out.
"""

import gzip
import json
import pathlib
import sys
import zipfile

HERE = pathlib.Path(__file__).parent

# Folder of the model in botocore, and the operations that keep their shapes; None keeps all.
MODELS = {
    "states": ("stepfunctions/2016-11-23", None),
    "lambda": (
        "lambda/2015-03-31",
        [
            "CreateFunction",
            "DeleteFunction",
            "GetFunction",
            "GetFunctionConfiguration",
            "Invoke",
            "ListFunctions",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
        ],
    ),
}

# Services of which only the names of the operations are kept.
CATALOG = [
    "stepfunctions/2016-11-23",
    "lambda/2015-03-31",
    "cloudformation/2010-05-15",
    "dynamodb/2012-08-10",
    "events/2015-10-07",
    "iam/2010-05-08",
    "kms/2014-11-01",
    "logs/2014-03-28",
    "s3/2006-03-01",
    "secretsmanager/2017-10-17",
    "sns/2010-03-31",
    "sqs/2012-11-05",
    "ssm/2014-11-06",
    "sts/2011-06-15",
]

# How `arn:aws:states:::aws-sdk:NAME:…` calls a service and what its errors begin with: the package and
# the client of the second SDK for Java.
SDK_NAMES = {
    "states": ("sfn", "Sfn"),
    "lambda": ("lambda", "Lambda"),
    "cloudformation": ("cloudformation", "CloudFormation"),
    "dynamodb": ("dynamodb", "DynamoDb"),
    "events": ("eventbridge", "EventBridge"),
    "iam": ("iam", "Iam"),
    "kms": ("kms", "Kms"),
    "logs": ("cloudwatchlogs", "CloudWatchLogs"),
    "s3": ("s3", "S3"),
    "secretsmanager": ("secretsmanager", "SecretsManager"),
    "sns": ("sns", "Sns"),
    "sqs": ("sqs", "Sqs"),
    "ssm": ("ssm", "Ssm"),
    "sts": ("sts", "Sts"),
}

DROPPED = {"documentation", "documentationUrl", "endpoint", "endpointdiscovery", "examples", "deprecatedMessage"}


def load(archive, folder):
    with archive.open(f"botocore/data/{folder}/service-2.json.gz") as packed:
        return json.loads(gzip.decompress(packed.read()))


def without_documentation(value):
    if isinstance(value, dict):
        return {key: without_documentation(inner) for key, inner in value.items() if key not in DROPPED}
    if isinstance(value, list):
        return [without_documentation(inner) for inner in value]
    return value


def reachable(shapes, roots):
    """Returns the names of `roots` and of all shapes they refer to."""
    seen, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        shape = shapes[name]
        waiting += [member["shape"] for member in shape.get("members", {}).values()]
        waiting += [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]
    return seen


def trimmed(model, operations):
    kept = {name: op for name, op in model["operations"].items() if operations is None or name in operations}
    roots = [op[side]["shape"] for op in kept.values() for side in ("input", "output") if side in op]
    roots += [error["shape"] for op in kept.values() for error in op.get("errors", [])]
    names = reachable(model["shapes"], roots)
    # `members` is treated apart: a member may be called like a dropped trait.
    shapes = {}
    for name in sorted(names):
        shape = dict(model["shapes"][name])
        members = {key: without_documentation(member) for key, member in shape.pop("members", {}).items()}
        shapes[name] = without_documentation(shape)
        if shape["type"] == "structure":
            shapes[name]["members"] = members
    return {
        "metadata": model["metadata"],
        "operations": {name: without_documentation(op) for name, op in sorted(kept.items())},
        "shapes": shapes,
    }


def entry(model):
    metadata = model["metadata"]
    rest = metadata["protocol"].startswith("rest")
    operations = {}
    for name, operation in sorted(model["operations"].items()):
        http = operation["http"]
        operations[name] = f"{http['method']} {http['requestUri']}" if rest else ""
    return {
        "service": metadata["endpointPrefix"],
        "signing_name": metadata.get("signingName", metadata["endpointPrefix"]),
        "protocol": metadata["protocol"],
        "json_version": metadata.get("jsonVersion", ""),
        "target_prefix": metadata.get("targetPrefix", ""),
        "api_version": metadata["apiVersion"],
        "operations": operations,
    }


def sdk(model):
    """Returns what it takes to read a task's parameters as a call, and to show what comes back: by the
    names of members, which mean one thing within a service, or nearly so."""
    shapes = model["shapes"]
    service = model["metadata"]["endpointPrefix"]
    kinds = {"structure": "lists", "list": "lists", "map": "maps", "timestamp": "timestamps", "blob": "blobs"}
    found = {kind: set() for kind in ("small", "lists", "maps", "timestamps", "blobs", "texts")}
    roots = [op[side]["shape"] for op in model["operations"].values() for side in ("input", "output") if side in op]
    for name in reachable(shapes, roots):
        for member, reference in shapes[name].get("members", {}).items():
            if member[0].islower():
                found["small"].add(member)
            kind = shapes[reference["shape"]]["type"]
            if kind in kinds:
                found[kinds[kind]].add(member)
            elif kind == "string":
                found["texts"].add(member)
    # A name that is text here and more there is taken for more.
    texts = found.pop("texts")
    found["timestamps"] -= texts | found["lists"] | found["maps"]
    errors = {error["shape"] for op in model["operations"].values() for error in op.get("errors", [])}
    payloads = {}
    for name, op in model["operations"].items():
        for side in ("input", "output"):
            member = shapes[op[side]["shape"]].get("payload") if side in op else None
            if member and shapes[shapes[op[side]["shape"]]["members"][member]["shape"]]["type"] in ("blob", "string"):
                payloads.setdefault(name, {})[side] = member
    return {
        "service": service,
        "name": SDK_NAMES[service][0],
        "client": SDK_NAMES[service][1],
        "errors": sorted({shapes[error].get("error", {}).get("code", error) for error in errors} | errors),
        "payloads": payloads,
        **{kind: sorted(names) for kind, names in found.items()},
    }


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for name, (folder, operations) in MODELS.items():
            write(f"{name}.json", trimmed(load(archive, folder), operations))
        write("sdk.json", [sdk(load(archive, folder)) for folder in CATALOG])
        write("catalog.json", [entry(load(archive, folder)) for folder in CATALOG])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
