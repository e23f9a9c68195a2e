"""Makes calls with boto3: a line of JSON in, {"operation", "input"}, a line of JSON out, {"ok"} or {"error"}.

"paginate" instead of "operation" goes through boto3's paginator, in pages of two, and answers all pages as one.
"""

import json
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

config = Config(
    inject_host_prefix=False,
    parameter_validation=False,
    read_timeout=70,
    retries={"max_attempts": 0},
)
client = boto3.client("stepfunctions", config=config)


def answer(asked):
    if "paginate" in asked:
        pages = client.get_paginator(xform_name(asked["paginate"]))
        return pages.paginate(**asked["input"], PaginationConfig={"PageSize": 2}).build_full_result()
    return getattr(client, xform_name(asked["operation"]))(**asked["input"])


for line in sys.stdin:
    try:
        output = answer(json.loads(line))
        output.pop("ResponseMetadata", None)
        told = {"ok": output}
    except ClientError as error:
        told = {"error": {"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}}
    print(json.dumps(told, default=lambda moment: moment.timestamp()), flush=True)
