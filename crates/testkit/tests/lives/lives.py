"""Walks templates through a stack's whole life, and looks at the account after every step.

    lives.py FOLDER TEMPLATE...

The server is in AWS_ENDPOINT_URL. A template's first lines say what an update changes (`# update: OLD => NEW`).
A deployment is broken on purpose by one more resource, which comes after all others and cannot be made.
What is printed are the findings: a JSON list of texts, which is empty when everything is as CloudFormation
documents it.
"""

import io
import json
import re
import sys
import threading
import time
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from account import picture, stable

ROLE = "arn:aws:iam::000000000000:role/any"
BROKEN = """
  Broken:
    Type: AWS::StepFunctions::StateMachine
    DependsOn: [{others}]
    Properties: {{RoleArn: '{role}', DefinitionString: 'no definition'}}"""
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
ASSETS = "assets"


def clients():
    session = botocore.session.get_session()
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, inject_host_prefix=False)
    made = {}

    def client(name):
        if name not in made:
            made[name] = session.create_client(name, config=config)
        return made[name]

    return client


def archive(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in files.items():
            file.writestr(zipfile.ZipInfo(name.replace("_", ".")), text)
    return buffer.getvalue()


class Life:
    def __init__(self, client, path):
        self.client = client
        self.cloudformation = client("cloudformation")
        with open(path) as file:
            written = file.read()
        self.text = "\n" + re.sub(r"^#.*\n", "", written, flags=re.M)
        self.name = path.rsplit("/", 1)[-1].split(".")[0]
        self.findings = []
        self.changed = self.text
        self.stays = re.findall(r"^# stays: (.+)$", written, re.M)
        self.signals = re.findall(r"^# signal: (\w+)$", written, re.M)
        for line in re.findall(r"^# update: (.*)$", written, re.M):
            old, new = line.split(" => ", 1)
            if old not in self.changed:
                raise ValueError(f"{self.name}: nothing to change: {old}")
            self.changed = self.changed.replace(old, new)
        if self.changed == self.text:
            raise ValueError(f"{self.name}: nothing changes")

    def broken(self, text):
        head, rest = text.split("\nResources:", 1)
        resources = re.split(r"^\w", rest, maxsplit=1, flags=re.M)[0]
        others = ", ".join(re.findall(r"^  (\w+):(?!:)", resources, re.M))
        return head + "\nResources:" + BROKEN.format(others=others, role=ROLE) + rest

    def finding(self, step, text):
        self.findings.append(f"{self.name}, {step}: {text}")

    def stack(self):
        return self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]

    def answer_conditions(self):
        """Answers at every wait condition's address, once it is known."""
        answered = set()
        while len(answered) < len(self.signals):
            resources = self.cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
            for resource in resources:
                url = resource.get("PhysicalResourceId", "")
                if resource["LogicalResourceId"] in self.signals and url.startswith("http") and url not in answered:
                    said = {"Status": "SUCCESS", "UniqueId": "one", "Data": "done", "Reason": "done"}
                    request = urllib.request.Request(url, json.dumps(said).encode(), method="PUT")
                    urllib.request.urlopen(request).read()
                    answered.add(url)
            if self.stack()["StackStatus"] not in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
                return
            time.sleep(0.02)

    def deploy(self, step, operation, text, expected):
        url = self.upload(text)
        try:
            operation(StackName=self.name, TemplateURL=url, Capabilities=CAPABILITIES)
        except ClientError as error:
            self.finding(step, str(error))
            return None
        if self.signals:
            threading.Thread(target=self.answer_conditions, daemon=True).start()
        return self.settled(step, expected)

    def upload(self, text):
        self.client("s3").put_object(Bucket=ASSETS, Key=f"{self.name}.yaml", Body=text.encode())
        return f"https://s3.amazonaws.com/{ASSETS}/{self.name}.yaml"

    def settled(self, step, expected):
        deadline = time.time() + 120
        while time.time() < deadline:
            try:
                stack = self.stack()
            except ClientError as error:
                if expected == "gone":
                    return None
                self.finding(step, str(error))
                return None
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(0.02)
        if stack["StackStatus"] != expected:
            self.finding(step, f"{stack['StackStatus']} instead of {expected}: {self.failures()}")
        return stack

    def failures(self):
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        return [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed[:4]]

    def statuses(self, step, *allowed):
        resources = self.cloudformation.list_stack_resources(StackName=self.name)["StackResourceSummaries"]
        for resource in resources:
            if resource["ResourceStatus"] not in allowed:
                self.finding(step, f"{resource['LogicalResourceId']} is {resource['ResourceStatus']}")
        return resources

    def same(self, step, before, after, mend=lambda value: value):
        before, after = mend(before), mend(after)
        for key in sorted(set(before) | set(after)):
            if before.get(key) != after.get(key):
                old = json.dumps(before.get(key), sort_keys=True, default=str)
                new = json.dumps(after.get(key), sort_keys=True, default=str)
                self.finding(step, f"{key}\n    was {old}\n    is  {new}")

    def picture(self):
        return picture(self.client, self.name)

    def delete(self, step):
        self.cloudformation.delete_stack(StackName=self.name)
        self.settled(step, "gone")

    def live(self):
        create, update = self.cloudformation.create_stack, self.cloudformation.update_stack
        nothing = self.picture()

        step = "broken creation"
        self.deploy(step, create, self.broken(self.text), "ROLLBACK_COMPLETE")
        for resource in self.statuses(step, "DELETE_COMPLETE"):
            self.finding(step, f"{resource['LogicalResourceId']} is still there")
        self.same(step, nothing, self.picture())
        self.delete("deletion of what was rolled back")

        step = "creation"
        if not self.deploy(step, create, self.text, "CREATE_COMPLETE"):
            return
        made = {row["LogicalResourceId"] for row in self.statuses(step, "CREATE_COMPLETE")}
        first = self.picture()
        if first == nothing and not self.signals:
            self.finding(step, "nothing was made")

        step = "broken update"
        self.deploy(step, update, self.broken(self.changed), "UPDATE_ROLLBACK_COMPLETE")
        there = {row["LogicalResourceId"] for row in self.statuses(step, "CREATE_COMPLETE", "UPDATE_COMPLETE")}
        if there != made:
            self.finding(step, f"resources {sorted(there)} instead of {sorted(made)}")
        self.same(step, first, self.picture())

        step = "update"
        self.deploy(step, update, self.changed, "UPDATE_COMPLETE")
        self.statuses(step, "CREATE_COMPLETE", "UPDATE_COMPLETE")
        second = self.picture()
        if second == first and not self.signals:
            self.finding(step, "nothing has changed")

        step = "the same again"
        try:
            url = self.upload(self.changed)
            update(StackName=self.name, TemplateURL=url, Capabilities=CAPABILITIES)
            self.settled(step, "none")
        except ClientError as error:
            if "No updates are to be performed." not in str(error):
                self.finding(step, str(error))

        step = "broken way back"
        self.deploy(step, update, self.broken(self.text), "UPDATE_ROLLBACK_COMPLETE")
        self.same(step, second, self.picture())

        step = "way back"
        self.deploy(step, update, self.text, "UPDATE_COMPLETE")
        self.same(step, first, self.picture(), stable)

        self.delete("deletion")
        left = self.picture()
        for kind in self.stays:
            kept = [key for key in left if key.startswith(kind + " ") and key not in nothing]
            if len(kept) != 1:
                self.finding("deletion", f"{kept} is kept of {kind}")
            for key in kept:
                del left[key]
        self.same("deletion", nothing, left)

    def run(self):
        try:
            self.live()
        except Exception as error:
            self.finding("the walk itself", f"{type(error).__name__}: {error}")
        return self.findings


def main():
    folder, paths = sys.argv[1], sys.argv[2:]
    client = clients()
    bucket = client("s3")
    bucket.create_bucket(Bucket=ASSETS)
    for number in ("one", "two"):
        code = f"exports.handler = async () => '{number}';"
        bucket.put_object(Bucket=ASSETS, Key=f"{number}.zip", Body=archive(index_js=code))
        definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Comment": number, "End": True}}}
        bucket.put_object(Bucket=ASSETS, Key=f"{number}.asl.json", Body=json.dumps(definition).encode())
        with open(f"{folder}/inner/{number}.yaml") as file:
            bucket.put_object(Bucket=ASSETS, Key=f"inner-{number}.yaml", Body=file.read().encode())
    for service in ("lambda", "iam", "stepfunctions"):
        client(service)
    with ThreadPoolExecutor(1) as pool:
        findings = pool.map(lambda path: Life(client, path).run(), paths)
        print(json.dumps([finding for found in findings for finding in found]))


if __name__ == "__main__":
    main()
