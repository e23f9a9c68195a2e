#!/usr/bin/env python3
"""Trims botocore's API models to what the code generator reads.

    pip download botocore --no-deps && python3 models/trim.py botocore-*.whl

Writes `states.json`, `lambda.json` and `logs.json` (shapes, traits, constraints, errors, HTTP bindings),
`sdk.json` (how the SDK of Step Functions names the services' members and errors) and
`catalog.json` (the names of the operations of the services that a workflow is likely to call, so
that "no such operation" and "not served here" are different answers), and `responses.bin` (what the
operations of the services that Step Functions calls answer: see `pack`). Documentation is left out.
"""

import gzip
import json
import pathlib
import sys
import zipfile
import zlib

HERE = pathlib.Path(__file__).parent

# Folder of the model in botocore, and the operations that keep their shapes; None keeps all.
MODELS = {
    "states": ("stepfunctions/2016-11-23", None),
    "logs": (
        "logs/2014-03-28",
        [
            "CreateLogGroup",
            "CreateLogStream",
            "DeleteLogGroup",
            "DeleteLogStream",
            "DeleteRetentionPolicy",
            "DescribeLogGroups",
            "DescribeLogStreams",
            "FilterLogEvents",
            "GetLogEvents",
            "ListTagsForResource",
            "ListTagsLogGroup",
            "PutLogEvents",
            "PutRetentionPolicy",
            "TagLogGroup",
            "TagResource",
            "UntagLogGroup",
            "UntagResource",
        ],
    ),
    "lambda": (
        "lambda/2015-03-31",
        [
            "AddLayerVersionPermission",
            "AddPermission",
            "CreateAlias",
            "CreateFunction",
            "CreateFunctionUrlConfig",
            "DeleteAlias",
            "DeleteFunction",
            "DeleteFunctionConcurrency",
            "DeleteFunctionEventInvokeConfig",
            "DeleteFunctionUrlConfig",
            "DeleteLayerVersion",
            "GetAlias",
            "GetFunction",
            "GetFunctionCodeSigningConfig",
            "GetFunctionConcurrency",
            "GetFunctionConfiguration",
            "GetFunctionEventInvokeConfig",
            "GetFunctionUrlConfig",
            "GetLayerVersion",
            "GetLayerVersionByArn",
            "GetLayerVersionPolicy",
            "GetPolicy",
            "Invoke",
            "ListAliases",
            "ListFunctionEventInvokeConfigs",
            "ListFunctionUrlConfigs",
            "ListFunctions",
            "ListLayerVersions",
            "ListLayers",
            "ListTags",
            "ListVersionsByFunction",
            "PublishLayerVersion",
            "PublishVersion",
            "PutFunctionConcurrency",
            "PutFunctionEventInvokeConfig",
            "RemoveLayerVersionPermission",
            "RemovePermission",
            "TagResource",
            "UntagResource",
            "UpdateAlias",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "UpdateFunctionEventInvokeConfig",
            "UpdateFunctionUrlConfig",
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
    "scheduler/2021-06-30",
    "secretsmanager/2017-10-17",
    "sns/2010-03-31",
    "sqs/2012-11-05",
    "ssm/2014-11-06",
    "sts/2011-06-15",
    "apigateway/2015-07-09",
    "apigatewayv2/2018-11-29",
    "cloudcontrol/2021-09-30",
]

# Services that share an endpoint with another one, which has its name already.
OTHER_NAMES = {"ApiGatewayV2": "apigatewayv2"}

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
    "scheduler": ("scheduler", "Scheduler"),
    "secretsmanager": ("secretsmanager", "SecretsManager"),
    "sns": ("sns", "Sns"),
    "sqs": ("sqs", "Sqs"),
    "ssm": ("ssm", "Ssm"),
    "sts": ("sts", "Sts"),
    "apigateway": ("apigateway", "ApiGateway"),
    "apigatewayv2": ("apigatewayv2", "ApiGatewayV2"),
}

# Services whose answers are known, so that a mocked one can be checked: the optimized integrations of
# Step Functions and the services that workflows call most through `aws-sdk`.
ANSWERED = """
    accessanalyzer acm amp amplify apigateway apigatewayv2 appconfig appconfigdata application-autoscaling
    appsync athena autoscaling backup batch bedrock bedrock-agent bedrock-agent-runtime bedrock-runtime
    budgets ce cloudformation cloudfront cloudtrail cloudwatch codebuild codecommit codedeploy codepipeline
    cognito-identity cognito-idp comprehend config connect databrew datasync dms docdb dynamodb dynamodbstreams
    ebs ec2 ecr ecs efs eks elasticache elasticbeanstalk elb elbv2 emr emr-containers emr-serverless events
    firehose forecast fsx glacier glue guardduty iam imagebuilder inspector2 iot iot-data kafka kendra kinesis
    kinesisanalyticsv2 kms lakeformation lambda lex-runtime lexv2-runtime location logs mediaconvert
    neptune opensearch organizations personalize pinpoint pipes polly quicksight ram rds rds-data redshift
    redshift-data rekognition resource-groups resourcegroupstaggingapi route53 s3 s3control sagemaker
    sagemaker-runtime scheduler schemas secretsmanager securityhub serverlessrepo service-quotas
    servicecatalog servicediscovery ses sesv2 sns sqs ssm sso-admin states stepfunctions sts support
    synthetics textract timestream-query timestream-write transcribe transfer translate wafv2 workspaces xray
"""

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


def name_of(metadata):
    return OTHER_NAMES.get(metadata["serviceId"], metadata["endpointPrefix"])


def entry(model):
    metadata = model["metadata"]
    rest = metadata["protocol"].startswith("rest")
    operations = {}
    for name, operation in sorted(model["operations"].items()):
        http = operation["http"]
        operations[name] = f"{http['method']} {http['requestUri']}" if rest else ""
    return {
        "service": name_of(metadata),
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
    service = name_of(model["metadata"])
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


def numbered(shapes, roots):
    """Returns the names that `roots` reach, in the order in which they are met."""
    places, waiting = {}, list(roots)
    while waiting:
        name = waiting.pop(0)
        if name in places:
            continue
        places[name] = len(places)
        shape = shapes[name]
        waiting += [member["shape"] for member in shape.get("members", {}).values()]
        waiting += [shape[part]["shape"] for part in ("member", "value") if part in shape]
    return places


def answers(model):
    """Returns the text of what a service answers: a line of operations, `Name=N Name …`, then line N is
    shape N: `{Member!:N …` (`!`: always there), `[N`, `%N` (a map), `"` (with a set: `"A` B …`, parted
    by the character 31), `#MIN MAX`, `?`, `@` (a moment), `*` (bytes)."""
    shapes, operations = model["shapes"], model["operations"]
    places = numbered(shapes, [op["output"]["shape"] for op in operations.values() if "output" in op])
    lines = [" ".join(f"{name}={places[op['output']['shape']]}" if "output" in op else name for name, op in sorted(operations.items()))]
    for name in places:
        shape = shapes[name]
        kind = shape["type"]
        if kind == "structure":
            always = shape.get("required", [])
            lines.append("{" + " ".join(f"{key}{'!' if key in always else ''}:{places[member['shape']]}" for key, member in shape["members"].items()))
        elif kind == "list":
            lines.append(f"[{places[shape['member']['shape']]}")
        elif kind == "map":
            lines.append(f"%{places[shape['value']['shape']]}")
        elif kind == "string":
            lines.append('"' + "\x1f".join(shape.get("enum", [])))
        elif kind in ("integer", "long", "float", "double"):
            lines.append(f"#{shape.get('min', '')} {shape.get('max', '')}".rstrip())
        else:
            lines.append({"boolean": "?", "timestamp": "@", "blob": "*"}[kind])
    return "\n".join(lines)


def pack(archive):
    """Returns the answers of the services: the length of a directory in four bytes, the directory
    (`name length unpacked` a line), and the services' texts in its order, each packed by zlib."""
    folders = {}
    for path in archive.namelist():
        if path.endswith("/service-2.json.gz"):
            _, _, service, version, _ = path.split("/")
            folders[service] = max(folders.get(service, ""), version)
    directory, packed = [], []
    for service in ANSWERED.split():
        if service not in folders:
            continue
        model = load(archive, f"{service}/{folders[service]}")
        name = model["metadata"]["serviceId"].lower().replace(" ", "").replace("-", "")
        text = answers(model).encode()
        packed.append(zlib.compress(text, 9))
        directory.append(f"{name} {len(packed[-1])} {len(text)}\n")
    head = "".join(directory).encode()
    return len(head).to_bytes(4, "big") + head + b"".join(packed)


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for name, (folder, operations) in MODELS.items():
            write(f"{name}.json", trimmed(load(archive, folder), operations))
        write("sdk.json", [sdk(load(archive, folder)) for folder in CATALOG])
        write("catalog.json", [entry(load(archive, folder)) for folder in CATALOG])
        (HERE / "responses.bin").write_bytes(pack(archive))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
