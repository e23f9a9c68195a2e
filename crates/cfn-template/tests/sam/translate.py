"""Prints, for every template given, what AWS's own transform makes of it.

`--policies` prints a template instead whose functions use every policy template there is.
"""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoPolicies:
    def load(self):
        return {}


def policies():
    import samtranslator

    path = os.path.join(os.path.dirname(samtranslator.__file__), "policy_templates_data", "policy_templates.json")
    with open(path) as file:
        templates = json.load(file)["Templates"]
    functions = {}
    for index, (name, template) in enumerate(templates.items()):
        given = {parameter: f"{name}-{parameter}" for parameter in template["Parameters"]}
        functions[f"F{index}"] = {
            "Type": "AWS::Serverless::Function",
            "Properties": {"InlineCode": "x", "Handler": "a.b", "Runtime": "nodejs22.x", "Policies": [{name: given}]},
        }
    return {"Transform": "AWS::Serverless-2016-10-31", "Resources": functions}


if sys.argv[1] == "--policies":
    print(json.dumps(policies()))
else:
    results = []
    for path in sys.argv[1:]:
        with open(path) as file:
            results.append(transform(yaml_parse(file.read()), {}, NoPolicies()))
    print(json.dumps(results))
